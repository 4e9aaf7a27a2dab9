"""A POST repeated under its Idempotency-Key is done once and answered alike, whatever happens in between."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from flask import Response
from sqlalchemy import Connection, create_engine, pool, text

from core.adapters.postgres.roles import Cluster
from core.domain.principal import Principal
from core.pipeline.requests import ask_for_ingest
from daemon.api.context import current_principal
from daemon.api.idempotency import once
from tests.daemon.conftest import StartDaemon
from tests.daemon.support import Answer, LocalDaemon, a_key

BODY = {"brand": "northtrail"}
LONGEST_SECONDS = 10


def ask(daemon: LocalDaemon, key: str, brand: str = "northtrail", **headers: str) -> Answer:
    return daemon.post("/api/v1/ingest", {"brand": brand}, Idempotency_Key=key, **headers)


def count(daemon: LocalDaemon, table: str) -> int:
    with daemon.services.database.worker("shared") as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@contextmanager
def nobody_queues(cluster: Cluster) -> Iterator[Connection]:
    """Every call that would queue a message stops at that point, in the middle of its transaction."""
    engine = create_engine(cluster.owner, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE outbox IN EXCLUSIVE MODE"))
        yield connection
        connection.rollback()


@contextmanager
def change_rights(cluster: Cluster, change: str) -> Iterator[None]:
    engine = create_engine(cluster.owner, poolclass=pool.NullPool)
    with engine.begin() as connection:
        connection.execute(text(change))
    yield
    with engine.begin() as connection:
        connection.execute(text(change.replace("REVOKE", "GRANT").replace("FROM", "TO")))


def stopped_backend(connection: Connection) -> int:
    """The server's process of the call that stands at the lock, once one does."""
    return waiting_backend(connection, "relation = 'outbox'::regclass")


def waiting_backend(connection: Connection, lock: str) -> int:
    sql = text(f"SELECT pid FROM pg_locks WHERE NOT granted AND {lock}")
    return eventually(lambda: connection.execute(sql).scalar())


def cut_off_backend(daemon: LocalDaemon, pid: int) -> None:
    with daemon.services.database.anonymous() as connection:  # of the same role, so it may
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


def eventually(found: Callable[[], int | None]) -> int:
    until = time.monotonic() + LONGEST_SECONDS
    while (value := found()) is None:
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)
    return value


def test_twenty_calls_at_once_under_one_key_queue_one_request_and_get_one_answer(daemon: LocalDaemon) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: ask(daemon, "once"), range(20)))
    assert {(answer.status, answer.body) for answer in answers} == {(202, answers[0].body)}
    assert sorted(answer.headers.get("Idempotent-Replayed", "") for answer in answers) == ["", *["true"] * 19]
    assert (count(daemon, "request"), count(daemon, "outbox"), count(daemon, "idempotency_key")) == (1, 1, 1)


def test_without_a_key_each_call_is_one_of_its_own(daemon: LocalDaemon) -> None:
    first, second = daemon.post("/api/v1/ingest", BODY), daemon.post("/api/v1/ingest", BODY)
    assert first.json["request_id"] != second.json["request_id"]
    assert count(daemon, "idempotency_key") == 0


def test_a_call_cut_off_in_the_middle_leaves_nothing_and_may_be_repeated(daemon: LocalDaemon, cluster: Cluster) -> None:
    with ThreadPoolExecutor(1) as threads:
        with nobody_queues(cluster) as connection:
            cut_off: Future[Answer] = threads.submit(ask, daemon, "again")
            cut_off_backend(daemon, stopped_backend(connection))
            assert cut_off.result(LONGEST_SECONDS).status == 503
        assert (count(daemon, "request"), count(daemon, "idempotency_key")) == (0, 0)
        repeated = ask(daemon, "again")
    assert (repeated.status, repeated.headers.get("Idempotent-Replayed")) == (202, None)
    assert (count(daemon, "request"), count(daemon, "idempotency_key")) == (1, 1)


def test_what_cannot_be_kept_is_not_done(daemon: LocalDaemon, cluster: Cluster) -> None:
    with change_rights(cluster, "REVOKE UPDATE ON idempotency_key FROM adology_app"):
        assert ask(daemon, "unkept").status == 500
    assert (count(daemon, "request"), count(daemon, "outbox"), count(daemon, "idempotency_key")) == (0, 0, 0)
    assert ask(daemon, "unkept").status == 202


def test_who_waits_for_a_call_that_fails_does_the_work_himself(daemon: LocalDaemon, cluster: Cluster) -> None:
    with ThreadPoolExecutor(2) as threads:
        with nobody_queues(cluster) as connection:
            first = threads.submit(ask, daemon, "again")
            pid = stopped_backend(connection)
            second = threads.submit(ask, daemon, "again")
            waiting_backend(connection, "locktype = 'transactionid'")
            cut_off_backend(daemon, pid)
        assert (first.result(LONGEST_SECONDS).status, second.result(LONGEST_SECONDS).status) == (503, 202)
    assert count(daemon, "request") == 1


