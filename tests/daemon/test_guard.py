"""Under which names we answer, and from which pages browsers may ask."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest

from core.access.sign_in import make_link_token, sign_in_by_link
from core.access.users import invite_user
from core.adapters.postgres.roles import Cluster
from core.bootstrap import Services, build_services
from core.domain.principal import LOCAL_PRINCIPAL, Role
from core.settings import Settings
from daemon.factory import create_app
from daemon.roles import build_registry
from tests.daemon.conftest import StartDaemon
from tests.daemon.support import LocalDaemon, daemon_settings

SITE = "https://app.example.com"


@pytest.fixture
def off_loopback(start_daemon: StartDaemon) -> LocalDaemon:
    """As it stands behind a proxy; the tests reach it directly."""
    return start_daemon(
        api_host="10.1.2.3",
        public_url="https://API.example.com",
        workbench_url="https://work.example.com/",
        registry_url="http://registry.internal:9000",
    )


@pytest.fixture
def daemon_for_others(start_daemon: StartDaemon) -> LocalDaemon:
    return start_daemon(allowed_origins=f"{SITE}, https://other.example.com:8443")


def a_session(services: Services) -> str:
    now = services.clock.now()
    user = invite_user(services.database, LOCAL_PRINCIPAL, email="ann@example.com", role=Role.OWNER, now=now)
    link = make_link_token(services.database, LOCAL_PRINCIPAL, user, now=now)
    return sign_in_by_link(services.database, link, now=now, hours=1)


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1:1", "localhost.attacker.example:{port}", ""])
def test_another_host_name_is_refused(daemon: LocalDaemon, host: str) -> None:
    answer = daemon.get("/api/v1/openapi.json", Host=host.format(port=daemon.port))
    assert (answer.status, answer.error["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost", "LOCALHOST:{port}", "[::1]:{port}"])
def test_our_own_names_are_served(daemon: LocalDaemon, host: str) -> None:
    assert daemon.get("/api/v1/openapi.json", Host=host.format(port=daemon.port)).status == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_balancer_asks_by_address(daemon: LocalDaemon, path: str) -> None:
    assert daemon.get(path, Host="10.1.2.3:8080").json["status"] in ("ok", "ready")


@pytest.mark.parametrize("origin", ["https://attacker.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:8501"])
def test_a_page_of_another_origin_is_refused(daemon: LocalDaemon, origin: str) -> None:
    answer = daemon.post("/api/v1/ingest", {"brand": "x"}, Origin=origin)
    assert (answer.status, answer.error["code"]) == (403, "not_allowed")


def test_the_workbench_may_call(daemon: LocalDaemon) -> None:
    assert daemon.get("/healthz", Origin="http://localhost:8501").status == 200


def test_a_body_over_the_limit_is_413(daemon: LocalDaemon) -> None:
    answer = daemon.post("/api/v1/ingest", b" " * (1024 * 1024 + 1))
    assert (answer.status, answer.error["code"]) == (413, "request_entity_too_large")


def test_a_body_of_unknown_length_is_411(daemon: LocalDaemon) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
    connection.request("POST", "/notify", iter([b"{}"]), {"Content-Type": "application/json"}, encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()


@pytest.mark.parametrize("path", ["/media/%00", "/healthz?x=%00"])
def test_a_nul_in_the_address_is_400(daemon: LocalDaemon, path: str) -> None:
    assert daemon.get(path).status == 400


def test_unknown_addresses_and_methods_have_the_one_error_shape(daemon: LocalDaemon) -> None:
    assert daemon.get("/nowhere").error["code"] == "not_found"
    wrong_method = daemon.post("/healthz", {})
    assert (wrong_method.status, wrong_method.error["code"]) == (405, "method_not_allowed")
    assert "GET" in wrong_method.headers["Allow"]


def test_answers_forbid_browsers_to_run_or_frame_them(daemon: LocalDaemon) -> None:
    headers = daemon.get("/healthz").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_off_loopback_the_names_of_the_settings_are_served_and_no_others(off_loopback: LocalDaemon) -> None:
    port = off_loopback.port
    ours = [
        "api.example.com",
        "api.example.com:443",
        f"10.1.2.3:{port}",
        "10.1.2.3",
        "registry.internal:9000",
        "localhost",
    ]
    assert {off_loopback.get("/api/v1/openapi.json", Host=host).status for host in ours} == {200}
    for host in ("attacker.example", "api.example.com:8080", f"10.1.2.4:{port}"):
        answer = off_loopback.get("/api/v1/openapi.json", Host=host)
        assert (answer.status, "ADOLOGY_PUBLIC_URL" in answer.error["message"]) == (403, True)


def test_off_loopback_our_own_pages_may_call(off_loopback: LocalDaemon) -> None:
    for origin in ("https://api.example.com", "https://work.example.com"):
        answer = off_loopback.get("/healthz", Origin=origin)
        assert (answer.status, "Access-Control-Allow-Origin" in answer.headers) == (200, False)
        assert off_loopback.get("/healthz", Origin=origin.replace("https", "http")).status == 403


@pytest.mark.parametrize("changes", [{"api_host": "0.0.0.0"}, {"public_url": "https://api.example.com"}])
def test_off_loopback_what_our_own_processes_ask_needs_the_internal_token(
    cluster: Cluster, tmp_path: Path, changes: dict[str, str]
) -> None:
    services = build_services(daemon_settings(tmp_path, cluster, **changes))
    client = create_app(services.settings, services, build_registry(services.settings, services)).test_client()
    client.environ_base["HTTP_HOST"] = "localhost"
    body = {"request_id": "none", "status": "x"}
    for path in ("/notify", "/start", "/submit", "/commit-complete", "/metrics", "/results/x"):
        method = "GET" if path in ("/metrics", "/results/x") else "POST"

        def ask(headers: dict[str, str], path: str = path, method: str = method) -> int:
            return client.open(path, method=method, headers=headers, json=body).status_code

        assert (ask({}), ask({"Authorization": "Bearer wrong"})) == (403, 403), path
        assert ask({"Authorization": f"Bearer {services.internal_token}"}) != 403, path
    services.database.dispose()


def test_a_page_of_an_allowed_site_may_ask_and_read_the_answer(daemon_for_others: LocalDaemon) -> None:
    answer = daemon_for_others.get("/api/v1/brands", Origin=SITE)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"], answer.headers["Vary"]) == (
        200,
        SITE,
        "Origin",
    )
    assert "RateLimit-Remaining" in answer.headers["Access-Control-Expose-Headers"]
    refused = daemon_for_others.get("/api/v1/brands", Origin=SITE, Authorization="Bearer no")
    assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, SITE)


def test_a_preflight_of_an_allowed_site_is_answered_without_a_key(daemon_for_others: LocalDaemon) -> None:
    asks = {"Origin": SITE, "Access_Control_Request_Method": "POST", "Authorization": ""}
    answer = daemon_for_others.call("OPTIONS", "/api/v1/ingest", **asks)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, SITE)
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Idempotency-Key"} <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))


def test_no_other_site_gets_a_word(daemon_for_others: LocalDaemon) -> None:
    for origin in ("https://app.example.com.attacker.example", "http://app.example.com", "null", ""):
        for method in ("GET", "OPTIONS"):
            answer = daemon_for_others.call(
                method, "/api/v1/brands", Origin=origin, Access_Control_Request_Method="GET"
            )
            assert (answer.status, "Access-Control-Allow-Origin" in answer.headers) == (403, False)


def test_a_session_does_not_count_on_another_site_and_credentials_are_never_allowed(
    daemon_for_others: LocalDaemon,
) -> None:
    token = a_session(daemon_for_others.services)
    cookie = f"adology_session={token}"
    assert daemon_for_others.get("/api/v1/brands", Cookie=cookie).status == 200
    for answer in (
        daemon_for_others.get("/api/v1/brands", Cookie=cookie, Origin=SITE),
        daemon_for_others.post("/api/v1/ingest", {"brand": "northtrail"}, Cookie=cookie, Origin=SITE),
    ):
        assert (answer.status, answer.error["code"]) == (401, "sign_in")
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["*", "https://*.example.com", "app.example.com", "https://app.example.com/", "null"]
)
def test_an_allowed_origin_that_is_none_is_told(origin: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        Settings(_env_file=None, allowed_origins=f"https://fine.example, {origin}")


@pytest.mark.parametrize(
    ("host", "own"),
    [("0.0.0.0", "http://127.0.0.1:8080"), ("::", "http://[::1]:8080"), ("10.0.0.7", "http://10.0.0.7:8080")],
)
def test_who_listens_everywhere_is_reached_on_loopback(host: str, own: str) -> None:
    settings = Settings(_env_file=None, api_host=host)
    assert (settings.own_url, settings.registry_address) == (own, own)
