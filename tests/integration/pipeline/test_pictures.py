"""Pictures are read once per content, behind everything else; whoever dies of one is followed by another."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from core.ai.on_screen_text import ReadingStatus
from core.domain.media import MediaRef, MediaRole, MediaStatus
from core.domain.principal import Principal
from core.errors import MediaProblemError, UnavailableError, WaitingForTurnError
from core.messages import BACKGROUND_SUFFIX, PICTURE_QUEUE, PictureMessage
from core.pipeline.analysis import ask_for_analysis
from daemon.roles import build_picture_reader
from tests.fakes.text_reader import FakeTextReader, a_line
from tests.running_system import System, a_picture, an_ad

PICTURES = (PICTURE_QUEUE, PICTURE_QUEUE + BACKGROUND_SUFFIX)
RED, BLUE = "#ff0000", "#0000ff"
ACME = PictureMessage(brand="acme", scope="shared")


def fake(system: System) -> FakeTextReader:
    reader = system.services.text_reader
    assert isinstance(reader, FakeTextReader)
    return reader


def readings(system: System) -> dict[str, dict[str, Any]]:
    return {row["sha256"]: row for row in system.rows("image_reading")}


def ingest_pictures(system: System, *colours: str) -> list[str]:
    """An ad a colour, stored and labelled, pictures unread; their hashes."""
    urls = [system.upload(a_picture(colour)) for colour in colours]
    ads = [an_ad(str(number), f"Runs for {number} miles.", url) for number, url in enumerate(urls)]
    system.ask(ads)
    system.work(without=PICTURES)
    return [url.split("/")[2] for url in urls]


def execute(system: System, statement: str, **values: Any) -> None:
    with system.services.database.worker("shared") as connection:
        connection.execute(text(statement), values)


def test_what_stands_on_a_picture_is_stored_beside_a_thumbnail_and_measured_labels(system: System) -> None:
    fake(system).lines = (a_line("Half price"), a_line("OIx", 0.4))

    (sha256,) = ingest_pictures(system, "red")
    system.work()

    row = readings(system)[sha256]
    assert (row["status"], row["text"], row["script"]) == ("ok", "Half price", "latin")
    assert row["reason"] == "1 other line withheld: the ad's language isn't known, and what was found isn't sure enough"
    assert row["blocks"] == [{"text": "Half price", "box": [0.2, 0.4, 0.8, 0.5], "confidence": 0.99}]
    assert (row["attempts"], row["reader"], row["claimed_until"]) == (1, "fake-reader/1", None)
    with system.services.objects.open(row["thumbnail_sha256"]) as thumbnail:
        assert thumbnail.read(4) == b"RIFF"
    (content,) = system.rows("content", "kind = 'picture'")
    assert (content["content_id"], content["text"]) == (sha256, "Half price")
    labels = system.rows("label", "content_id = :id", id=sha256)
    found = {(label["dimension"], label["value"], label["modality"]) for label in labels}
    assert found == {
        ("visual_colour", "red", "image"),
        ("visual_shape", "landscape", "image"),
        ("visual_text", "some", "image"),
    }


def test_a_request_and_every_text_label_are_done_before_a_picture_is_read(system: System) -> None:
    request_id = system.ask([an_ad("1", "Buy one now. Only today!", system.upload(a_picture("red")))])
    system.work(without=PICTURES)

    assert system.request(request_id)["status"] == "completed"
    assert all(row["labelled_with"] for row in system.rows("content"))
    assert fake(system).read_colours == {}
    assert system.services.queue.depth(PICTURES[1]).waiting == 1
    system.work()
    assert fake(system).read_colours == {RED: 1}


def test_a_picture_is_read_once_however_many_ads_and_runs_show_it(system: System) -> None:
    red = system.upload(a_picture("red"))
    system.ingest(an_ad("1", "One.", red), an_ad("2", "Two.", red))
    system.ingest(an_ad("3", "Three.", red))

    assert fake(system).read_colours == {RED: 1}


def test_a_brand_that_somebody_asks_for_is_read_ahead_of_the_background(system: System) -> None:
    ingest_pictures(system, "red")
    ask_for_analysis(system.services.database, Principal("local"), "acme")
    system.work(without=PICTURES)

    assert system.services.queue.depth(PICTURES[0]).waiting == 2  # what is shared, what is the asker's own


def test_a_page_picture_and_a_video_are_not_read(system: System) -> None:
    avatar, video = system.upload(a_picture("blue", (60, 60))), system.upload(b"\0\0\0\x20ftypisom" + bytes(100))
    ads = [an_ad(str(n), f"Says {n}.", avatar, page_id="page") for n in range(4)]
    system.ingest(*ads, an_ad("v", "A film.", MediaRef(MediaRole.VIDEO, video)))

    assert fake(system).read_colours == {}
    assert readings(system) == {}


def test_the_reader_is_told_the_languages_of_the_ads(system: System) -> None:
    red = system.upload(a_picture("red"))
    fake(system).lines = (a_line("刀从居口大正", 0.75), a_line("JOY", 1.0))
    system.ingest(an_ad("1", "아이돌 연습생 데뷔조 기싸움, 지금 무료로 보세요.", red))

    (row,) = readings(system).values()
    assert fake(system).asked == [{"ko"}]
    assert (row["status"], row["text"]) == ("ok", "JOY")
    assert row["reason"] == "1 other line withheld: the ad is in Korean, a script that isn't read here"


def test_a_picture_nobody_can_read_ends_with_the_reason(system: System) -> None:
    def refuse(colour: str) -> None:
        raise MediaProblemError(MediaStatus.UNREADABLE, "its reader crashed (SIGSEGV)")

    fake(system).before = refuse
    (sha256,) = ingest_pictures(system, "red")
    system.work()

    row = readings(system)[sha256]
    assert (row["status"], row["reason"], row["text"]) == ("unreadable", "its reader crashed (SIGSEGV)", "")
    assert system.rows("label", "content_id = :id", id=sha256) == []


def test_without_a_reader_pictures_wait_and_no_attempt_is_counted(system: System) -> None:
    def away(colour: str) -> None:
        raise UnavailableError("the image reader doesn't start")

    fake(system).before = away
    (sha256,) = ingest_pictures(system, "red")
    for _ in range(5):
        system.bring_forward_delayed_messages()
        system.poll(PICTURES[1])
    before = readings(system)[sha256]
    fake(system).before = lambda colour: None
    system.work()

    assert (before["status"], before["attempts"], before["claimed_until"]) == (None, 0, None)
    assert (readings(system)[sha256]["status"], readings(system)[sha256]["attempts"]) == ("no_text", 1)


def test_two_workers_read_each_picture_once(system: System) -> None:
    colours = [f"#{n:02x}8000" for n in range(0, 240, 20)]
    ingest_pictures(system, *colours)
    both_at_work = threading.Barrier(2, timeout=10)
    first_of = threading.local()

    def meet(colour: str) -> None:
        if not getattr(first_of, "has_met", False):
            first_of.has_met = True
            both_at_work.wait()

    fake(system).before = meet
    readers = [build_picture_reader(system.services) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(_read_to_the_end, readers))

    assert fake(system).read_colours == dict.fromkeys(colours, 1)
    assert {row["status"] for row in readings(system).values()} == {"no_text"}


def _read_to_the_end(reader: Any) -> None:
    try:
        while not reader.read(ACME):
            pass
    except WaitingForTurnError:  # the other has the last one
        pass


def test_what_a_dead_worker_held_is_waited_for_then_taken_over_and_the_late_one_stores_nothing(
    system: System,
) -> None:
    (sha256,) = ingest_pictures(system, "red")
    fake(system).lines = (a_line("LATE TEXT"),)
    reader = build_picture_reader(system.services)

    def be_overtaken(colour: str) -> None:
        """Our claim lapses while we read; another takes the picture over and is done first."""
        fake(system).before = lambda colour: None
        with pytest.raises(WaitingForTurnError):
            build_picture_reader(system.services).read(ACME)
        execute(system, "UPDATE image_reading SET claimed_until = now() - interval '1 second'")
        fake(system).lines = (a_line("FIRST TEXT"),)
        assert build_picture_reader(system.services).read(ACME)
        fake(system).lines = (a_line("LATE TEXT"),)

    fake(system).before = be_overtaken
    assert reader.read(ACME)

    row = readings(system)[sha256]
    assert (row["text"], row["attempts"], row["status"]) == ("FIRST TEXT", 2, "ok")
    assert fake(system).read_colours == {RED: 2}
    assert [content["text"] for content in system.rows("content", "kind = 'picture'")] == ["FIRST TEXT"]
    assert len(system.rows("label", "content_id = :id", id=sha256)) == 3


def test_a_picture_that_kills_its_worker_each_time_is_unreadable(system: System) -> None:
    (sha256,) = ingest_pictures(system, "red")
    execute(
        system,
        "INSERT INTO image_reading (scope, sha256, claimed_until, attempts)"
        " VALUES ('shared', :sha256, now() - interval '1 second', 3)",
        sha256=sha256,
    )
    system.work()

    row = readings(system)[sha256]
    assert (row["status"], row["reason"]) == (ReadingStatus.UNREADABLE, "its reader died 3 times")
    assert fake(system).read_colours == {}


def test_creatives_stored_before_figures_were_computed_get_them(system: System) -> None:
    (sha256,) = ingest_pictures(system, "red")
    execute(system, "UPDATE creative SET colours = NULL, perceptual_hash = NULL")
    system.work()

    (row,) = system.rows("creative", "sha256 = :sha256", sha256=sha256)
    assert row["colours"] == [{"hex": RED, "share": 1.0}]


def test_another_scope_reads_its_own(system: System) -> None:
    red = system.upload(a_picture("red"))
    system.ingest(an_ad("1", "One.", red))
    system.ingest(an_ad("1", "One.", red), principal=Principal("ours"), scope="private")

    assert fake(system).read_colours == {RED: 2}
    assert [row["scope"] for row in system.rows("image_reading", scope="ours")] == ["ours", "shared"]
