"""The account's figures, the calls they are counted from, and what is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from core.access.sign_in import end_session, make_link_token, sign_in_by_link
from core.access.usage import ApiUsage
from core.access.users import disable_user
from core.adapters.postgres.engine import Database
from core.adapters.postgres.housekeeping import forget_what_is_over
from core.adapters.postgres.roles import Cluster
from core.bootstrap import build_services
from core.domain.principal import LOCAL_PRINCIPAL, Principal, Role
from core.errors import NotFoundError, RetryableError
from core.queries.account import get_account, list_sessions
from daemon.roles import start_roles
from tests.daemon.support import daemon_settings
from tests.people import NOW, a_session, a_user, an_organisation


@dataclass
class MovedClock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


def _mean_ms(database: Database, principal: Principal = LOCAL_PRINCIPAL, now: datetime = NOW) -> float | None:
    return get_account(database, principal, now=now).avg_response_time_ms


def test_without_users_sessions_and_calls_the_mean_is_unknown_and_not_zero(database: Database) -> None:
    account = get_account(database, LOCAL_PRINCIPAL, now=NOW)
    assert (account.user_count, account.active_sessions, account.avg_response_time_ms) == (0, 0, None)


def test_an_organisation_that_isnt_there_has_no_account(database: Database) -> None:
    with pytest.raises(NotFoundError):
        get_account(database, Principal("nobody"), now=NOW)


def test_users_who_may_sign_in_are_counted(database: Database) -> None:
    owner = a_user(database)
    disabled = a_user(database, Role.VIEWER)
    assert disabled.user_id is not None
    a_user(database, of=an_organisation(database, "theirs"))
    assert get_account(database, owner, now=NOW).user_count == 2
    disable_user(database, owner, disabled.user_id, now=NOW)
    assert get_account(database, owner, now=NOW).user_count == 1


def test_a_session_counts_while_it_is_open_and_was_seen_within_half_an_hour(database: Database) -> None:
    owner = a_user(database)
    a_session(database, owner, hours=24)
    a_session(database, owner, now=NOW + timedelta(minutes=20), hours=1)
    a_session(database, a_user(database, of=an_organisation(database, "theirs")))

    def active(minutes: int) -> int:
        return get_account(database, owner, now=NOW + timedelta(minutes=minutes)).active_sessions

    assert [active(minutes) for minutes in (25, 31, 49, 51)] == [2, 1, 1, 0]
    newest = list_sessions(database, owner, now=NOW).items[0]
    end_session(database, owner, newest.session_id, now=NOW + timedelta(minutes=25))
    assert active(25) == 1


def test_the_mean_is_over_all_calls_of_the_last_day(database: Database) -> None:
    clock = MovedClock(NOW - timedelta(hours=25))
    usage = ApiUsage(database, clock)
    usage.count("local", seconds=100)  # too long ago
    clock.moment = NOW - timedelta(hours=23)
    usage.count("local", seconds=0.010)
    clock.moment = NOW
    usage.count("local", seconds=0.020)
    usage.count("local", seconds=0.060)
    usage.count("theirs", seconds=5)
    usage.flush()
    assert _mean_ms(database) == pytest.approx(30.0)
    assert _mean_ms(database, now=NOW + timedelta(days=2)) is None


def test_processes_and_flushes_add_up(database: Database) -> None:
    first, second = ApiUsage(database, MovedClock()), ApiUsage(database, MovedClock())
    for usage, seconds in ((first, 0.1), (second, 0.2), (first, 0.3)):
        usage.count("local", seconds=seconds)
        usage.flush()
    first.flush()  # nothing is written twice
    assert _mean_ms(database) == pytest.approx(200.0)


def test_threads_lose_no_call(database: Database) -> None:
    usage, flushed = ApiUsage(database, MovedClock()), threading.Event()

    def count_meanwhile() -> int:
        calls = 0
        while not flushed.is_set():
            usage.count("local", seconds=0.001)
            calls += 1
        return calls

    with ThreadPoolExecutor(2) as threads:
        counts = [threads.submit(count_meanwhile) for _ in range(2)]
        for _ in range(10):
            usage.flush()
        flushed.set()
    usage.flush()
    with database.machinery() as connection:
        written = connection.execute(text("SELECT sum(requests) FROM api_usage")).scalar_one()
    assert written == sum(count.result() for count in counts) > 0


def test_what_couldnt_be_written_is_written_later(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = ApiUsage(database, MovedClock())
    usage.count("local", seconds=0.1)

    @contextmanager
    def away() -> Iterator[Connection]:
        usage.count("local", seconds=0.3)
        raise RetryableError("PostgreSQL did not answer")
        yield

    with monkeypatch.context() as patched:
        patched.setattr(database, "machinery", away)
        with pytest.raises(RetryableError):
            usage.flush()
    usage.flush()
    assert _mean_ms(database) == pytest.approx(200.0)


def test_no_more_than_so_many_minutes_are_held_and_the_oldest_go(database: Database) -> None:
    clock = MovedClock()
    usage = ApiUsage(database, clock, max_minutes=2)
    for minutes, seconds in enumerate((9, 0.1, 0.3)):
        clock.moment = NOW + timedelta(minutes=minutes)
        usage.count("local", seconds=seconds)
    usage.flush()
    assert _mean_ms(database) == pytest.approx(200.0)


def test_a_process_that_stops_writes_what_it_has_counted(cluster: Cluster, tmp_path: Path) -> None:
    services = build_services(daemon_settings(tmp_path, cluster))
    running = start_roles({"api"}, services.settings, services, None)
    services.usage.count("local", seconds=0.1)
    running.stop()
    mean = get_account(services.database, LOCAL_PRINCIPAL, now=services.clock.now()).avg_response_time_ms
    services.database.dispose()
    assert mean == pytest.approx(100.0)


def test_what_is_over_is_forgotten_after_a_while_and_nothing_else(database: Database) -> None:
    owner = a_user(database)
    assert owner.user_id is not None
    make_link_token(database, owner, owner.user_id, now=NOW)
    a_session(database, owner, hours=24)
    ApiUsage(database, MovedClock()).flush()
    usage = ApiUsage(database, MovedClock())
    usage.count("local", seconds=1)
    usage.flush()

    def forgotten(days: int) -> dict[str, int]:
        with database.machinery() as connection:
            return {
                name: count
                for name, count in forget_what_is_over(connection, now=NOW + timedelta(days=days)).items()
                if count
            }

    assert forgotten(1) == {}
    assert forgotten(3) == {"api_usage": 1}
    assert forgotten(30) == {}
    assert forgotten(32) == {"session": 1, "sign_in_link": 2}


def test_a_link_that_is_forgotten_opened_nothing_any_more(database: Database) -> None:
    owner = a_user(database)
    assert owner.user_id is not None
    link = make_link_token(database, owner, owner.user_id, now=NOW)
    with database.machinery() as connection:
        forget_what_is_over(connection, now=NOW + timedelta(hours=23))
    assert sign_in_by_link(database, link, now=NOW, hours=1)
