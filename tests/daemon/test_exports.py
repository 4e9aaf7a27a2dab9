"""Exports over HTTP: every ad of the list in one file, as of one moment, kept once and for a while."""

from __future__ import annotations

import csv
import io
import tracemalloc
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import text

from core.domain.principal import Permission, Principal
from core.errors import RetryableError
from core.pipeline.progress import report_progress
from core.pipeline.redrive import redrive
from core.ports import ReceivedMessage
from core.queries.ads import COPY_CHARACTERS, AdCard
from core.queries.exports import COLUMNS
from daemon.handlers.dead_letters import DeadLetterHandler
from tests.builders import AnAd, store
from tests.daemon.conftest import StartDaemon
from tests.daemon.exporting import Exports, KilledError, killed_at
from tests.daemon.support import LocalDaemon, a_key

OTHER = Principal("other")
LABELS = {"hook": ("question",), "tone": ("calm", "warm")}
POINTS = ("export.begun", "export.written", "export.stored", "export.finished")


@pytest.fixture
def exports(daemon: LocalDaemon) -> Exports:
    return Exports(daemon)


def some_ads(number: int, *, brand: str = "acme", **fields: Any) -> list[AnAd]:
    days = [date(2026, 3, 1 + position % 28) for position in range(number)]
    return [AnAd(f"{brand}{position}", brand, first_seen=day, **fields) for position, day in enumerate(days)]


def listed(daemon: LocalDaemon, query: str = "") -> list[dict[str, Any]]:
    """Every page of the list of ads."""
    found, cursor = [], ""
    while cursor is not None:
        page = daemon.get(f"/api/v1/brandspaces/all/ads?limit=70&{query}{cursor}").json
        found += page["items"]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return found


def cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


# --- what is in it ------------------------------------------------------------------------------------


def test_an_export_is_queued_as_a_request(exports: Exports) -> None:
    answer = exports.daemon.post("/api/v1/exports", {"brandspace": "all", "filters": {"brands": ["acme"]}})

    assert (answer.status, answer.json["status"]) == (202, "processing")
    request = exports.request(answer.json["request_id"])
    assert (request["kind"], request["status"]) == ("export", "queued")
    assert request["params"] == {
        "brandspace": "all",
        "filters": {"brands": ["acme"]},
        "format": "csv",
        "sort": "newest",
    }


def test_an_export_says_of_each_ad_what_the_list_says(exports: Exports) -> None:
    long_copy = "long " * COPY_CHARACTERS
    store(exports.daemon.services.database, *some_ads(203), AnAd("x", copy=long_copy, labels=LABELS, sha256="a" * 64))

    request_id = exports.made(format="ndjson", sort="oldest")

    rows, cards = exports.rows(request_id), listed(exports.daemon, "sort=oldest")
    assert len(rows) == len(cards) == exports.request(request_id)["result"]["rows"] == 204
    for row, card in zip(rows, cards, strict=True):
        assert {name: row[name] for name in card if name not in ("copy", "cover_url")} == {
            name: value for name, value in card.items() if name not in ("copy", "cover_url")
        }
    whole = next(row for row in rows if row["external_id"] == "x")
    assert whole["copy"] == long_copy
    assert whole["media"] == [{"role": "image", "status": "ok", "reason": None, "sha256": "a" * 64}]
    assert whole["labels"] == {"hook": ["question"], "tone": ["calm", "warm"]}


def test_a_row_has_every_field_of_a_card() -> None:
    assert {field.name for field in fields(AdCard)} <= {*COLUMNS, "labels"}


def test_csv_has_a_column_for_each_field_and_each_dimension(exports: Exports) -> None:
    labelled = AnAd("1", labels=LABELS, countries=("DE", "FR"), sha256="a" * 64)
    store(exports.daemon.services.database, labelled)

    content = exports.content(exports.made()).body

    head, row = cells(content)
    assert content.startswith(b"\xef\xbb\xbf")  # Excel reads UTF-8 by this
    assert tuple(head[: len(COLUMNS)]) == COLUMNS
    dimensions = ("language", *exports.daemon.services.taxonomy.dimensions)
    assert head[len(COLUMNS) :] == [f"label_{name}" for name in dimensions]
    told = dict(zip(head, row, strict=True))
    assert (told["countries"], told["label_hook"], told["label_tone"]) == ("DE; FR", "question", "calm; warm")
    assert (told["media"], told["days_seen"], told["has_text"]) == ("image ok " + "a" * 64, "1", "true")
    assert (told["run_start"], told["label_offer"]) == ("", "")  # nobody knows


