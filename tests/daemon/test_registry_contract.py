"""The registry over HTTP: the specification's bodies verbatim, our fields added, and never a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from core.adapters.postgres.run_store import PostgresRunStore
from core.domain.media import MediaStatus
from core.domain.run import Item, ItemKind, ItemResult, ItemState
from core.errors import ConflictError, NotFoundError, RetryableError, StaleError
from core.pipeline.store import NewRun
from daemon.api.guard import MAX_BODY_BYTES
from registry.active_brands import ActiveBrands
from registry.client import RegistryClient
from tests.daemon.support import Daemon
from tests.running_system import running_services

SHA = "f" * 64


class Registry(Daemon):
    """The four endpoints of a running daemon, and its insides."""

    def __init__(self, registry: ActiveBrands, database: Database, settings: Any, token: str) -> None:
        super().__init__(settings)
        self.active_brands, self.database = registry, database
        self.client = RegistryClient(self.url, token=token)

    def started(self, expected: int, brand: str = "nike") -> str:
        return str(self.post("/start", {"brand": brand, "expected_count": expected}).json["batch_id"])

    def open_run(self, items: list[str]) -> None:
        """Run ``run`` of Nike with a manifest, as gather leaves it."""
        manifest = [Item(item_id, ItemKind.MEDIA, "image", f"https://cdn.example/{item_id}") for item_id in items]
        with PostgresRunStore(self.database).transaction() as store:
            store.runs.insert(NewRun("run", "shared", "nike", len(items), "run", {}))
            store.items.insert_manifest("run", "shared", [], manifest)

    def execute(self, statement: str) -> None:
        with self.database.machinery() as connection:
            connection.execute(text(statement))


@pytest.fixture
def registry(cluster: Cluster, tmp_path: Path) -> Iterator[Registry]:
    with running_services(cluster, tmp_path) as (services, active_brands, _):
        registry = Registry(active_brands, services.database, services.settings, services.internal_token)
        yield registry
        registry.close()


def a_submit(name: str, brand: str = "nike") -> dict[str, Any]:
    """The specification's body."""
    url = f"https://cdn.example/{name}.jpg"
    return {"brand": brand, "result": {"url": url, "embedding": [0.25, -1.5], "s3_path": f"s3://bucket/{name}"}}


def test_the_specifications_bodies_work_as_they_stand(registry: Registry) -> None:
    assert registry.post("/start", {"brand": "nike", "expected_count": 2}).status == 200
    assert registry.post("/submit", a_submit("a")).json["should_commit"] is False
    assert registry.post("/submit", a_submit("b")).json["should_commit"] is True

    results = registry.get("/results/nike")
    assert results.status == 200
    assert results.headers["Content-Type"] == "application/json"
    shown = [{name: row[name] for name in ("url", "embedding", "s3_path")} for row in results.json]
    assert sorted(shown, key=lambda row: row["url"]) == [a_submit("a")["result"], a_submit("b")["result"]]

    assert registry.post("/commit-complete", {"brand": "nike"}).status == 200


def test_the_same_start_again_is_200_and_another_409_with_the_active_batch(registry: Registry) -> None:
    batch_id = registry.started(2)

    again = registry.post("/start", {"brand": "nike", "expected_count": 2})
    other = registry.post("/start", {"brand": "nike", "expected_count": 3})

    assert (again.status, again.json["batch_id"]) == (200, batch_id)
    assert (other.status, other.error["code"]) == (409, "conflict")
    assert other.json["batch_id"] == batch_id
    assert batch_id in other.error["message"]


def test_one_url_more_than_expected_is_409(registry: Registry) -> None:
    registry.started(1)
    registry.post("/submit", a_submit("a"))

    assert registry.post("/submit", a_submit("b")).status == 409


def test_a_duplicate_is_false_while_a_lease_lives_and_true_with_a_new_token_when_it_lapsed(
    cluster: Cluster, tmp_path: Path
) -> None:
    with running_services(cluster, tmp_path, lease_seconds=1) as (services, active_brands, _):
        registry = Registry(active_brands, services.database, services.settings, services.internal_token)
        registry.started(1)
        first = registry.post("/submit", a_submit("a")).json
        assert registry.post("/submit", a_submit("a")).json["should_commit"] is False

        registry.execute("SELECT pg_sleep(1.1)")  # both clocks count it
        second = registry.post("/submit", a_submit("a")).json

        assert (first["lease_token"], second["lease_token"]) == (1, 2)
        registry.close()


def test_nothing_expected_commits_at_once(registry: Registry) -> None:
    answer = registry.post("/start", {"brand": "nike", "expected_count": 0})

    assert (answer.json["should_commit"], answer.json["lease_token"]) == (True, 1)


