"""Phase 2, per URL: download under guard, store, measure, embed. The result goes to the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import numpy as np

from core.adapters.image_decoder import MediaFacts
from core.adapters.postgres.content_store import has_embedding, known_creative
from core.adapters.postgres.engine import Database
from core.adapters.postgres.runs import PostgresRuns
from core.adapters.visual_embedder import VISUAL_MODEL
from core.crash_points import crash_point
from core.domain.media import MediaRole, MediaStatus
from core.domain.run import ACTIVE_STATES, ItemKind, ItemResult, ItemState
from core.errors import BadInputError, MediaProblemError, StaleError
from core.messages import UrlMessage
from core.observability import metrics
from core.pipeline.manifest import item_identity
from core.ports import MediaFetcher, ObjectStore, TextEmbedder, Vector

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Acquirer:
    """Acquire with its ports."""

    database: Database
    objects: ObjectStore
    media: MediaFetcher
    embedder: TextEmbedder
    describe: Callable[[BinaryIO], MediaFacts]
    max_bytes: int

    def acquire(self, message: UrlMessage) -> ItemResult:
        """The terminal result of one item. Raises RetryableError when it should be tried again, StaleError when its run
        is over."""
        try:
            result = self._text(message) if self._kind(message) is ItemKind.TEXT else self._medium(message)
        except MediaProblemError as problem:
            result = failed(message, problem.status, str(problem))
        metrics.item_ended(result.status or "text")
        return result

    @staticmethod
    def _kind(message: UrlMessage) -> ItemKind:
        return ItemKind(message.metadata.get("kind", ItemKind.MEDIA))

    def _text(self, message: UrlMessage) -> ItemResult:
        """An ad without media: its page is never fetched, its text is embedded once per text."""
        text, digest = str(message.metadata.get("text", "")), str(message.metadata.get("text_hash", ""))
        embedding = None
        if text.strip() and not has_embedding(self.database, message.scope, digest, self.embedder.model):
            embedding = _bytes(self.embedder.embed([text])[0])
        facts = {"embedding_subject": digest, "embedding_model": self.embedder.model} if embedding else {}
        return _ok(message, None, facts, embedding)

    def _medium(self, message: UrlMessage) -> ItemResult:
        problem = message.metadata.get("problem")
        if problem is not None:
            raise MediaProblemError(MediaStatus(problem), str(message.metadata.get("reason", problem)))
        known = known_creative(self.database, message.scope, item_id_of(message))
        if known is not None:  # its content is stored: a second fetch would tell nothing new
            return _ok(message, MediaStatus.OK, known, None)
        self._require_active_run(message)
        return self._fetch(message)

    def _require_active_run(self, message: UrlMessage) -> None:
        """Raises StaleError for a run that is over: it was cancelled, and nobody waits for its media."""
        if message.batch_id is None:
            return
        with self.database.machinery() as connection:
            run = PostgresRuns(connection).find(message.batch_id)
        if run is not None and run.state not in ACTIVE_STATES:
            raise StaleError(f"run {message.batch_id} is {run.state}: nothing is fetched for it")

    def _fetch(self, message: UrlMessage) -> ItemResult:
        fetched = self.media.open(message.url)
        try:
            with fetched.stream as stream:
                stored = self.objects.put(stream, max_bytes=self.max_bytes)
        except BadInputError as error:
            raise MediaProblemError(MediaStatus.TOO_LARGE, str(error)) from error
        crash_point("acquire.fetched")
        with self.objects.open(stored.sha256) as stream:
            measured = self.describe(stream)
        facts: dict[str, Any] = {
            "sha256": stored.sha256,
            "s3_path": stored.location,
            "size_bytes": stored.size_bytes,
            "content_type": measured.content_type,
            "width": measured.width,
            "height": measured.height,
            "perceptual_hash": measured.perceptual_hash,
            "colours": [asdict(colour) for colour in measured.colours],
        }
        if measured.visual is None:
            return _ok(message, MediaStatus.OK, facts, None)
        facts |= {"embedding_subject": stored.sha256, "embedding_model": VISUAL_MODEL}
        return _ok(message, MediaStatus.OK, facts, _bytes(measured.visual))


def item_id_of(message: UrlMessage) -> str:
    """Gather names the item; a bare body of the specification is named the same way."""
    role = str(message.metadata.get("role") or message.metadata.get("kind") or MediaRole.IMAGE)
    return message.item_id or item_identity(message.url, role)


def failed(message: UrlMessage, status: MediaStatus, reason: str) -> ItemResult:
    """A failed item is a result: the run completes without it."""
    return ItemResult(item_id_of(message), message.url, ItemState.FAILED, status, reason)


def _ok(
    message: UrlMessage, status: MediaStatus | None, facts: Mapping[str, Any], embedding: bytes | None
) -> ItemResult:
    return ItemResult(item_id_of(message), message.url, ItemState.OK, status, None, facts, embedding)


def _bytes(vector: Vector) -> bytes:
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()
