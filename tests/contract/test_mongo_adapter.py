"""What only the home in MongoDB promises: its index, its limits, how it takes errors, and whose documents lie there."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo.errors import BulkWriteError

from core.adapters.mongo_documents import MongoDocuments
from core.adapters.mongo_errors import mongo_errors
from core.adapters.postgres.engine import Database
from core.adapters.postgres.pg_documents import PostgresDocuments
from core.adapters.scoped_documents import ScopedDocuments
from core.errors import (
    BadInputError,
    ConflictError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
    ThrottledError,
    UnavailableError,
)
from tests.fakes.mongo_server import MongoServer

NETWORK_ERROR, UNAUTHORIZED, AUTHENTICATION_FAILED, RATE_LIMIT, TIME_LIMIT, STEPPED_DOWN = 6, 13, 18, 462, 50, 189
MB = 1_000_000


@pytest.fixture
def name() -> str:
    """Of a database of the test's own."""
    return uuid.uuid4().hex


@pytest.fixture
def store(mongo: MongoServer, name: str) -> Iterator[MongoDocuments]:
    store = MongoDocuments(mongo.url(name), timeout_seconds=5)
    store.prepare()
    yield store
    store.close()


def stored(mongo: MongoServer, name: str) -> list[dict[str, Any]]:
    with mongo.client() as client:
        return list(client[name]["documents"].find({}, {"_id": False}))


# --- what lies in the database ----------------------------------------------------------------------------


def test_a_document_lies_under_its_key_readable_for_others(
    mongo: MongoServer, name: str, store: MongoDocuments
) -> None:
    store.put_many("shared", "raw_ads", [("1", {"copy": "20% off", "price.usd": {"$": 1}})])

    assert stored(mongo, name) == [
        {
            "scope": "shared",
            "collection": "raw_ads",
            "document_id": "1",
            "body": {"copy": "20% off", "price%2Eusd": {"%24": 1}},
        }
    ]


def test_what_is_deeper_than_mongodb_takes_lies_there_as_text(
    mongo: MongoServer, name: str, store: MongoDocuments
) -> None:
    body = {"deep": json.loads("[" * 300 + "]" * 300)}

    store.put_many("shared", "raw_ads", [("1", body)])

    level, levels = stored(mongo, name)[0]["body"]["deep"], 2
    while isinstance(level, list):
        level, levels = level[0], levels + 1
    assert levels < 100
    assert list(level) == ["%json"]
    assert store.get("shared", "raw_ads", "1") == body


def test_preparing_makes_the_unique_index_once(mongo: MongoServer, name: str, store: MongoDocuments) -> None:
    store.prepare()

    with mongo.client() as client:
        indexes = client[name]["documents"].index_information()
    (ours,) = [index for index_name, index in indexes.items() if index_name != "_id_"]
    assert ours["key"] == [("scope", 1), ("collection", 1), ("document_id", 1)]
    assert ours["unique"] is True


def test_an_index_of_another_kind_in_its_place_is_said_at_the_start(mongo: MongoServer, name: str) -> None:
    with mongo.client() as client:
        keys = [("scope", 1), ("collection", 1), ("document_id", 1)]
        client[name]["documents"].create_index(keys, name="by_key")

    with pytest.raises(ConflictError, match="drop it"):
        MongoDocuments(mongo.url(name)).prepare()


def test_the_same_documents_twice_are_there_once(mongo: MongoServer, name: str, store: MongoDocuments) -> None:
    for _ in range(2):
        store.put_many("shared", "raw_ads", [(str(number), {"n": number}) for number in range(20)])

    assert len(stored(mongo, name)) == 20


def test_eight_who_put_the_same_new_documents_at_once_all_succeed(
    mongo: MongoServer, name: str, store: MongoDocuments
) -> None:
    barrier = threading.Barrier(8)

    def put(_: int) -> int:
        barrier.wait()
        return store.put_many("shared", "raw_ads", [(str(number), {"n": number}) for number in range(50)])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(put, range(8))) == [50] * 8
    assert len(stored(mongo, name)) == 50


def test_what_raced_for_a_new_key_is_put_again(store: MongoDocuments, monkeypatch: pytest.MonkeyPatch) -> None:
    bulk_write, races = store._collection.bulk_write, iter([True])

    def raced(*args: object, **options: object) -> object:
        if next(races, False):
            raise BulkWriteError({"writeErrors": [{"code": 11_000, "errmsg": "E11000 duplicate key"}]})
        return bulk_write(*args, **options)

    monkeypatch.setattr(store._collection, "bulk_write", raced)

    store.put_many("shared", "raw_ads", [("1", {"v": 1})])
    assert store.get("shared", "raw_ads", "1") == {"v": 1}