def test_a_twin_of_a_call_that_takes_long_is_told_to_come_back(
    daemon: LocalDaemon, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.adapters.postgres.idempotency_store.WAIT_SECONDS", 0.2)
    with ThreadPoolExecutor(1) as threads:
        with nobody_queues(cluster) as connection:
            first = threads.submit(ask, daemon, "slow")
            stopped_backend(connection)
            twin = ask(daemon, "slow")
            assert (twin.status, twin.error["code"], twin.headers["Retry-After"]) == (409, "in_progress", "1")
        assert first.result(LONGEST_SECONDS).body == ask(daemon, "slow").body


def test_a_key_used_for_another_call_is_422_and_says_so(daemon: LocalDaemon) -> None:
    ask(daemon, "taken")
    for path, body in (("ingest", {"brand": "kestrun"}), ("brandspaces", BODY), ("ingest?x=1", BODY)):
        other = daemon.post(f"/api/v1/{path}", body, Idempotency_Key="taken")
        assert (other.status, other.error["code"]) == (422, "idempotency_key_reused")
    assert count(daemon, "request") == 1


def test_the_same_key_of_another_actor_or_organisation_is_another_call(daemon: LocalDaemon) -> None:
    ours = ask(daemon, "mine").json["request_id"]
    colleague = a_key(daemon.services)
    stranger = a_key(daemon.services, Principal("other"))
    others = [ask(daemon, "mine", Authorization=f"Bearer {key}").json["request_id"] for key in (colleague, stranger)]
    assert len({ours, *others}) == 3


def test_a_refused_call_keeps_nothing(daemon: LocalDaemon) -> None:
    assert ask(daemon, "no", brand="nobody").status == 404
    assert daemon.post("/api/v1/ingest", b"{", Idempotency_Key="no").status == 422
    assert count(daemon, "idempotency_key") == 0
    assert ask(daemon, "no").status == 202


def test_a_refusal_that_a_view_returns_undoes_what_it_did(daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    def change_of_mind() -> Response:
        services = daemon.services
        ask_for_ingest(services.database, services.sources, current_principal(), brand="northtrail", source=None)
        return Response(status=409)

    monkeypatch.setitem(daemon.app.view_functions, "ingest.ingest", once(change_of_mind))
    assert ask(daemon, "no").status == 409
    assert (count(daemon, "request"), count(daemon, "idempotency_key")) == (0, 0)


def test_a_key_that_is_none_is_400(daemon: LocalDaemon) -> None:
    for key in ("", "a b", "x" * 256, "\xfc", "\x7f"):
        answer = ask(daemon, key)
        assert (answer.status, answer.error["code"]) == (400, "bad_input")
    assert ask(daemon, "~" * 255).status == 202


def test_a_day_later_the_key_is_free_again(daemon: LocalDaemon) -> None:
    first = ask(daemon, "daily").json["request_id"]
    now = daemon.services.clock.now()
    for hours, is_same in ((23.9, True), (24.1, False)):
        with time_machine.travel(now + timedelta(hours=hours)):
            assert (ask(daemon, "daily").json["request_id"] == first) is is_same


def test_the_database_does_not_hold_the_answer_in_the_clear(daemon: LocalDaemon) -> None:
    request_id = ask(daemon, "sealed").json["request_id"]
    with daemon.services.database.machinery() as connection:
        assert request_id.encode() not in bytes(
            connection.execute(text("SELECT answer FROM idempotency_key")).scalar_one()
        )


def test_an_answer_whose_seal_was_lost_is_409_not_done_again(daemon: LocalDaemon, start_daemon: StartDaemon) -> None:
    ask(daemon, "old")
    daemon.services.secrets.put("answer-key", "another")
    answer = ask(start_daemon(), "old", Authorization=f"Bearer {daemon.key}")
    assert (answer.status, answer.error["code"]) == (409, "conflict")
    assert count(daemon, "request") == 1


def test_every_post_of_the_api_looks_at_the_key(daemon: LocalDaemon) -> None:
    rules = [
        rule for rule in daemon.app.url_map.iter_rules() if rule.rule.startswith("/api/") and "POST" in rule.methods
    ]
    assert len(rules) >= 3
    for rule in rules:
        path = re.sub(r"<[^>]+>", "x", re.sub(r"<int:[^>]+>", "1", rule.rule))
        answer = daemon.post(path, {}, Idempotency_Key="a b")
        assert (answer.status, "Idempotency-Key" in answer.error["message"]) == (400, True), rule
