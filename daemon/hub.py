"""Hands request events to the WebSockets of this process. It never waits for one of them.

A publisher only appends to the client's bounded queue; the client's own thread sends. A client that doesn't read
blocks its own thread until the send times out, and nobody else.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from pydantic_core import to_json

from core.adapters.postgres.event_feed import EventFeed, RequestEvent
from core.domain.principal import Principal
from core.errors import BadInputError, RetryableError, UnavailableError
from core.observability.logs import get_logger
from core.queries.events import Topics

log = get_logger(__name__)

QUEUE_LIMIT: Final = 256
SUBSCRIPTION_LIMIT: Final = 1_000
_RECONNECT_SECONDS: Final = (0.1, 0.5, 2.0, 5.0)
_PROGRESS: Final = frozenset({"queued", "processing"})  # a later event of the request says more
_EVERYTHING: Final = "everything"


def names_of(topics: Topics) -> frozenset[str]:
    """The topics as clients keep them: one name each."""
    return _names(topics.requests, topics.brandspaces) | ({_EVERYTHING} if topics.everything else frozenset())


def _names(requests: Iterable[str], brandspaces: Iterable[str]) -> frozenset[str]:
    return frozenset([*(f"request:{id_}" for id_ in requests), *(f"brandspace:{id_}" for id_ in brandspaces)])


class Client:
    """What one socket wants to hear, and what waits to be sent to it. ``wake`` is called when something does.

    The socket's own thread subscribes and takes; whoever publishes asks and offers.
    """

    def __init__(self, principal: Principal, wake: Callable[[], None]) -> None:
        self.principal = principal
        self.closing: tuple[int, str] | None = None  # WebSocket code and reason, once it must go
        self._wake = wake
        self._lock = threading.Lock()
        self._topics: Mapping[str, int] = {}  # name → the event after which it is heard; never changed in place
        self._waiting: deque[tuple[RequestEvent, str]] = deque()

    def subscribe(self, names: Collection[str], *, after: int = 0) -> None:
        """Hear of these topics too, of events after this one. Raises BadInputError beyond the limit."""
        topics = {**self._topics, **dict.fromkeys(names, after)}
        if len(topics) > SUBSCRIPTION_LIMIT:
            raise BadInputError(f'more than {SUBSCRIPTION_LIMIT} topics: subscribe to "all" instead')
        self._topics = topics

    def unsubscribe(self, names: Collection[str]) -> None:
        """Hear no more of these topics, not even what waits already."""
        self._topics = {name: after for name, after in self._topics.items() if name not in names}

    def wants(self, event: RequestEvent) -> bool:
        """Whether the event is asked for and may be seen."""
        if event.organisation_id != self.principal.organisation_id:
            return False
        topics = self._topics
        about = (_EVERYTHING, *_names([event.body.get("request_id", "")], event.brandspaces))
        return any(topics.get(name, event.event_id) < event.event_id for name in about)

    def offer(self, event: RequestEvent, text: str) -> None:
        """Queue an event as ``text``. When full the oldest progress makes room; with none to drop, the client must
        go."""
        with self._lock:
            if len(self._waiting) >= QUEUE_LIMIT and not self._drop_progress():
                self.closing = self.closing or (1013, "too slow: reconnect and resume after your last event_id")
            else:
                self._waiting.append((event, text))
        self._wake()

    def close(self, code: int, reason: str) -> None:
        """Ask the client's thread to say goodbye."""
        self.closing = self.closing or (code, reason)
        self._wake()

    def take(self) -> str | None:
        """The next message to send: of what waits, the first that is still wanted."""
        with self._lock:
            while self._waiting:
                event, text = self._waiting.popleft()
                if self.wants(event):
                    return text
        return None

    def _drop_progress(self) -> bool:
        for index, (event, _) in enumerate(self._waiting):
            if event.body.get("status") in _PROGRESS:
                del self._waiting[index]
                return True
        return False


class Hub:
    """The clients of this process, and the thread that hears of events for them."""

    def __init__(self, feed: EventFeed, *, cap: int) -> None:
        self._feed = feed
        self._cap = cap
        self._lock = threading.Lock()
        self._clients: set[Client] = set()
        self._listening = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event-hub", daemon=True)

    @property
    def is_listening(self) -> bool:
        """Whether events arrive."""
        return self._listening.is_set()

    @property
    def client_count(self) -> int:
        """How many sockets are open."""
        with self._lock:
            return len(self._clients)

    def start(self, *, wait_seconds: float = 5.0) -> None:
        """Begin to listen; returns once it does, or after the wait (it goes on trying)."""
        self._thread.start()
        self._listening.wait(wait_seconds)

    def stop(self) -> None:
        """Send every client away and end the thread. Safe to call twice, or without a start."""
        with self._lock:
            self._stopped.set()
            clients = list(self._clients)
        for client in clients:
            client.close(1001, "the server stops: reconnect in a moment")
        self._feed.stop()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def register(self, client: Client) -> None:
        """Take a client in. Raises UnavailableError at the cap and while no events arrive."""
        with self._lock:
            if self._stopped.is_set() or not self.is_listening:
                raise UnavailableError("no events right now: try again in a moment")
            if len(self._clients) >= self._cap:
                raise UnavailableError(f"all {self._cap} sockets are taken: try again later, or ask by HTTP")
            self._clients.add(client)

    def unregister(self, client: Client) -> None:
        """Let a client go; no error if it is gone."""
        with self._lock:
            self._clients.discard(client)

    def publish(self, event: RequestEvent) -> None:
        """Queue the event for every client that wants it."""
        with self._lock:
            clients = [client for client in self._clients if client.wants(event)]
        if not clients:
            return
        text = to_json({**event.body, "event_id": event.event_id}).decode()
        for client in clients:
            client.offer(event, text)

    def _run(self) -> None:
        attempt = 0
        while not self._stopped.is_set():
            try:
                for events in self._feed.follow():
                    self._listening.set()
                    attempt = 0
                    for event in events:
                        self.publish(event)
            except RetryableError as error:
                log.warning("event feed lost; connecting again", reason=str(error), attempt=attempt)
            except Exception:  # the thread ends here: without it no socket would hear anything again
                log.exception("event feed failed; connecting again")
            self._listening.clear()
            self._stopped.wait(_RECONNECT_SECONDS[min(attempt, len(_RECONNECT_SECONDS) - 1)])
            attempt += 1