def test_many_documents_go_in_batches_of_bounded_number_and_size(
    store: MongoDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulk_write, batches = store._collection.bulk_write, list[int]()

    def counted(writes: list[object], **options: object) -> object:
        batches.append(len(writes))
        return bulk_write(writes, **options)

    monkeypatch.setattr(store._collection, "bulk_write", counted)

    store.put_many("shared", "raw_ads", ((str(number), {"n": number}) for number in range(1_001)))
    store.put_many("shared", "raw_ads", ((str(number), {"n": "x" * 3 * MB}) for number in range(5)))
    store.put_many("shared", "raw_ads", [("1", {"v": 1}), ("2", {"v": 1}), ("1", {"v": 2})])

    assert batches == [500, 500, 1, 2, 2, 1, 2]  # the last holds each id once: a batch has no order


def test_no_option_of_the_address_makes_a_write_less_sure(mongo: MongoServer, name: str) -> None:
    store = MongoDocuments(mongo.url(name) + "?w=1&retryWrites=false")

    assert store._collection.write_concern.document == {"w": "majority"}
    assert store._collection.database.client.options.retry_writes


# --- what goes wrong ---------------------------------------------------------------------------------------


def test_a_dropped_connection_is_tried_again_and_stores_once(
    mongo: MongoServer, name: str, store: MongoDocuments
) -> None:
    with mongo.failing("update", times=1, closeConnection=True):
        store.put_many("shared", "raw_ads", [("1", {"v": 1}), ("2", {"v": 2})])
    with mongo.failing("find", times=1, closeConnection=True):
        assert store.get("shared", "raw_ads", "2") == {"v": 2}

    assert len(stored(mongo, name)) == 2


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (2, RetryableError, "code 2"),  # a bad value: nothing we know of
        (13, NotAllowedError, "readWrite"),
        (18, NotAllowedError, "readWrite"),  # a wrong password
        (50, UnavailableError, "in time"),
        (189, UnavailableError, "can't be reached"),  # the primary stepped down, and no other came
        (462, ThrottledError, "pause"),
    ],
)
def test_what_mongodb_answers_becomes(
    mongo: MongoServer, name: str, code: int, kind: type[Exception], says: str
) -> None:
    store = MongoDocuments(mongo.url(name), timeout_seconds=1)

    with mongo.failing("update", errorCode=code), pytest.raises(kind, match=says) as caught:
        store.put_many("shared", "raw_ads", [("1", {"v": "payload"})])

    assert type(caught.value) is kind
    assert "payload" not in str(caught.value)


def test_what_no_majority_confirmed_in_time_is_unavailable(mongo: MongoServer, store: MongoDocuments) -> None:
    late = {"code": 64, "errmsg": "waiting for replication timed out"}

    with mongo.failing("update", writeConcernError=late), pytest.raises(UnavailableError, match="in time"):
        store.put_many("shared", "raw_ads", [("1", {"v": 1})])


def test_nobody_there_is_unavailable(name: str) -> None:
    with pytest.raises(UnavailableError, match="can't be reached"):
        MongoDocuments(f"mongodb://127.0.0.1:1/{name}", timeout_seconds=0.2).prepare()


def test_a_document_of_more_than_16_mb_is_refused_by_name(store: MongoDocuments) -> None:
    with pytest.raises(BadInputError, match="'big'"):
        store.put_many("shared", "raw_ads", [("big", {"copy": "x" * 17 * MB})])


def test_a_document_of_nearly_16_mb_is_stored(store: MongoDocuments) -> None:
    body = {"copy": "x" * (16 * 1024 * 1024 - 2_000)}

    store.put_many("shared", "raw_ads", [("large", body)])

    assert store.get("shared", "raw_ads", "large") == body


def test_a_refusal_of_the_server_repeats_no_document() -> None:
    refused = {"writeErrors": [{"code": 10_334, "op": {"body": "payload"}, "errmsg": "payload"}]}

    with pytest.raises(BadInputError) as caught, mongo_errors("bulk_write"):
        raise BulkWriteError(refused)

    assert "payload" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mongodb://",
        "mongodb://127.0.0.1",  # no database
        "mongodb://user:pass:word@127.0.0.1/adology",
        "mongodb://127.0.0.1:port/adology",
        "postgresql://127.0.0.1/adology",
    ],
)
def test_a_setting_that_names_no_database_says_so_without_the_password(url: str) -> None:
    with pytest.raises(BadInputError, match="ADOLOGY_DOCUMENTS_URL") as caught:
        MongoDocuments(url)

    assert "pass:word" not in str(caught.value)


# --- whose documents lie where ---------------------------------------------------------------------------------


def test_private_documents_go_to_postgresql_and_never_to_mongodb(
    mongo: MongoServer, name: str, store: MongoDocuments, database: Database
) -> None:
    private = PostgresDocuments(database)
    documents = ScopedDocuments(shared=store, private=private)

    documents.put_many("shared", "raw_ads", [("1", {"of": "all"})])
    documents.put_many("local", "raw_ads", [("1", {"of": "one"})])

    assert [(row["scope"], row["body"]) for row in stored(mongo, name)] == [("shared", {"of": "all"})]
    assert private.get("local", "raw_ads", "1") == documents.get("local", "raw_ads", "1") == {"of": "one"}
    assert documents.get("shared", "raw_ads", "1") == {"of": "all"}
    with pytest.raises(NotFoundError):
        private.get("shared", "raw_ads", "1")