def test_an_export_holds_what_passes_the_filters_and_says_which(exports: Exports) -> None:
    brands = [f"brand{number}" for number in range(21)]
    store(
        exports.daemon.services.database,
        *(AnAd(brand, brand, labels=LABELS) for brand in brands),
        AnAd("no text", "brand0", copy=""),
    )

    request_id = exports.made(filters={"brands": brands[:20]}, format="ndjson")

    result = exports.request(request_id)["result"]
    assert {row["brand"] for row in exports.rows(request_id)} == set(brands[:20])
    assert result["filters"] == {"brands": brands[:20]}
    ledger = {"stored": 21, "labelled": 20, "refused": 0, "failed": 0, "pending": 0, "not_asked": 0, "without_text": 1}
    assert ledger.items() <= result["coverage"].items()
    assert result["bytes"] == len(exports.content(request_id).body)


def test_an_export_of_nothing_is_a_head_without_rows(exports: Exports) -> None:
    request_id = exports.made()

    assert len(cells(exports.content(request_id).body)) == 1
    assert exports.request(request_id)["result"]["rows"] == 0


def test_an_export_is_as_of_one_moment(exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    database = exports.daemon.services.database
    store(database, *some_ads(201))
    tell = type(exports.exporter)._tell

    def tell_and_store(exporter: Any, *progress: Any) -> None:
        tell(exporter, *progress)
        store(database, AnAd(f"late{progress[1]}", first_seen=date(2026, 1, 1)))  # the last of the list

    monkeypatch.setattr(type(exports.exporter), "_tell", tell_and_store)
    request_id = exports.made(format="ndjson")

    assert len(exports.rows(request_id)) == 201
    assert exports.request(request_id)["result"]["coverage"]["stored"] == 201
    assert len(listed(exports.daemon)) == 203


def test_progress_is_told_with_each_thousand_rows(exports: Exports) -> None:
    store(exports.daemon.services.database, *some_ads(1_201))

    request_id = exports.made()

    assert exports.request(request_id)["progress"] == {"rows": 1_201, "of": 1_201}
    told = text("SELECT body -> 'result' ->> 'rows' FROM event WHERE request_id = :id ORDER BY event_id")
    with exports.daemon.services.database.machinery() as connection:
        assert list(connection.execute(told, {"id": request_id}).scalars()) == [None, "0", "1000", "1201", "1201"]


def test_memory_does_not_grow_with_the_rows(exports: Exports) -> None:
    store(exports.daemon.services.database, *some_ads(3_000, copy="word " * 1_600))
    exports.made(filters={"brands": ["nobody"]})  # what is loaded once is loaded
    request_id = exports.ask(format="ndjson")

    tracemalloc.start()
    exports.work()
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert exports.request(request_id)["result"]["bytes"] > 24_000_000
    assert peak_bytes < 16_000_000


# --- the file -----------------------------------------------------------------------------------------


def test_the_file_comes_with_its_name_type_and_length(exports: Exports) -> None:
    request_id = exports.made()

    answer = exports.content(request_id)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="adology-20')
    assert answer.headers["Content-Disposition"].endswith(f'{request_id[:8]}.csv"')
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_file_is_packed_for_whoever_accepts_gzip(exports: Exports) -> None:
    store(exports.daemon.services.database, *some_ads(300))
    request_id = exports.made()
    plain = exports.content(request_id)

    packed = exports.content(request_id, Accept_Encoding="gzip")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.body == plain.body  # the client unpacks


def test_a_broken_download_is_continued(exports: Exports) -> None:
    request_id = exports.made()
    whole = exports.content(request_id).body

    rest = exports.content(request_id, Range="bytes=10-")

    assert (rest.status, rest.body) == (206, whole[10:])


def test_there_is_no_file_before_the_export_is_completed(exports: Exports) -> None:
    answer = exports.content(exports.ask())

    assert (answer.status, answer.error["code"]) == (409, "conflict")


# --- whose it is --------------------------------------------------------------------------------------


def test_another_organisation_finds_no_export_and_no_ad_of_ours(exports: Exports) -> None:
    daemon = exports.daemon
    store(daemon.services.database, AnAd("ours", scope="local", account="l"), AnAd("public"))
    request_id = exports.made(format="ndjson")
    theirs = {"Authorization": f"Bearer {a_key(daemon.services, OTHER)}"}

    assert daemon.get(f"/api/v1/exports/{request_id}/content", **theirs).status == 404
    assert daemon.get(f"/api/v1/requests/{request_id}", **theirs).status == 404
    own = daemon.post("/api/v1/exports", {"brandspace": "all", "format": "ndjson"}, **theirs).json["request_id"]
    exports.work()
    content = daemon.get(f"/api/v1/exports/{own}/content", **theirs).body
    assert (content.count(b"\n"), b"ours" in content) == (1, False)
    assert {row["external_id"] for row in exports.rows(request_id)} == {"ours", "public"}


def test_a_key_that_may_only_read_exports_nothing(exports: Exports) -> None:
    daemon = exports.daemon
    key = a_key(daemon.services, Principal("local"), Permission.READ)

    answer = daemon.post("/api/v1/exports", {"brandspace": "all"}, Authorization=f"Bearer {key}")

    assert answer.status == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"brandspace": "nobodys"}, 404),
        ({"brandspace": "all", "format": "xlsx"}, 400),
        ({"brandspace": "all", "sort": "prettiest"}, 400),
        ({"brandspace": "all", "filters": {"formats": ["scroll"]}}, 400),
        ({"brandspace": "all", "filters": {"brand": ["misspelt"]}}, 422),
        ({"brandspace": "all", "filters": {"words": "\0"}}, 400),
    ],
)
def test_what_cannot_be_exported_is_refused_at_once(exports: Exports, body: dict[str, Any], status: int) -> None:
    assert exports.daemon.post("/api/v1/exports", body).status == status


