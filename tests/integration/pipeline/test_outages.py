"""A part of the system is away for a while: nobody's ads are called failed for that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.errors import TerminalError, UnavailableError
from core.messages import AI_QUEUE, GATHER_QUEUE, URL_QUEUE
from core.pipeline import progress
from core.ports import ReceivedMessage
from tests.running_system import System, a_picture, an_ad


@dataclass
class Away:
    """A handler that finds a part of the system away the first ``times`` times."""

    handler: Any
    times: int

    @property
    def queue(self) -> str:
        return str(self.handler.queue)

    def handle(self, message: ReceivedMessage) -> None:
        if self.times:
            self.times -= 1
            raise UnavailableError("every database connection is in use")
        self.handler.handle(message)

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        raise AssertionError(f"given up: {reason}")


def test_what_meets_an_empty_pool_waits_and_is_not_failed(system: System) -> None:
    attempts = system.services.settings.queue_max_receive_count
    consumer = system.consumers[URL_QUEUE]
    consumer.handler = Away(consumer.handler, times=attempts + 1)

    system.ingest(an_ad("1", "One.", system.upload(a_picture("red"))))

    assert consumer.handler.times == 0
    assert system.ad("1")["media_status"] == "ok"


def test_a_registry_that_is_away_for_long_costs_no_item(system: System) -> None:
    request_id = system.ask([an_ad("1", "One.", system.upload(a_picture("red")))])
    system.relay()
    system.poll(GATHER_QUEUE)
    system.relay()
    system.execute("UPDATE queue_message SET receive_count = 3")  # its next failure would be its last
    system.registry.let_go()
    system.poll(URL_QUEUE)

    system.registry.hold()
    system.work()

    assert system.request(request_id)["status"] == "completed"
    assert system.ad("1")["media_status"] == "ok"
    assert not system.rows("dead_letter")


def test_a_medium_is_acquired_once_however_long_the_registry_is_away(system: System) -> None:
    system.ask([an_ad("1", "One.", system.upload(a_picture("red")))])
    system.relay()
    system.poll(GATHER_QUEUE)
    system.relay()
    handler = system.consumers[URL_QUEUE].handler
    counting = Counting(handler.acquirer)
    system.consumers[URL_QUEUE].handler = replace(handler, acquirer=counting)
    system.registry.let_go()
    for _ in range(3):
        system.poll(URL_QUEUE)
        system.bring_forward_delayed_messages()

    system.registry.hold()
    system.work()

    assert counting.calls == 1
    assert system.ad("1")["media_status"] == "ok"
    assert system.consumers[URL_QUEUE].handler.unsubmitted == {}


@dataclass
class Counting:
    """An acquirer, and how often it was asked."""

    acquirer: Any
    calls: int = 0

    def acquire(self, message: Any) -> Any:
        self.calls += 1
        return self.acquirer.acquire(message)


def test_a_bare_message_that_finds_the_registry_away_opens_one_run(system: System) -> None:
    system.source.ads["acme"] = [an_ad("1")]
    system.services.queue.send_batch(GATHER_QUEUE, ['{"brand": "acme"}'])
    system.registry.let_go()
    system.poll(GATHER_QUEUE)

    system.registry.hold()
    system.work(without=[GATHER_QUEUE])  # the run is over before any copy of the message comes
    system.work()

    (run,) = system.rows("run")
    assert run["state"] == "committed"


def test_a_run_without_items_that_nobody_told_the_registry_is_swept_up(system: System) -> None:
    system.source.ads["acme"] = []
    request_id = system.ask_source("acme")
    system.relay()
    system.registry.let_go()
    system.poll(GATHER_QUEUE)

    system.registry.hold()
    system.let_time_pass(60)
    system.sweep()

    assert system.request(request_id)["status"] == "completed"


def test_requests_that_do_not_move_keep_no_later_one_from_being_reported(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_PAGE", 2)
    for number in range(5):
        system.ask([an_ad(str(number), brand_name=f"Brand {number}")])
    system.relay()
    while system.poll(GATHER_QUEUE):
        pass

    assert progress.report_progress(system.services.database) == 5


class Faulty:
    """A handler with a fault where it gives up."""

    queue = URL_QUEUE

    def handle(self, message: ReceivedMessage) -> None:
        if "poison" in message.body:
            raise TerminalError("no hope")

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        raise ValueError("a fault of ours")


def test_a_fault_in_giving_up_one_message_leaves_those_beside_it_settled(system: System) -> None:
    system.consumers[URL_QUEUE].handler = Faulty()
    system.services.queue.send_batch(URL_QUEUE, ["poison", "good"])

    system.poll(URL_QUEUE)

    assert [row["body"] for row in system.rows("queue_message")] == ["poison"]


def test_an_error_of_the_database_repeats_no_value(system: System) -> None:
    statement = text("INSERT INTO run (batch_id, scope) VALUES (:batch, 'shared')")

    with pytest.raises(IntegrityError) as failure, system.services.database.machinery() as connection:
        connection.execute(statement, {"batch": "what a private ad says"})

    assert "what a private ad says" not in str(failure.value).partition("DETAIL")[0]


def test_a_long_queue_is_not_filled_with_copies_of_an_ai_phase(system: System) -> None:
    system.ask([an_ad("1", "One.")])
    system.work(without=[AI_QUEUE])
    system.let_time_pass(700)

    for _ in range(3):
        system.sweeper.sweep()
        system.relay()

    assert system.services.queue.depth(AI_QUEUE).waiting == 2  # the one that waits, and one in case it was lost


def test_a_caller_of_start_that_never_submits_blocks_the_brand_no_longer_than_the_deadline(system: System) -> None:
    system.registry.start(brand="acme", expected_count=5, scope="shared")
    system.let_time_pass(system.services.settings.run_deadline_seconds + 1)
    system.sweep()

    assert [row["state"] for row in system.rows("run")] == ["committed"]
    assert system.ingest(an_ad("1", "One."))["status"] == "completed"


@pytest.mark.parametrize(("of", "closed"), [("older", 0), ("newer", 1)])
def test_a_run_that_queues_behind_one_that_gets_on_is_not_late(system: System, of: str, closed: int) -> None:
    system.ask([an_ad("1", brand_name="Older")])
    system.relay()
    system.poll(GATHER_QUEUE)
    system.ask([an_ad("2", brand_name="Newer")])
    system.relay()
    system.poll(GATHER_QUEUE)
    system.let_time_pass(system.services.settings.run_deadline_seconds + 1)
    system.execute("UPDATE run SET last_progress_at = now() WHERE brand_slug = :of", of=of)

    system.sweeper.close_overdue()

    assert len(system.rows("run_item", "state = 'failed'")) == closed
