"""Requests and their rejected rows; the operators' figures; brands by name."""

from __future__ import annotations

import inspect
import pkgutil
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from sqlalchemy import insert

import core.queries
from core.adapters.postgres import schema
from core.adapters.postgres.engine import Database
from core.domain.principal import Principal
from core.errors import NotFoundError
from core.queries import operations
from core.queries.brands import get_brand, list_brands, resolve_brand
from core.queries.requests import get_request, list_requests, rejected_rows
from tests.builders import AnAd, store, store_brand, store_request

US = Principal("ours")


def test_requests_come_newest_first_each_once(database: Database) -> None:
    for number in range(5):
        store_request(database, f"r{number}", organisation_id="ours")

    first = list_requests(database, US, limit=3)
    rest = list_requests(database, US, limit=3, cursor=first.next_cursor)

    assert [request.request_id for request in (*first.items, *rest.items)] == ["r4", "r3", "r2", "r1", "r0"]
    assert rest.next_cursor is None


def test_rejected_rows_keep_their_order_line_and_reason(database: Database) -> None:
    store_request(database, "r", organisation_id="ours", rejected=5)

    first = rejected_rows(database, US, "r", limit=3)
    rest = rejected_rows(database, US, "r", limit=3, cursor=first.next_cursor)

    assert [row.line for row in (*first.items, *rest.items)] == [2, 3, 4, 5, 6]
    assert (rest.items[0].code, rest.next_cursor) == ("ragged_row", None)


def test_an_unknown_request_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError):
        get_request(database, US, "nothing")


def test_a_brand_is_found_by_any_spelling_of_its_names(database: Database) -> None:
    store_brand(database, "acme", aliases={"acmecorp": "ACME Corp.", "에크미": "에크미"})

    assert {resolve_brand(database, US, name) for name in ("acme corp", "ＡＣＭＥ-Corp", "에크미")} == {"acme"}
    assert get_brand(database, US, "acme").aliases == ("ACME Corp.", "에크미")
    with pytest.raises(NotFoundError, match="ingest it first"):
        resolve_brand(database, US, "acm")


def test_brands_come_by_slug_with_their_ads(database: Database) -> None:
    store(database, AnAd("1", "b"), AnAd("2", "b"), AnAd("3", "a"), AnAd("4", "c"))

    first = list_brands(database, US, limit=2)
    rest = list_brands(database, US, limit=2, cursor=first.next_cursor)

    assert [(brand.slug, brand.ads) for brand in (*first.items, *rest.items)] == [("a", 1), ("b", 2), ("c", 1)]


def test_operators_see_queues_runs_dead_letters_notices_and_heartbeats(database: Database) -> None:
    with database.machinery() as connection:
        connection.execute(insert(schema.queue_message).values(queue="url-process-queue", body="{}"))
        run = {"batch_id": "b", "scope": "theirs", "brand_slug": "acme", "state": "open", "expected_count": 2}
        connection.execute(insert(schema.run).values(run | {"gather_key": "g"}))
        item = {"batch_id": "b", "kind": "media", "role": "image", "url": "https://example.com/x"}
        states = [{"item_id": "1", "state": "failed"}, {"item_id": "2", "state": "pending"}]
        connection.execute(insert(schema.run_item), [item | state for state in states])
        letter = {"scope": "theirs", "queue": "url-process-queue", "body": "{}", "reason": "killed three times"}
        connection.execute(insert(schema.dead_letter).values(letter))
        connection.execute(insert(schema.notice).values(level="error", subject="s", text="t"))
        connection.execute(insert(schema.heartbeat).values(process_id="p", roles="worker", host="h"))

    (queue,) = operations.queue_depths(database)
    (found,) = operations.recent_runs(database)
    assert (queue.queue, queue.waiting, queue.in_flight) == ("url-process-queue", 1, 0)
    assert (found.finished_count, found.failed_count, found.expected_count) == (1, 1, 2)
    assert [letter.reason for letter in operations.dead_letters(database)] == ["killed three times"]
    assert [notice.level for notice in operations.recent_notices(database)] == ["error"]
    assert [process.roles for process in operations.heartbeats(database)] == ["worker"]


def test_a_process_is_late_when_it_was_not_heard_of_for_a_minute() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    heard = {seconds: now - timedelta(seconds=seconds) for seconds in (60, 61)}
    alive = {
        seconds: operations.Heartbeat("p", "worker", "h", when, when).is_alive(now) for seconds, when in heard.items()
    }

    assert alive == {60: True, 61: False}


def test_every_query_names_for_whom_it_asks() -> None:
    """Only the operators' figures, and parts that are given a connection, take no principal."""
    for module in pkgutil.iter_modules(core.queries.__path__, "core.queries."):
        for name, function in inspect.getmembers(import_module(module.name), inspect.isfunction):
            parameters = list(inspect.signature(function).parameters)
            if parameters[:1] == ["database"] and not name.startswith("_") and "operations" not in module.name:
                assert parameters[1] == "principal", f"{module.name}.{name}"
