"""The edges of the process: one small protocol for each thing outside it.

Each has an embedded home (no account, no network) and a production home; both pass the same contract
suite in ``tests/contract``. There is no port between our own modules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from core.domain.ad import AdRecord
from core.domain.label import Outcome

Vector = npt.NDArray[np.float32]


class Clock(Protocol):
    """Wall-clock time, so that tests can move it."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in the store: its content hash (hex SHA-256), size and where it lies (``s3://…``, ``objects://…``)."""

    sha256: str
    size_bytes: int
    location: str
    is_new: bool


class ObjectStore(Protocol):
    """Content-addressed bytes. Keys are hashes, never names from outside."""

    def prepare(self) -> None:
        """Make or check what the store needs; a process that works does so at its start. Raises what is wrong."""
        ...

    def put(self, stream: BinaryIO, *, max_bytes: int) -> StoredObject:
        """Hash while spooling, then store unless it is there already. Raises BadInputError beyond max_bytes."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """Open for reading. Raises NotFoundError."""
        ...

    def exists(self, sha256: str) -> bool:
        """Whether the content is stored."""
        ...

    def delete(self, sha256: str) -> None:
        """Forget the content; no error if it isn't there."""
        ...

    def link(self, sha256: str, *, content_type: str, expires_in_seconds: int) -> str:
        """A URL that gives the bytes until it expires. The caller has checked that the principal may see them."""
        ...


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message in flight. Settle it with its receipt before its visibility runs out."""

    queue: str
    message_id: str
    receipt: str
    body: str
    receive_count: int


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Approximate numbers, as SQS gives them. ``oldest_age_seconds`` is None for an empty queue."""

    waiting: int
    in_flight: int
    delayed: int
    oldest_age_seconds: float | None = None


