"""Who may call while there is no sign-in: this machine, from our own pages."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest

from core.errors import BadInputError
from core.settings import Settings
from daemon.api.guard import require_loopback
from tests.daemon.support import LocalDaemon


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1:1", "localhost.attacker.example:{port}", ""])
def test_another_host_name_is_refused(daemon: LocalDaemon, host: str) -> None:
    answer = daemon.get("/healthz", Host=host.format(port=daemon.port))
    assert (answer.status, answer.error["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost", "LOCALHOST:{port}", "[::1]:{port}"])
def test_our_own_names_are_served(daemon: LocalDaemon, host: str) -> None:
    assert daemon.get("/healthz", Host=host.format(port=daemon.port)).status == 200


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


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_listening_off_loopback_is_refused_until_there_is_sign_in(tmp_path: Path, host: str) -> None:
    with pytest.raises(BadInputError, match="ADOLOGY_API_HOST"):
        require_loopback(Settings(_env_file=None, home=tmp_path, api_host=host))
