"""Every DocumentStore gives back what was put, per scope."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from core.adapters.mongo_documents import MongoDocuments
from core.adapters.postgres.pg_documents import PostgresDocuments
from core.errors import NotFoundError
from core.ports import DocumentStore


@pytest.fixture(params=["postgres", "mongo"])
def documents(request: pytest.FixtureRequest) -> Iterator[DocumentStore]:
    """A fresh store of one home, prepared."""
    if request.param == "postgres":
        yield PostgresDocuments(request.getfixturevalue("database"))
        return
    store = MongoDocuments(request.getfixturevalue("mongo").url(uuid.uuid4().hex))
    store.prepare()
    yield store
    store.close()


def test_a_store_that_can_be_used_is_prepared_as_often_as_one_likes(documents: DocumentStore) -> None:
    documents.prepare()
    documents.prepare()


def kept(documents: DocumentStore, body: dict[str, Any]) -> dict[str, Any]:
    documents.put_many("shared", "raw", [("1", body)])
    return documents.get("shared", "raw", "1")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "광고 😀", "list": [1, 2.5, None, True], "nested": {"a": {"b": []}}},
        {"copy": "tab\there\nline\\N \\. \\\\ ' \" \r"},
        {"backslash": "\\u0000 spelled out", "end": "\\"},
        {"big": 10**30, "bigger": 2**63, "largest": 2**63 - 1, "smallest": -(2**63), "beyond": -(2**63) - 1},
        {"small": -0.125, "none": 0},
        {"$set": {"$ref": "x", "$id": 1}, "a.b": {"c.d.": [{".": "$"}]}, "": "", "_id": 1},
        {"%24": 1, "%json": "no text of ours", "%2E.%25$": {"%json": "[1]"}},
        {"deep": [json.loads("[" * 300 + '{"a.b": 1}' + "]" * 300)]},
    ],
)
def test_a_document_comes_back_as_it_was(documents: DocumentStore, body: dict[str, Any]) -> None:
    assert kept(documents, body) == body


def test_nul_is_dropped_from_keys_and_values(documents: DocumentStore) -> None:
    assert kept(documents, {"a\0b": "x\0\0y", "list": ["\\\0"]}) == {"ab": "xy", "list": ["\\"]}


def test_a_lone_surrogate_does_not_lose_the_document(documents: DocumentStore) -> None:
    assert kept(documents, {"copy": "a\ud800b"}) == {"copy": "a?b"}


def test_a_document_put_again_is_replaced(documents: DocumentStore) -> None:
    kept(documents, {"v": 1, "old": True})
    assert kept(documents, {"v": 2}) == {"v": 2}


def test_the_last_of_one_id_wins_within_a_call(documents: DocumentStore) -> None:
    assert documents.put_many("shared", "raw", [("1", {"v": 1}), ("2", {"v": 2}), ("1", {"v": 3})]) == 3
    assert documents.get("shared", "raw", "1") == {"v": 3}


def test_many_documents_are_put_at_once(documents: DocumentStore) -> None:
    assert documents.put_many("shared", "raw", ((str(n), {"n": n}) for n in range(5_000))) == 5_000
    assert documents.get("shared", "raw", "4999") == {"n": 4_999}


def test_nothing_put_is_no_error(documents: DocumentStore) -> None:
    assert documents.put_many("shared", "raw", []) == 0


def test_scopes_and_collections_do_not_mix(documents: DocumentStore) -> None:
    documents.put_many("acme", "raw", [("1", {"v": "private"})])
    documents.put_many("shared", "raw", [("1", {"v": "shared"})])
    assert documents.get("acme", "raw", "1") == {"v": "private"}
    for scope, collection in (("other", "raw"), ("acme", "ai")):
        with pytest.raises(NotFoundError, match="'1'"):
            documents.get(scope, collection, "1")
