"""What goes wrong on the way, and what the record looks like afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import Connection

from core.adapters.postgres.engine import Database
from core.adapters.postgres.run_store import PostgresRunStore
from core.domain.ad import AdRecord
from core.errors import RetryableError, StaleError
from core.messages import GATHER_QUEUE, URL_QUEUE
from core.pipeline.commit import Committer
from core.pipeline.record import write_record
from core.ports import ReceivedMessage
from daemon.handlers.acquire import AcquireHandler
from daemon.roles import build_committer
from tests.running_system import System, a_picture, an_ad


def a_bundle(system: System) -> list[AdRecord]:
    red, blue = system.upload(a_picture("red")), system.upload(a_picture("blue"))
    return [an_ad("1", "One.", red), an_ad("2", "Two.", red, blue), an_ad("3", "Three.")]


def assert_whole(system: System, bundle: list[AdRecord]) -> None:
    """Nothing is lost, doubled or left to do: another import of the same finds everything and changes nothing."""
    assert {row["state"] for row in system.rows("run")} == {"committed"}
    assert not system.rows("queue_message")
    assert not system.rows("outbox")
    before = system.record()
    again = system.ingest(*bundle)
    assert system.record() == before
    assert again["result"]["seen_again"] == len(bundle) == len(before["ad"])


@dataclass
class DyingCommitter:
    """A worker that is told to commit and dies; what it was told."""

    offered: list[tuple[str, int]] = field(default_factory=list)

    def commit(self, batch_id: str, *, token: int) -> dict[str, Any]:
        self.offered.append((batch_id, token))
        raise RetryableError("the worker died")


def with_dying_committer(system: System) -> DyingCommitter:
    consumer, committer = system.consumers[URL_QUEUE], DyingCommitter()
    assert isinstance(consumer.handler, AcquireHandler)
    consumer.handler = replace(consumer.handler, committer=committer)  # type: ignore[arg-type]
    return committer


def complete_uncommitted(system: System, bundle: list[AdRecord]) -> str:
    """Every item of the run has its result, and its committer is dead; the batch id."""
    alive = system.consumers[URL_QUEUE].handler
    committer = with_dying_committer(system)
    system.ask(bundle)
    system.work()
    system.consumers[URL_QUEUE].handler = alive
    ((batch_id, _),) = committer.offered
    return batch_id


@dataclass
class DiesAfterWork:
    """A handler whose process ends when the work is done and before its message is deleted, ``deaths`` times."""

    handler: Any
    deaths: int = 1

    @property
    def queue(self) -> str:
        return str(self.handler.queue)

    def handle(self, message: ReceivedMessage) -> None:
        self.handler.handle(message)
        if self.deaths:
            self.deaths -= 1
            raise RetryableError("the process ended here")

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        self.handler.give_up(message, reason)


def test_every_message_delivered_twice_leaves_the_same_record(system: System) -> None:
    bundle = a_bundle(system)
    request_id = system.ask(bundle)
    for _ in range(12):
        system.relay()
        system.execute("INSERT INTO queue_message (queue, body) SELECT queue, body FROM queue_message")
        system.bring_forward_delayed_messages()
        for queue in system.consumers:
            system.poll(queue)
        system.execute("DELETE FROM queue_message a USING queue_message b WHERE a.body = b.body AND a.queue = b.queue"
                       " AND a.message_id > b.message_id + 1")  # fmt: skip
        if system.rows("run", "ai_state = 'done'"):
            break
    system.work()

    assert system.request(request_id)["status"] == "completed"
    assert_whole(system, bundle)


@pytest.mark.parametrize("queue", [GATHER_QUEUE, URL_QUEUE, "brand-ai-phase-queue", "brand-ai-phase-queue-background"])
def test_a_worker_that_dies_before_its_message_is_deleted_leaves_the_same_record(system: System, queue: str) -> None:
    bundle = a_bundle(system)
    consumer = system.consumers[queue]
    consumer.handler = DiesAfterWork(consumer.handler, deaths=2)

    request = system.ingest(*bundle)

    assert request["status"] == "completed"
    assert consumer.handler.deaths == 0
    assert_whole(system, bundle)


def test_a_dead_committers_run_is_committed_by_the_sweep_when_its_lease_lapses(system: System) -> None:
    bundle = a_bundle(system)
    complete_uncommitted(system, bundle)

    system.sweep()
    assert [row["state"] for row in system.rows("run")] == ["committing"]  # its lease lives
    system.let_leases_lapse()
    system.sweep()

    assert_whole(system, bundle)


def test_a_stale_token_writes_nothing(system: System) -> None:
    bundle = a_bundle(system)
    batch_id = complete_uncommitted(system, bundle)
    before = system.record()
    system.let_leases_lapse()
    with system.services.runs.transaction() as store:
        token = store.leases.grant(batch_id, lease_seconds=60)
    committer = build_committer(system.services.settings, system.services)

    with pytest.raises(StaleError):
        committer.commit(batch_id, token=1)
    assert system.record() == before
    assert not system.rows("outbox")

    assert token == 2
    assert committer.commit(batch_id, token=2)["new"] == 3
    with pytest.raises(StaleError):
        committer.commit(batch_id, token=2)  # it is committed already


class LateDatabase(Database):
    """The answer to COMMIT is lost, or the connection is lost before it."""

    commits = True

    @contextmanager
    def worker(self, scope: str) -> Iterator[Connection]:
        with super().worker(scope) as connection:
            yield connection
            if not self.commits:
                raise RetryableError("lost before COMMIT")
        raise RetryableError("the answer to COMMIT was lost")


@pytest.mark.parametrize("commits", [True, False])
def test_a_connection_lost_during_commit_is_resolved_by_reading_the_run(system: System, commits: bool) -> None:
    bundle = a_bundle(system)
    batch_id = complete_uncommitted(system, bundle)
    database = LateDatabase(system.services.database._urls)
    database.commits = commits

    if commits:
        Committer(PostgresRunStore(database), write_record, 60).commit(batch_id, token=1)
    else:
        with pytest.raises(RetryableError):
            Committer(PostgresRunStore(database), write_record, 60).commit(batch_id, token=1)
        assert not system.rows("ad")
        system.let_leases_lapse()
    database.dispose()
    system.sweep()

    assert_whole(system, bundle)


def test_what_kills_every_worker_is_filed_and_the_run_completes_without_it(system: System) -> None:
    good, poison = system.upload(a_picture("red")), system.upload(a_picture("blue"))
    request_id = system.ask([an_ad("1", "One.", good), an_ad("2", "Two.", poison)])
    system.relay()
    system.poll(GATHER_QUEUE)
    system.relay()
    system.bury("body LIKE :url", url=f"%{poison}%")

    system.work()

    (letter,) = system.rows("dead_letter")
    assert letter["queue"] == URL_QUEUE
    assert "delivered too often" in letter["reason"]
    (run,) = system.rows("run")
    assert (run["state"], run["partial"]) == ("committed", True)
    assert letter["batch_id"] == run["batch_id"]
    assert [row["item_id"] for row in system.rows("run_item", "state = 'failed'")] == [letter["item_id"]]
    assert (system.ad("2")["media_status"], system.ad("1")["media_status"]) == ("fetch_error", "ok")
    assert system.request(request_id)["status"] == "completed"
    assert not system.rows("queue_message")


def test_what_only_stood_beside_a_killer_is_handled_alone(system: System) -> None:
    """Messages that are received together die together, each time."""
    bundle = a_bundle(system)
    request_id = system.ask(bundle)
    system.relay()
    system.poll(GATHER_QUEUE)
    system.relay()
    system.execute("UPDATE queue_message SET receive_count = 5 WHERE queue = :urls", urls=URL_QUEUE)

    system.work()

    assert not system.rows("dead_letter")
    assert system.request(request_id)["status"] == "completed"
    assert_whole(system, bundle)


@pytest.mark.parametrize(
    ("queue", "body"),
    [
        (URL_QUEUE, "not json"),
        (URL_QUEUE, '{"brand": "acme"}'),
        (URL_QUEUE, '{"brand": "acme", "url": "upload://a/a.png", "batch_id": "unknown"}'),
        (URL_QUEUE, '{"brand": "acme", "url": "upload://a/a.png", "metadata": {"kind": "hologram"}}'),
        (URL_QUEUE, '{"brand": "acme", "url": "upload://a/a.png", "metadata": {"problem": "odd"}}'),
        (GATHER_QUEUE, '{"brand": ""}'),
        ("brand-ai-phase-queue", "[]"),
        ("brand-ai-phase-queue-background", "[]"),
    ],
)
def test_a_message_nobody_can_read_stops_nothing(system: System, queue: str, body: str) -> None:
    system.services.queue.send_batch(queue, [body])

    request = system.ingest(*a_bundle(system))

    assert request["status"] == "completed"
    assert not system.rows("queue_message")


def test_the_specifications_bare_url_message_is_acquired(system: System) -> None:
    """``{"brand", "url", "metadata"}`` finds its item by its address in the brand's active run."""
    url = system.upload(a_picture("red"))
    request_id = system.ask([an_ad("1", "One.", url)])
    system.relay()
    system.poll(GATHER_QUEUE)
    system.execute("DELETE FROM outbox")
    system.services.queue.send_batch(URL_QUEUE, [f'{{"brand": "acme", "url": "{url}", "metadata": {{}}}}'])

    system.work()

    assert system.request(request_id)["status"] == "completed"
    assert system.ad("1")["media_status"] == "ok"