def test_an_unknown_brand_is_404(registry: Registry) -> None:
    assert registry.post("/submit", a_submit("a")).status == 404
    assert registry.get("/results/nike").status == 404
    assert registry.post("/start", {"brand": "nike", "expected_count": 1, "batch_id": "unknown"}).status == 404


def test_a_batch_that_is_over_is_410(registry: Registry) -> None:
    batch_id = registry.started(1)
    registry.execute("UPDATE run SET state = 'committed'")

    assert registry.post("/submit", {**a_submit("a"), "batch_id": batch_id}).status == 410
    assert registry.post("/start", {"brand": "nike", "expected_count": 1, "batch_id": batch_id}).status == 410


def test_a_body_beyond_the_limit_is_413(registry: Registry) -> None:
    body = a_submit("a")
    body["result"]["url"] = "https://cdn.example/" + "a" * MAX_BODY_BYTES

    assert registry.post("/submit", body).status == 413


def test_a_registry_that_does_not_hold_the_store_is_503_with_the_time_to_wait(registry: Registry) -> None:
    registry.active_brands.let_go()

    for answer in (
        registry.post("/start", {"brand": "nike", "expected_count": 1}),
        registry.post("/submit", a_submit("a")),
        registry.get("/results/nike"),
        registry.post("/commit-complete", {"brand": "nike"}),
    ):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