class MessageQueue(Protocol):
    """SQS semantics: at least once, in no promised order. A message received ``max_receive_count`` times
    without being deleted moves to ``<queue>-dlq``, where it is counted anew."""

    def prepare(self) -> None:
        """Make the queues that are missing. Raises BadInputError for one that is there and set up wrongly."""
        ...

    def send_batch(self, queue: str, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        """Send every body, in batches of 10. Raises RetryableError naming how many were not accepted."""
        ...

    def receive(self, queue: str, *, max_messages: int = 10, wait_seconds: float = 0.0) -> list[ReceivedMessage]:
        """Take up to 10 messages, waiting up to ``wait_seconds`` (≤ 20) for the first."""
        ...

    def delete_batch(self, messages: Sequence[ReceivedMessage]) -> list[ReceivedMessage]:
        """Delete by the newest receipt; returns those known to have failed (they will come again)."""
        ...

    def change_visibility(self, message: ReceivedMessage, *, seconds: int) -> None:
        """Count the visibility from now; 0 gives the message back. Raises StaleError on a lost receipt."""
        ...

    def depth(self, queue: str) -> QueueDepth:
        """How much waits. Raises NotFoundError for a queue that doesn't exist."""
        ...


class DocumentStore(Protocol):
    """JSON documents by (scope, collection, id): raw payloads and AI documents."""

    def prepare(self) -> None:
        """Make or check what the store needs; a process that works does so at its start. Raises what is wrong."""
        ...

    def put_many(self, scope: str, collection: str, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
        """Upsert by id; returns how many were given."""
        ...

    def get(self, scope: str, collection: str, document_id: str) -> dict[str, Any]:
        """One document. Raises NotFoundError."""
        ...


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A similar subject; ``score`` is the cosine similarity in [-1, 1]."""

    subject: str
    score: float


class VectorIndex(Protocol):
    """Exact similarity over the normalised vectors of one model; scope and candidates are filtered inside the search.

    So a search gives ``limit`` neighbours wherever there are that many, however near the others lie.
    """

    @property
    def model(self) -> str:
        """What made the vectors."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        ...

    def add(self, scope: str, subjects: Sequence[str], vectors: Vector) -> None:
        """Add or replace. ``vectors`` has shape (len(subjects), dimension)."""
        ...

    def search(
        self, scopes: Sequence[str], query: Vector, *, limit: int, among: Collection[str] | None = None
    ) -> list[Neighbour]:
        """The nearest subjects of the given scopes, best first; only those ``among`` the candidates, if given.

        ``query`` has shape (dimension,).
        """
        ...

    def missing(self, scope: str, subjects: Collection[str]) -> set[str]:
        """Those of the subjects that the scope doesn't hold."""
        ...

    def size(self) -> int:
        """How many vectors are held, over all scopes."""
        ...

    def clear(self) -> None:
        """Forget every vector."""
        ...


class SecretStore(Protocol):
    """Named secrets. Values never reach logs, rows or exports."""

    def get(self, name: str) -> str:
        """Raises NotFoundError."""
        ...

    def put(self, name: str, value: str) -> None:
        """Create or replace."""
        ...

    def delete(self, name: str) -> None:
        """Forget the secret; no error if there is none."""
        ...

    def get_or_create(self, name: str) -> str:
        """The secret, or a new random one of 256 bits, stored under that name; safe when two processes ask at once."""
        ...


class TextEmbedder(Protocol):
    """Text to vectors. ``model`` and ``dimension`` are stored beside every vector; vectors are L2-normalised."""

    model: str
    dimension: int

    def embed(self, texts: Sequence[str]) -> Vector:
        """Shape (len(texts), dimension), float32, unit length. An empty text raises BadInputError."""
        ...


@dataclass(frozen=True, slots=True)
class ModelImage:
    """A picture shown to a model: encoded, small enough for every provider."""

    content: bytes
    content_type: str  # image/jpeg | image/png | image/webp


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question to a language model. ``instructions`` are ours; ``text`` holds data from outside, marked as such.

    ``schema`` is JSON Schema in the strict subset: every property required, no additional ones, no limits of length.
    """

    instructions: str
    text: str
    schema_name: str  # [A-Za-z0-9_-], at most 64 characters
    schema: Mapping[str, Any]
    images: tuple[ModelImage, ...] = ()
    max_output_tokens: int = 4_000


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Tokens of one call. ``cached`` ones are part of the input; reasoning is part of the output."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What came back. ``outcome`` is ok, refused or truncated here; whoever asked finds out whether it is valid.

    ``text`` is the JSON as it was written, or the refusal's words. ``wire`` is the provider's answer without secrets.
    """

    outcome: Outcome
    text: str
    model: str
    usage: ModelUsage
    vendor_request_id: str | None = None
    wire: Mapping[str, Any] = field(default_factory=dict)


class LanguageModel(Protocol):
    """A model that reads text and pictures and answers in a schema."""

    @property
    def provider(self) -> str:
        """As settings and the price file name it: "openai", "compatible", "bedrock" …"""
        ...

    @property
    def model(self) -> str:
        """The configured model's id."""
        ...

    def wire_request(self, request: ModelRequest) -> Mapping[str, Any]:
        """The exact body that would be sent."""
        ...

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Ask once; at most one try again by the vendor's library.

        Raises RetryableError, ThrottledError, QuotaSpentError, NotAllowedError (credentials), BadInputError (this
        request) or TerminalError.
        """
        ...


@dataclass(frozen=True, slots=True)
class FetchedMedia:
    """What came back for a media URL. ``stream`` is read once and closed by the caller."""

    stream: BinaryIO
    content_type: str | None
    final_url: str


class MediaFetcher(Protocol):
    """Opens one media URL under guard: checked addresses, limits on size and time."""

    def open(self, url: str) -> FetchedMedia:
        """Raises MediaProblemError (terminal, carries a MediaStatus and reason) or RetryableError."""
        ...


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What a receiver answered, and how long it asks to wait, if it does."""

    status: int
    retry_after_seconds: float | None = None


class WebhookSender(Protocol):
    """Posts to addresses of customers, under guard: checked and pinned, no redirect, limits on size and time."""

    def check(self, url: str) -> None:
        """Raises BadInputError for an address that would not be sent to."""
        ...

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """Raises TerminalError for an address that is refused, RetryableError without an answer."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know. ``level`` is "info", "warning" or "error"."""

    level: str
    subject: str
    text: str
    context: Mapping[str, str] = field(default_factory=dict)


class Notifier(Protocol):
    """Tells people: log and in-app at home, SNS, Slack or SMTP in production."""

    def notify(self, notice: Notice) -> None:
        """Best effort: never raises."""
        ...


class SourceEngine(Protocol):
    """An acquisition engine: asks one source for the ads of one brand."""

    @property
    def name(self) -> str:
        """How people and messages call it."""
        ...

    def knows(self, brand_slug: str) -> bool:
        """Whether this source can be asked for the brand."""
        ...

    def scan(self, brand_slug: str) -> Iterator[AdRecord]:
        """Every ad of the brand this source shows now. Raises RetryableError, ThrottledError or TerminalError."""
        ...