# --- once, whatever happens ---------------------------------------------------------------------------


def test_an_export_delivered_twice_is_kept_once(exports: Exports) -> None:
    request_id = exports.made()
    first = exports.request(request_id)
    exports.daemon.services.queue.send_batch("request-queue", [f'{{"request_id": "{request_id}"}}'])

    exports.work()

    assert exports.request(request_id) == first


def test_of_two_workers_at_once_one_ends_the_export_and_the_other_leaves_nothing(exports: Exports) -> None:
    request_id = exports.ask(format="ndjson")
    late = exports.exporter
    objects = late.objects
    stored = []

    class MeanwhileAnother:
        """While the slow worker stores its file, the ads change and another worker is done."""

        def __getattr__(self, name: str) -> Any:
            return getattr(objects, name)

        def put(self, stream: Any, *, max_bytes: int) -> Any:
            store(exports.daemon.services.database, AnAd("new"))
            exports.exporter.export(request_id)
            stored.append(objects.put(stream, max_bytes=max_bytes))
            return stored[0]

    object.__setattr__(late, "objects", MeanwhileAnother())
    late.export(request_id)

    assert [row["external_id"] for row in exports.rows(request_id)] == ["new"]
    assert not exports.stored(stored[0].sha256)


@pytest.mark.parametrize("point", POINTS)
def test_the_export_of_a_worker_that_died_is_taken_over(exports: Exports, point: str) -> None:
    store(exports.daemon.services.database, *some_ads(3))
    request_id = exports.ask(format="ndjson")
    with killed_at(point), pytest.raises(KilledError):
        exports.exporter.export(request_id)
    store(exports.daemon.services.database, AnAd("later"))

    exports.work()  # its message comes again

    result = exports.request(request_id)["result"]
    assert len(exports.rows(request_id)) == result["rows"] == (3 if point == "export.finished" else 4)
    with exports.daemon.services.database.machinery() as connection:
        claimed = connection.execute(text("SELECT sha256 FROM export_file")).scalars().all()
    assert claimed == [result["sha256"]]
    assert exports.files == [result["sha256"]]  # what the dead worker stored is gone


