"""How often one may ask: each user or key on his own, changes less often, strangers least of all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask_limiter import Limiter

from core.adapters.postgres.roles import Cluster
from core.bootstrap import build_services
from core.domain.principal import Principal
from core.errors import BadInputError
from core.settings import Settings
from daemon.api.rate_limits import _LIMITER, _network
from daemon.factory import create_app
from tests.daemon.conftest import StartDaemon
from tests.daemon.support import Answer, LocalDaemon, a_key, daemon_settings

BRANDS = "/api/v1/brands"
UNLIMITED = ["/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"]


def left(answer: Answer) -> tuple[int, str, str]:
    return answer.status, answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]


def test_every_answer_says_what_is_left_and_a_call_too_many_is_429_until_the_window_ends(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon(rate_limit="3/minute")
    now = daemon.services.clock.now()
    with time_machine.travel(now, tick=False) as clock:
        assert [left(daemon.get(BRANDS)) for _ in range(3)] == [(200, "3", "2"), (200, "3", "1"), (200, "3", "0")]
        clock.shift(timedelta(seconds=20))
        refused = daemon.get(BRANDS)
        assert (left(refused), refused.error["code"]) == ((429, "3", "0"), "throttled")
        waits = int(refused.headers["Retry-After"])
        assert 40 <= waits <= 41
        assert refused.headers["RateLimit-Reset"] == refused.headers["Retry-After"]
        clock.shift(timedelta(seconds=waits))
        assert left(daemon.get(BRANDS)) == (200, "3", "2")


def test_an_answer_that_was_given_asks_nobody_to_come_back_later(daemon: LocalDaemon) -> None:
    assert "Retry-After" not in daemon.get(BRANDS).headers


def test_changes_have_a_lower_limit_and_reading_goes_on(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(rate_limit="10/minute", rate_limit_writes="2/minute")
    asked = [daemon.post("/api/v1/ingest", {"brand": "northtrail"}) for _ in range(3)]
    assert [left(answer) for answer in asked] == [(202, "2", "1"), (202, "2", "0"), (429, "2", "0")]
    assert "change something" in asked[-1].error["message"]
    assert left(daemon.get(BRANDS)) == (200, "10", "6")


def test_each_key_and_each_organisation_has_a_limit_of_its_own(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(rate_limit="1/minute")
    others = (a_key(daemon.services), a_key(daemon.services, Principal("other")))
    assert [daemon.get(BRANDS).status for _ in range(2)] == [200, 429]
    assert [daemon.get(BRANDS, Authorization=f"Bearer {key}").status for key in others] == [200, 200]


def test_calls_without_a_valid_key_are_soon_429_and_a_valid_key_still_enters(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(rate_limit_failed_sign_ins="2/minute")
    with time_machine.travel(daemon.services.clock.now(), tick=False) as clock:
        assert [daemon.get(BRANDS, Authorization="Bearer adk_wrong").status for _ in range(3)] == [401, 401, 429]
        refused = daemon.get(BRANDS, Cookie="adology_session=wrong")
        assert (refused.error["code"], int(refused.headers["Retry-After"]) > 50) == ("throttled", True)
        assert daemon.get(BRANDS).status == 200
        clock.shift(timedelta(minutes=1, seconds=1))
        assert daemon.get(BRANDS, Authorization="Bearer adk_wrong").status == 401


def test_what_holds_nobodys_data_and_what_our_own_processes_ask_is_not_limited(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(rate_limit="1/minute", rate_limit_writes="1/minute")
    for path in UNLIMITED * 3:
        answer = daemon.get(path)
        assert (answer.status, "RateLimit-Limit" in answer.headers) == (200, False)
        assert daemon.post("/notify", {"request_id": "none", "status": "x"}).status == 404


def test_what_is_counted_is_forgotten_with_its_window(start_daemon: StartDaemon) -> None:
    daemon = start_daemon()
    limiter: Limiter = daemon.app.extensions[_LIMITER]
    now = daemon.services.clock.now()
    with time_machine.travel(now, tick=False) as clock:
        for _ in range(20):
            daemon.get(BRANDS, Authorization=f"Bearer {a_key(daemon.services)}")
        counted = limiter.storage.storage
        assert len(counted) == 20
        clock.shift(timedelta(seconds=61))
        daemon.get(BRANDS)
        limiter.storage.timer.join()  # forgets in the background, a moment after a call
        daemon.get(BRANDS)
        limiter.storage.timer.join()
    assert len(counted) == 1


def test_addresses_of_one_provider_customer_count_as_one() -> None:
    assert _network("2001:db8::1") == _network("2001:db8::ffff:2") != _network("2001:db8:0:1::1")
    assert _network("192.0.2.1") != _network("192.0.2.2")


def test_a_store_that_cannot_be_had_is_told_at_the_start(cluster: Cluster, tmp_path: Path) -> None:
    services = build_services(daemon_settings(tmp_path, cluster, rate_limit_store="redis://127.0.0.1:1"))
    with pytest.raises(BadInputError, match="ADOLOGY_RATE_LIMIT_STORE"):
        create_app(services.settings, services)


@pytest.mark.parametrize("limit", ["0/minute", "many", "5 per fortnight", "5/minute;1/second", ""])
def test_a_limit_that_is_none_is_told(limit: str) -> None:
    with pytest.raises(ValueError, match="rate_limit"):
        Settings(_env_file=None, rate_limit=limit)
