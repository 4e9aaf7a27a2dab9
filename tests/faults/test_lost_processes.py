"""Processes that die, stand still or are exchanged in the middle of their work."""

from __future__ import annotations

import os
import signal
import time

import pytest

from core.domain.ad import AdRecord
from core.domain.media import MediaRef, MediaRole, MediaStatus
from core.messages import URL_QUEUE
from tests.faults.daemon_process import KILLER, SLOW
from tests.faults.figures import tell
from tests.faults.processes import Processes
from tests.faults.role_process import REGISTRY, SCHEDULER, WORKER, wait_until
from tests.running_system import a_picture, an_ad

FULL = bool(os.environ.get("FULL"))
BUSY_SECONDS = 10  # what a machine with other work may add to a time that was promised


def some_ads(processes: Processes, *names: str, brand: str = "Acme", colour: str = "red") -> list[AdRecord]:
    """One with a picture of each name, and one without. What two brands show has nothing in common."""
    urls = [processes.upload(a_picture(colour), name) for name in names]
    shown = [an_ad(f"{brand}-{number}", "", url, brand_name=brand) for number, url in enumerate(urls)]
    return [an_ad(f"{brand}-text", brand_name=brand), *shown]


@pytest.mark.slow
def test_a_dead_committers_run_is_committed_within_lease_and_sweep(
    clean: Processes, capsys: pytest.CaptureFixture[str]
) -> None:
    with clean.worker.standing_still():
        armed = clean.start(WORKER, crash_at="commit.begun")
        request_id = clean.ask(some_ads(clean, "a.png"))
        wait_until(lambda: armed.has_crashed, "the committer dies")
        died = time.monotonic()
        wait_until(lambda: bool(clean.storage.rows("SELECT 1 FROM run WHERE state = 'committed'")), "another commits")
        seconds = time.monotonic() - died
    clean.wait_until_done(request_id)

    promised = clean.settings.lease_seconds + clean.settings.sweep_seconds
    tell(capsys, "committer-dies", seconds_to_commit=round(seconds, 1), lease_and_sweep=promised)
    assert seconds < promised + BUSY_SECONDS


@pytest.mark.parametrize("point", [pytest.param("commit.begun", marks=pytest.mark.slow), "commit.written"])
def test_a_committer_that_stood_still_writes_nothing_when_another_has_committed(clean: Processes, point: str) -> None:
    records = some_ads(clean, "a.png")
    undisturbed = clean.undisturbed(records)
    with clean.worker.standing_still():
        armed = clean.start(WORKER, crash_at=f"{point}:stop")
        request_id = clean.ask(records)
        wait_until(lambda: armed.stands_still, f"the committer stands still at {point}")
        wait_until(lambda: bool(clean.storage.rows("SELECT 1 FROM run WHERE state = 'committed'")), "another commits")
    clean.wait_until_done(request_id)
    assert clean.storage.outcome().differs_from(undisturbed) == []

    armed.send(signal.SIGCONT)
    armed.send(signal.SIGTERM)

    assert armed.wait() == 0
    clean.wait_until_done(request_id)
    assert clean.storage.outcome().differs_from(undisturbed) == []


@pytest.mark.slow
def test_an_item_that_kills_its_worker_each_time_fails_alone_and_is_filed_once(clean: Processes) -> None:
    innocents = [f"{number}.png" for number in range(12)]
    request_id = clean.ask(some_ads(clean, *innocents, KILLER))

    clean.wait_until_done(request_id, meanwhile=clean.replace_the_dead_worker)

    (failed,) = clean.storage.rows("SELECT url, status FROM run_item WHERE state = 'failed'")
    assert failed["url"].endswith(KILLER)
    assert failed["status"] == MediaStatus.FETCH_ERROR
    (letter,) = clean.storage.rows("SELECT queue, body, reason FROM dead_letter")
    assert (letter["queue"], KILLER in letter["body"]) == (URL_QUEUE, True)
    assert [row["state"] for row in clean.storage.rows("SELECT state FROM run WHERE partial")] == ["committed"]
    assert len(clean.storage.rows("SELECT 1 FROM ad WHERE media_status = 'ok'")) == len(innocents)


@pytest.mark.slow
def test_a_registry_killed_again_and_again_changes_nothing(
    clean: Processes, capsys: pytest.CaptureFixture[str]
) -> None:
    every = 4 if FULL else 8  # results
    brands = {"Acme": "red", "Bolt": "green", "Cask": "blue", "Dune": "yellow"}
    names = [f"{number}-{SLOW}" for number in range(9)]
    records = [ad for brand, colour in brands.items() for ad in some_ads(clean, *names, brand=brand, colour=colour)]
    undisturbed = clean.undisturbed(records)
    killed_at = [0]

    def kill_now_and_then() -> None:
        finished = clean.storage.rows("SELECT count(*) AS n FROM run_item WHERE state <> 'pending'")[0]["n"]
        if finished - killed_at[-1] >= every:
            killed_at.append(finished)
            clean.start(REGISTRY)  # kills the one that was there

    request_id = clean.ask(records)
    clean.wait_until_done(request_id, meanwhile=kill_now_and_then)

    assert len(killed_at) > 3
    assert clean.storage.outcome().differs_from(undisturbed) == []
    tell(capsys, "registry-kills", kills=len(killed_at) - 1, results=len(records))


@pytest.mark.slow
def test_a_rolling_restart_of_the_workers_repeats_nothing(clean: Processes, capsys: pytest.CaptureFixture[str]) -> None:
    items = 300
    records = some_ads(clean, *(f"{number}-{SLOW}" for number in range(items)))
    undisturbed = clean.undisturbed(records)
    clean.forget_executions()
    request_id = clean.ask(records)
    workers, restarts = [clean.worker, clean.start(WORKER)], 0
    while not clean.is_over(request_id):
        clean.wait_until_ready(workers[-1])
        oldest = workers.pop(0)
        oldest.send(signal.SIGTERM)
        assert oldest.wait() == 0
        workers.append(clean.start(WORKER))
        restarts += 1
    clean.worker = workers[-1]

    assert restarts > 2
    assert clean.storage.outcome().differs_from(undisturbed) == []
    amplification = len(clean.executions()) / items
    tell(capsys, "rolling-restart", restarts=restarts, urls=items, amplification=round(amplification, 2))
    assert amplification <= 1.1


@pytest.mark.slow
@pytest.mark.parametrize("hit", [2, 3])
def test_a_relay_that_dies_between_two_batches_loses_and_doubles_no_item(clean: Processes, hit: int) -> None:
    """600 URL messages are two batches; the first passage sent the message to gather."""
    media = [MediaRef(MediaRole.IMAGE, f"upload://none/{number}", position=number) for number in range(600)]
    records = [an_ad("1", "", *media)]
    undisturbed = clean.undisturbed(records)
    with clean.scheduler.standing_still():
        armed = clean.start(SCHEDULER, crash_at=f"relay.sent:{hit}")
        request_id = clean.ask(records)
        wait_until(lambda: armed.has_crashed, "the relay dies")
    clean.wait_until_done(request_id)

    assert clean.storage.outcome().differs_from(undisturbed) == []
