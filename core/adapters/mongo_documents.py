"""JSON documents in MongoDB: the production home of shared documents. Private ones stay in PostgreSQL."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, MongoClient, ReplaceOne
from pymongo.errors import ConfigurationError, InvalidURI
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from core.adapters.mongo_errors import RacedError, mongo_errors
from core.adapters.mongo_json import clean, from_bson, to_bson
from core.errors import BadInputError, NotFoundError
from core.observability.external_calls import external_call

COLLECTION: Final = "documents"
_KEY = ("scope", "collection", "document_id")
_INDEX = "by_key"
_MOST_DOCUMENT_BYTES = 16 * 1024 * 1024 - 1024  # MongoDB's limit, with room for the id it adds
_BATCH_BYTES, _BATCH_DOCUMENTS = 8 * 1024 * 1024, 500  # bounds the memory of a call
_TIMEOUT_SECONDS = 20.0
_CONNECT_SECONDS = 5.0
_ELECTION_SECONDS = 15.0  # a replica set has a new primary after twelve, as a rule
_RACES = 3  # two upserts of one new key: the slower finds it there, and replaces it at the next try


class MongoDocuments:
    """A DocumentStore over one collection. Written to a majority; a lost connection is tried again by the driver.

    A call that fails halfway leaves the documents written so far: the same call again completes it.
    """

    def __init__(self, url: str, *, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        """``timeout_seconds`` per call, its repetitions included. Raises BadInputError; connects to nothing yet."""
        try:
            client: MongoClient[Any] = MongoClient(
                url,
                appname="adology",
                connect=False,
                retryWrites=True,
                w="majority",
                timeoutMS=int(timeout_seconds * 1000),
                connectTimeoutMS=int(_CONNECT_SECONDS * 1000),
                serverSelectionTimeoutMS=int(min(timeout_seconds, _ELECTION_SECONDS) * 1000),
            )
            self._collection = client.get_default_database()[COLLECTION]
        except (ConfigurationError, InvalidURI, ValueError):
            raise BadInputError(
                "ADOLOGY_DOCUMENTS_URL must look like mongodb://host/database; before the host may stand a user and a"
                " password, its signs percent-encoded"
            ) from None  # the cause might repeat the password
        self._target = self._collection.full_name
        # When nobody has the store any more; not at the process's end, which a server that is away would hold up.
        self.close = weakref.finalize(self, client.close)
        self.close.atexit = False

    def prepare(self) -> None:
        """Make the unique index of the key, or see that it is there. Raises ConflictError where another one is."""
        keys = [(name, ASCENDING) for name in _KEY]
        with external_call("mongodb", "create_index", target=self._target), mongo_errors("create_index"):
            self._collection.create_index(keys, name=_INDEX, unique=True)

    def put_many(self, scope: str, collection: str, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
        """Upsert by id; returns how many were given. The last of one id wins.

        Raises BadInputError for a document of more than 16 MB, UnavailableError, ThrottledError and NotAllowedError.
        """
        given, size, batch = 0, 0, dict[str, RawBSONDocument]()
        for document_id, body in documents:
            document = _document(scope, collection, document_id, body)
            if batch and (size + len(document.raw) > _BATCH_BYTES or len(batch) == _BATCH_DOCUMENTS):
                self._replace(batch.values())
                size, batch = 0, {}
            given, size = given + 1, size + len(document.raw)
            batch[document["document_id"]] = document
        if batch:
            self._replace(batch.values())
        return given

    def get(self, scope: str, collection: str, document_id: str) -> dict[str, Any]:
        """One document of exactly this scope. Raises NotFoundError."""
        key = _key(scope, collection, document_id)
        with external_call("mongodb", "find_one", target=self._target), mongo_errors("find_one"):
            found = self._collection.find_one(key, {"body": True})
            if found is None:
                raise NotFoundError(f"there is no document {document_id!r} in {collection!r}")
        body: dict[str, Any] = from_bson(found["body"])
        return body

    @retry(retry=retry_if_exception_type(RacedError), stop=stop_after_attempt(_RACES), reraise=True)
    def _replace(self, documents: Collection[RawBSONDocument]) -> None:
        writes: list[ReplaceOne[Any]] = [
            ReplaceOne({name: document[name] for name in _KEY}, document, upsert=True) for document in documents
        ]
        with external_call("mongodb", "bulk_write", target=self._target) as call, mongo_errors("bulk_write"):
            call.size_bytes = sum(len(document.raw) for document in documents)
            self._collection.bulk_write(writes, ordered=False)


def _document(scope: str, collection: str, document_id: str, body: Mapping[str, Any]) -> RawBSONDocument:
    document = RawBSONDocument(bson.encode({**_key(scope, collection, document_id), "body": to_bson(body)}))
    if len(document.raw) > _MOST_DOCUMENT_BYTES:
        raise BadInputError(
            f"document {document_id!r} has {len(document.raw):,} bytes, and MongoDB takes 16 MB: import it in pieces"
        )
    return document


def _key(*values: str) -> dict[str, str]:
    return dict(zip(_KEY, map(clean, values), strict=True))
