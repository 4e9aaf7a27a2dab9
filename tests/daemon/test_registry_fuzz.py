"""Whatever is sent to the registry: an answer of the contract in JSON, never a failure of ours, never HTML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.adapters.postgres.roles import Cluster
from daemon.api.context import SERVICES
from tests.running_system import running_services

ANSWERS = {200, 400, 404, 405, 409, 410, 413, 422}
FUZZ = settings(max_examples=800, derandomize=True, deadline=None, database=None, suppress_health_check=[*HealthCheck])

any_text = st.text(st.characters() | st.sampled_from("\0\ud800"), max_size=30)  # half a surrogate pair and NUL too
numbers = st.integers() | st.floats() | st.sampled_from([2**31, 2**63, 10**400, -1, 0, 1])
any_json = st.recursive(
    st.none() | st.booleans() | numbers | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)


def mostly(*usual: Any) -> st.SearchStrategy[Any]:
    """One of the usual values; now and then any text, any number, anything at all."""
    return st.integers(0, 11).flatmap(
        lambda dice: (any_text, numbers, any_json)[dice] if dice < 3 else st.sampled_from(usual)
    )


def objects(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(required, optional={**optional, "else": any_json})


NAMES = ("nike", "나이키", "a" * 200, "\u202e\uffff", "%", "'; --")
results = objects(
    {"url": mostly(*(f"https://a.example/{n}" for n in range(4)))},
    {
        "embedding": mostly([], [0.1, -3e38]),
        "s3_path": mostly("s3://bucket/a"),
        "sha256": mostly("f" * 64),
        "content_type": mostly("image/png"),
        "size_bytes": mostly(1),
        "width": mostly(1),
        "height": mostly(1),
        "embedding_subject": mostly("a"),
        "embedding_model": mostly("a"),
    },
)
common = {"scope": mostly("shared"), "batch_id": mostly(None)}
marks = {
    "item_id": mostly("a"),
    "state": mostly("ok", "failed"),
    "status": mostly("ok", "removed"),
    "error": mostly("why"),
}
bodies = {
    "/start": objects({"brand": mostly(*NAMES), "expected_count": mostly(0, 2, 500)}, common),
    "/submit": objects({"brand": mostly(*NAMES), "result": results}, common | marks),
    "/commit-complete": objects({"brand": mostly(*NAMES)}, common),
}


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, bytes]:
    path = draw(st.sampled_from([*bodies, "/submit"]))
    if draw(st.integers(0, 7)) == 0:
        return path, draw(st.binary(max_size=60) | any_json.map(dumped))
    return path, dumped(draw(bodies[path]))


@pytest.fixture
def client(cluster: Cluster, tmp_path: Path) -> Iterator[FlaskClient]:
    with running_services(cluster, tmp_path) as (services, _, app):
        client = app.test_client()
        client.environ_base["HTTP_HOST"] = f"127.0.0.1:{services.settings.api_port}"
        yield client


def check(answer: Any) -> int:
    status: int = answer.status_code
    assert status in ANSWERS, answer.data
    assert answer.mimetype == "application/json"
    body = json.loads(answer.data)
    answer.close()
    if status != 200:
        assert {"code", "message", "request_id"} <= set(body["error"])
    return status


def test_any_body_gets_an_answer_of_the_contract(client: FlaskClient) -> None:
    seen: Counter[tuple[str, int]] = Counter()

    @FUZZ
    @given(calls())
    @example(("/submit", b"[" * 100_000))
    @example(("/submit", b'{"brand":' * 50_000))
    @example(("/start", b'{"brand": "nike", "expected_count": ' + b"9" * 10_000 + b"}"))
    @example(("/start", b"\xef\xbb\xbf{}"))
    def send(call: tuple[str, bytes]) -> None:
        path, body = call
        if seen.total() % 20 == 0:
            end_every_run(client)  # a run that is complete takes nothing
        seen[path, check(client.post(path, data=body, content_type="application/json"))] += 1

    send()
    assert {(path, status) for path in bodies for status in (200, 422)} <= set(seen), seen
    assert {("/submit", 404), ("/start", 409)} <= set(seen), seen  # it got as far as the store


WHOLE = {
    "brand": "nike", "scope": "shared", "batch_id": None, "item_id": "a", "state": "ok", "status": "ok", "error": "why",
    "result": {
        "url": "https://a.example/1", "embedding": [0.5], "s3_path": "s3://bucket/a", "sha256": "f" * 64,
        "content_type": "image/png", "size_bytes": 1, "width": 1, "height": 1,
        "embedding_subject": "a", "embedding_model": "a",
    },
}  # fmt: skip
JUNK = [
    *(None, True, 0, -1, 1.5, 2**31, 2**63, 10**400, float("nan"), float("inf"), 1e300),
    *("", "\0", "a\0b", "\ud800", "\uffff", "\u202e", "x" * 10_000, "{}"),
    *([], [None], ["\0"], [1e300], {}, {"\0": "\0"}, [[[[]]]]),
]


@pytest.mark.parametrize("field", [*WHOLE, *(f"result.{name}" for name in WHOLE["result"])])
def test_any_field_may_hold_anything(client: FlaskClient, field: str) -> None:
    client.post("/start", data=dumped({"brand": "nike", "expected_count": 1_000}))
    for number, junk in enumerate(JUNK):
        body = {**WHOLE, "item_id": f"item-{number}", "result": dict(WHOLE["result"])}
        part, name = (body["result"], field.partition(".")[2]) if "." in field else (body, field)
        part[name] = junk
        check(client.post("/submit", data=dumped(body)))
    check(client.get("/results/nike"))


def test_any_address_and_method_gets_an_answer_of_the_contract(client: FlaskClient) -> None:
    @FUZZ
    @given(mostly(*NAMES).map(str), st.none() | any_text, st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]))
    @example("..", "..", "GET")
    def ask(brand: str, scope: str | None, method: str) -> None:
        query = "" if scope is None else "?scope=" + quote(scope, errors="surrogatepass")
        check(client.open(f"/results/{quote(brand, safe='', errors='surrogatepass')}{query}", method=method))

    ask()


def end_every_run(client: FlaskClient) -> None:
    with client.application.extensions[SERVICES].database.machinery() as connection:
        connection.execute(text("UPDATE run SET state = 'committed'"))


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()