NUL, NO_CHARACTER, ODD = "a\0b", "\uffff", "a\u202eb/../%00?#\\'\";--"
RESULT = {"url": "https://cdn.example/a.jpg"}
BODIES: dict[str, tuple[str, Any]] = {
    "no JSON": ("/start", b"{"),
    "empty": ("/start", b""),
    "a list": ("/start", []),
    "half a character": ("/start", b'{"brand": "\\ud800", "expected_count": 1}'),
    "not UTF-8": ("/start", b'{"brand": "\xff", "expected_count": 1}'),
    "no brand": ("/start", {"expected_count": 1}),
    "an empty brand": ("/start", {"brand": "", "expected_count": 1}),
    "a brand with NUL": ("/start", {"brand": NUL, "expected_count": 1}),
    "a scope with NUL": ("/start", {"brand": "nike", "scope": NUL, "expected_count": 1}),
    "a batch with NUL": ("/start", {"brand": "nike", "batch_id": NUL, "expected_count": 1}),
    "no count": ("/start", {"brand": "nike"}),
    "a negative count": ("/start", {"brand": "nike", "expected_count": -1}),
    "a huge count": ("/start", {"brand": "nike", "expected_count": 10**30}),
    "a count in words": ("/start", {"brand": "nike", "expected_count": "many"}),
    "no result": ("/submit", {"brand": "nike"}),
    "no url": ("/submit", {"brand": "nike", "result": {}}),
    "a url with NUL": ("/submit", {"brand": "nike", "result": {"url": NUL}}),
    "an item with NUL": ("/submit", {"brand": "nike", "result": RESULT, "item_id": NUL}),
    "a path with NUL": ("/submit", {"brand": "nike", "result": RESULT | {"s3_path": NUL}}),
    "a fact with NUL": ("/submit", {"brand": "nike", "result": RESULT | {"content_type": NUL}}),
    "an error with NUL": ("/submit", {"brand": "nike", "result": RESULT, "state": "failed", "error": NUL}),
    "an embedding of words": ("/submit", {"brand": "nike", "result": RESULT | {"embedding": ["a"]}}),
    "an embedding beyond numbers": ("/submit", b'{"brand":"nike","result":{"url":"u","embedding":[NaN,1e999]}}'),
    "an embedding beyond float32": ("/submit", {"brand": "nike", "result": RESULT | {"embedding": [1e300]}}),
    "an embedding without end": ("/submit", {"brand": "nike", "result": RESULT | {"embedding": [0.1] * 5_000}}),
    "a result that isn't one": ("/submit", {"brand": "nike", "result": RESULT, "state": "pending"}),
    "a hash that is none": ("/submit", {"brand": "nike", "result": RESULT | {"sha256": "../../etc/passwd"}}),
    "a size that is none": ("/submit", {"brand": "nike", "result": RESULT | {"sha256": SHA, "width": 10**40}}),
    "a stored file without its facts": ("/submit", {"brand": "nike", "result": RESULT | {"sha256": SHA}}),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_not_as_the_contract_says_is_refused(registry: Registry, name: str) -> None:
    registry.started(1)
    path, body = BODIES[name]

    answer = registry.post(path, body)

    assert answer.status == 422
    assert answer.error["message"]
    assert registry.get("/results/nike").json == []


@pytest.mark.parametrize("brand", [NO_CHARACTER, ODD, "나이키", "\t", "%"])
def test_odd_names_are_names(registry: Registry, brand: str) -> None:
    assert registry.post("/start", {"brand": brand, "expected_count": 1}).status == 200
    body = a_submit("a", brand)
    body["result"]["url"] = ODD + NO_CHARACTER

    assert registry.post("/submit", body).json["should_commit"] is True


@pytest.mark.parametrize("path", ["/results/%00", "/results/nike?scope=%00", "/results/%ff", "/results/" + "a" * 9_000])
def test_odd_addresses_are_refused(registry: Registry, path: str) -> None:
    assert registry.get(path).status in (400, 404)


def test_whatever_else_a_result_carries_is_ignored(registry: Registry) -> None:
    registry.started(1)
    body = a_submit("a")
    body["result"] |= {"extra": {"deep": [1, None, {"a": "b"}]}, "huge": 10**400}

    assert registry.post("/submit", json.dumps(body).encode()).json["should_commit"] is True


def test_a_failed_result_without_a_status_is_told_as_failed(registry: Registry) -> None:
    registry.started(1)

    registry.post("/submit", {**a_submit("a"), "state": "failed", "error": "it broke"})

    (row,) = registry.get("/results/nike").json
    assert (row["state"], row["status"], row["error"]) == ("failed", "fetch_error", "it broke")


def test_results_stream_as_one_list(registry: Registry) -> None:
    registry.started(30)
    for number in range(30):
        registry.post("/submit", a_submit(str(number)))

    assert len(registry.get("/results/nike").json) == 30
    assert registry.get("/results/nike").headers.get("Content-Length") is None


# --- our client ---------------------------------------------------------------------------------------


def a_result(item_id: str, **changes: Any) -> ItemResult:
    facts = {"sha256": SHA, "content_type": "image/png", "size_bytes": 3, "width": 1, "height": 1,
             "s3_path": f"objects://{SHA}", "embedding_subject": SHA, "embedding_model": "visual-v1"}  # fmt: skip
    values: dict[str, Any] = {"status": MediaStatus.OK, "facts": facts, "embedding": b"\x00\x00\x80\x3f" * 3}
    given = {"url": f"https://cdn.example/{item_id}", "state": ItemState.OK} | values | changes
    return ItemResult(item_id, **given)


def submit(registry: Registry, result: ItemResult, batch_id: str = "run") -> tuple[str, int | None]:
    return registry.client.submit(brand="nike", scope="shared", batch_id=batch_id, result=result)


def test_the_client_carries_a_result_whole(registry: Registry) -> None:
    registry.open_run(["a", "b"])
    failed = ItemResult("b", "https://cdn.example/b", ItemState.FAILED, MediaStatus.REMOVED, "gone\nfor good \\N")

    assert registry.client.start(brand="nike", expected_count=2, batch_id="run", scope="shared") is None
    assert submit(registry, a_result("a")) == ("run", None)
    assert submit(registry, failed) == ("run", 1)

    assert list(registry.active_brands.results(brand="nike", scope="shared")) == [a_result("a"), failed]
    registry.client.commit_complete(brand="nike", scope="shared", batch_id="run")


def test_a_reason_that_repeats_what_came_from_outside_is_told_all_the_same(registry: Registry) -> None:
    registry.open_run(["a"])
    reason = "odd \0 name \ud800 " + "x" * 5_000

    answer = submit(registry, a_result("a", state=ItemState.FAILED, reason=reason, url="https://cdn.example/\0\ud800"))

    assert answer == ("run", 1)
    (row,) = registry.get("/results/nike").json
    assert row["error"].startswith("odd  name ? xxx")


def test_the_client_knows_the_refusals(registry: Registry) -> None:
    registry.open_run(["a"])

    with pytest.raises(NotFoundError):
        submit(registry, a_result("a"), batch_id="unknown")
    with pytest.raises(NotFoundError):
        submit(registry, a_result("stranger"))
    with pytest.raises(ConflictError):
        registry.client.start(brand="nike", expected_count=9, batch_id="run", scope="shared")
    registry.execute("UPDATE run SET state = 'committed'")
    with pytest.raises(StaleError):
        registry.client.start(brand="nike", expected_count=1, batch_id="run", scope="shared")


def test_an_answer_that_does_not_come_is_retryable() -> None:
    nobody = RegistryClient("http://127.0.0.1:9", token="token")
    with pytest.raises(RetryableError):
        nobody.start(brand="nike", expected_count=1, batch_id="run", scope="shared")


def test_a_wrong_token_is_refused(registry: Registry) -> None:
    headers = {"Authorization": "Bearer wrong"}

    refused = registry.post("/start", {"brand": "nike", "expected_count": 1}, **headers)
    assert refused.status == 403
    assert "send ADOLOGY_INTERNAL_TOKEN" in refused.error["message"]
    assert registry.get("/results/nike", **headers).status == 403