def test_a_lost_message_is_closed_at_the_runs_deadline(system: System) -> None:
    bundle = a_bundle(system)
    request_id = system.ask(bundle)
    system.relay()
    system.poll(GATHER_QUEUE)
    system.execute("DELETE FROM outbox")
    system.sweep()
    assert [row["state"] for row in system.rows("run")] == ["open"]

    system.let_time_pass(system.services.settings.run_deadline_seconds + 1)
    system.sweep()

    assert system.request(request_id)["status"] == "completed"
    assert {row["media_status"] for row in system.rows("ad")} == {"not_attempted", "none_declared"}
    assert all(row["media_reason"] for row in system.rows("ad"))


def test_a_gather_that_has_no_hope_ends_its_request_with_the_reason(system: System) -> None:
    request_id = system.ask(a_bundle(system))
    (body,) = (row["body"] for row in system.rows("outbox"))
    system.services.objects.delete(body.split('"bundle":"')[1][:64])

    system.work()

    request = system.request(request_id)
    assert request["status"] == "failed"
    assert request["error"].startswith("acme: not_found")
    assert not system.rows("ad")


def test_a_restarted_registry_goes_on_where_the_old_one_was(system: System) -> None:
    bundle = a_bundle(system)
    request_id = system.ask(bundle)
    system.relay()
    system.poll(GATHER_QUEUE)
    system.registry.let_go()
    system.relay()
    system.registry.hold()

    system.work()

    assert system.request(request_id)["status"] == "completed"
    assert_whole(system, bundle)


