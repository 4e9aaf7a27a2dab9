"""The benchmark of reading leaves no question of the API out without a reason."""

from __future__ import annotations

from benchmarks.api.endpoints import ENDPOINTS, LEFT_OUT
from tests.daemon.support import LocalDaemon


def test_every_question_is_measured_or_left_out_with_a_reason(daemon: LocalDaemon) -> None:
    paths = daemon.get("/api/v1/openapi.json").json["paths"]
    questions = {path for path, methods in paths.items() if "get" in methods}

    assert {endpoint.rule for endpoint in ENDPOINTS} | set(LEFT_OUT) == questions


def test_what_is_left_out_is_not_measured() -> None:
    assert not {endpoint.rule for endpoint in ENDPOINTS} & set(LEFT_OUT)