def test_a_worker_that_stops_gives_its_export_back(exports: Exports) -> None:
    store(exports.daemon.services.database, *some_ads(3))
    request_id = exports.ask()
    exports.stopping.set()
    with pytest.raises(RetryableError, match="this worker stops"):
        exports.exporter.export(request_id)
    exports.stopping.clear()

    exports.work()

    assert exports.request(request_id)["status"] == "completed"


def test_an_export_is_cancelled_while_it_is_written(exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    store(exports.daemon.services.database, *some_ads(3))
    request_id = exports.ask()
    keep = type(exports.exporter)._keep

    def cancel_and_keep(exporter: Any, *written: Any) -> None:
        assert exports.daemon.post(f"/api/v1/requests/{request_id}/cancel", {}).status == 200
        keep(exporter, *written)

    monkeypatch.setattr(type(exports.exporter), "_keep", cancel_and_keep)
    exports.work()

    assert exports.request(request_id)["status"] == "cancelled"
    assert exports.content(request_id).status == 409
    assert exports.files == []


def test_an_export_that_fails_says_why(exports: Exports) -> None:
    daemon = exports.daemon
    body = {"name": "ours", "competitors": ["acme"]}
    brandspace = daemon.post("/api/v1/brandspaces", body).json["brandspace_id"]
    request_id = exports.ask(brandspace=brandspace)
    with daemon.services.database.machinery() as connection:
        connection.execute(text("UPDATE brandspace SET archived_at = now()"))

    exports.work()

    request = exports.request(request_id)
    assert (request["status"], request["result"]) == ("failed", None)
    assert "this brandspace is archived" in request["error"]
    assert exports.content(request_id).status == 409


def test_an_export_that_killed_its_workers_ends_and_can_be_tried_again(exports: Exports) -> None:
    services, request_id = exports.daemon.services, exports.ask()
    handler = exports.consumer().handler
    dead = DeadLetterHandler(handler, "request-queue", services.runs)
    body = f'{{"request_id": "{request_id}", "scope": "local"}}'
    dead.handle(ReceivedMessage("request-queue-dlq", "m", "r", body, 2))
    assert "its worker died each time" in exports.request(request_id)["error"]

    with services.database.machinery() as connection:
        letter = connection.execute(text("SELECT dead_letter_id FROM dead_letter")).scalar_one()
    redrive(services.database, letter)
    exports.work()

    assert (exports.request(request_id)["status"], exports.request(request_id)["error"]) == ("completed", None)


def test_an_export_is_not_reported_as_a_request_of_runs(exports: Exports) -> None:
    request_id = exports.ask()
    with killed_at("export.begun"), pytest.raises(KilledError):
        exports.exporter.export(request_id)

    assert report_progress(exports.daemon.services.database) == 0
    assert exports.request(request_id)["status"] == "processing"


# --- for a while --------------------------------------------------------------------------------------


def test_a_file_is_deleted_after_the_days_it_is_kept(start_daemon: StartDaemon) -> None:
    exports = Exports(start_daemon(export_days=2))
    request_id = exports.made()
    sha256 = exports.request(request_id)["result"]["sha256"]

    with time_machine.travel(exports.daemon.services.clock.now() + timedelta(days=2, minutes=1), tick=True):
        assert exports.content(request_id).status == 410  # even before the sweep
        exports.exporter.forget_expired()

        assert not exports.stored(sha256)
        gone = exports.content(request_id)
        assert (gone.status, gone.error["code"]) == (410, "stale")
        assert "ask for the export again" in gone.error["message"]
        assert exports.request(request_id)["result"]["expired"] is True


def test_content_that_another_live_export_has_stays(exports: Exports) -> None:
    first = exports.made()
    with time_machine.travel(exports.daemon.services.clock.now() + timedelta(days=4), tick=True):
        second = exports.made()
    sha256 = exports.request(first)["result"]["sha256"]
    assert exports.request(second)["result"]["sha256"] == sha256

    with time_machine.travel(exports.daemon.services.clock.now() + timedelta(days=8), tick=True):
        assert exports.exporter.forget_expired() == 1
        assert exports.content(first).status == 410
        assert exports.content(second).status == 200
    with time_machine.travel(exports.daemon.services.clock.now() + timedelta(days=12), tick=True):
        assert exports.exporter.forget_expired() == 1
        assert not exports.stored(sha256)