def test_one_hard_error_after_many_lost_connections_gives_no_run_up(system: System) -> None:
    bundle = a_bundle(system)
    complete_uncommitted(system, bundle)
    committer = system.sweeper.committer
    ends: list[Exception] = [*(RetryableError("lost") for _ in range(6)), MemoryError("once")]

    def write(store: Any, run: Any) -> dict[str, Any]:
        if ends:
            raise ends.pop(0)
        return write_record(store, run)

    system.sweeper = replace(system.sweeper, committer=replace(committer, write=write))
    for _ in range(8):
        system.let_leases_lapse()
        system.sweep()

    assert_whole(system, bundle)


def test_a_run_that_can_not_be_committed_ends_after_some_attempts_and_delays_no_other(system: System) -> None:
    with_dying_committer(system)
    broken, good = system.ask([an_ad("1", brand_name="Broken")]), system.ask([an_ad("2", brand_name="Good")])
    system.work()
    system.execute(
        """UPDATE run_record SET record = '{"no": "record"}'
           WHERE batch_id IN (SELECT batch_id FROM run WHERE brand_slug = 'broken')"""
    )

    for _ in range(4):
        assert system.request(broken)["status"] == "processing"
        system.let_leases_lapse()
        system.sweep()
        assert system.request(good)["status"] == "completed"

    assert system.request(broken)["status"] == "failed"
    assert "could not be stored" in system.request(broken)["error"]
    system.ask([an_ad("3", brand_name="Broken")])
    system.work(without=[URL_QUEUE])
    assert len(system.rows("run", "state = 'open'")) == 1  # the brand goes on
