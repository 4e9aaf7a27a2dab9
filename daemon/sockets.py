"""``/ws``: a client says what it wants to hear of, is told how it stands, then hears every event.

Client → ``{"subscribe": WHAT}``, with ``"after": <event_id>`` to resume; ``{"unsubscribe": WHAT}``; ``{"ping": 1}``.
         WHAT is ``"all"`` of one's organisation, ``["<request_id>", …]``, or
         ``{"requests": ["<request_id>", …], "brandspaces": ["<brandspace_id>", …]}``.
Server → a snapshot, ``{"request_id", "status", "result"}`` of each request that is named and of the others that are
         open; or, with ``after``, every event since then. Where these aren't kept or are too many, ``{"gap": true}``
         and a snapshot. ``{"subscribed": WHAT, "event_id"}`` ends both: resume after that event, or a later one.
         Then the events, ``{"request_id", "status", "result", "event_id"}``, in order and each once; to a slow client
         progress is left out, since a later event says more.
         ``{"error": {"code", "message"}}`` for what it can't use or doesn't have; ``{"unsubscribed": WHAT}``;
         ``{"pong": 1}``.
Closed with 1013 at the cap, when too slow and while the database is away, with 1008 when the key or session has
ended, with 1001 when the server stops. A browser can't send a key as a header: it offers the subprotocols ``adology``
and ``adology.key.<key>``.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any, Final, Literal, cast

from flask import Blueprint, current_app
from flask_sock import Sock
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from simple_websocket import Server as WebSocket  # type: ignore[import-untyped]

from core.access.rights import require
from core.domain.principal import Permission
from core.errors import (
    AdologyError,
    BadInputError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
    UnavailableError,
)
from core.observability.logs import get_logger
from core.queries.brandspaces import ALL_BRANDS
from core.queries.events import CaughtUp, Topics, catch_up
from daemon.api.context import current_principal, services
from daemon.api.schemas import Identifier
from daemon.api.sign_in import SUBPROTOCOL, identify
from daemon.hub import Client, Hub, names_of

log = get_logger(__name__)

HUB: Final = "adology-hub"
SEND_TIMEOUT_SECONDS: Final = 5
PING_SECONDS: Final = 25  # and how often it is asked whether the client's key or session still holds
FRAMES_LIMIT: Final = 100  # of a client, unanswered
POLICY_VIOLATION: Final = 1008
TRY_AGAIN_LATER: Final = 1013
OPTIONS: Final = {"ping_interval": PING_SECONDS, "max_message_size": 64 * 1024, "subprotocols": [SUBPROTOCOL]}

blueprint = Blueprint("sockets", __name__)
sock = Sock()

Identifiers = Annotated[list[Identifier], Field(max_length=100)]


class Named(BaseModel, extra="forbid"):
    """Requests, and the requests that concern brandspaces."""

    requests: Identifiers = []
    brandspaces: Identifiers = []


What = Literal["all"] | Identifiers | Named


class Subscribe(BaseModel, extra="forbid"):
    """Hear of this from now on, or from after an event on."""

    subscribe: What
    after: Annotated[int, Field(ge=0, lt=2**63, strict=True)] | None = None


class Unsubscribe(BaseModel, extra="forbid"):
    """Hear no more of this."""

    unsubscribe: What


class Ping(BaseModel, extra="forbid"):
    """Answered at once."""

    ping: int | Annotated[str, Field(max_length=64)]


_FRAMES: TypeAdapter[Subscribe | Unsubscribe | Ping] = TypeAdapter(Subscribe | Unsubscribe | Ping)


def hub() -> Hub:
    """The hub of this process."""
    return cast(Hub, current_app.extensions[HUB])


@sock.route("/ws", bp=blueprint)  # type: ignore[untyped-decorator]  # flask-sock has no types
def events(ws: WebSocket) -> None:
    """Serve one client until it leaves."""
    client = Client(current_principal(), ws.event.set)
    _limit_sends(ws)
    try:
        hub().register(client)
        _converse(ws, client)
    except UnavailableError as error:
        ws.close(TRY_AGAIN_LATER, str(error))
    except OSError:  # gone, or stuck: neither reads a goodbye
        _shut(ws, socket.SHUT_RDWR)
    finally:
        hub().unregister(client)
        _end_reader(ws)


def _converse(ws: WebSocket, client: Client) -> None:
    # The reader thread of the socket sets the same event for what comes in as publishers do for what goes out.
    check_at = time.monotonic() + PING_SECONDS
    while ws.connected:
        ws.event.wait(max(0.0, check_at - time.monotonic()))
        ws.event.clear()
        if time.monotonic() >= check_at:
            _ask_the_door(client)
            check_at = time.monotonic() + PING_SECONDS
        while client.closing is None and (frame := ws.receive(timeout=0)) is not None:
            _answer(ws, client, frame)
            if len(ws.input_buffer) > FRAMES_LIMIT:
                client.close(POLICY_VIOLATION, "too many frames at once: wait for the answers")
        while client.closing is None and (text := client.take()) is not None:
            _send(ws, text)
        if client.closing is not None:
            ws.close(*client.closing)


def _ask_the_door(client: Client) -> None:
    """What let the client in may be revoked or out of date by now."""
    try:
        require(identify(), Permission.READ)
    except NotAllowedError as error:
        client.close(POLICY_VIOLATION, str(error))
    except RetryableError:
        log.warning("who listens could not be asked; it is asked again")


def _answer(ws: WebSocket, client: Client, text: str | bytes) -> None:
    try:
        frame = _parse(text)
        if isinstance(frame, Subscribe):
            _subscribe(ws, client, frame)
        elif isinstance(frame, Unsubscribe):
            client.unsubscribe(names_of(_topics(frame.unsubscribe)))
            _send(ws, _json(unsubscribed=_as_sent(frame)["unsubscribe"]))
        else:
            _send(ws, _json(pong=frame.ping))
    except RetryableError as error:
        client.close(TRY_AGAIN_LATER, str(error))
    except AdologyError as error:
        _send(ws, _error(error))


def _parse(text: str | bytes) -> Subscribe | Unsubscribe | Ping:
    try:
        return _FRAMES.validate_json(text)
    except ValidationError:
        raise BadInputError(
            'send {"subscribe": ["<request_id>"]} (at most 100), {"subscribe": {"brandspaces": ["<brandspace_id>"]}} '
            'or {"subscribe": "all"}, with "after": <event_id> to resume; {"unsubscribe": …} or {"ping": 1}'
        ) from None


def _as_sent(frame: BaseModel) -> dict[str, Any]:
    return frame.model_dump(exclude_unset=True)


def _topics(what: str | list[str] | Named) -> Topics:
    if isinstance(what, Named):
        everything = ALL_BRANDS in what.brandspaces
        return Topics(frozenset(what.requests), frozenset(what.brandspaces) - {ALL_BRANDS}, everything)
    return Topics(everything=True) if isinstance(what, str) else Topics(frozenset(what))


def _subscribe(ws: WebSocket, client: Client, asked: Subscribe) -> None:
    """First subscribe, then look: events in between wait, and of these only what the look didn't show is sent."""
    topics = _topics(asked.subscribe)
    names = names_of(topics)
    client.subscribe(names)
    try:
        kept = services().settings.request_retention_hours
        found = catch_up(services().database, client.principal, topics, after=asked.after, kept_hours=kept)
    except AdologyError:
        client.unsubscribe(names)
        raise
    client.subscribe(names, after=found.position)
    client.unsubscribe(names_of(found.unknown))
    for text in _told(found):
        _send(ws, text)
    more = {"truncated": True} if found.is_truncated else {}
    _send(ws, _json(subscribed=_as_sent(asked)["subscribe"], event_id=found.position, **more))


def _told(found: CaughtUp) -> Iterator[str]:
    for request_id in sorted(found.unknown.requests):
        yield _error(NotFoundError("there is no such request"), request_id=request_id)
    for brandspace_id in sorted(found.unknown.brandspaces):
        yield _error(NotFoundError("there is no such brandspace"), brandspace_id=brandspace_id)
    if found.is_gap:
        yield _json(gap=True)
    for request in found.requests:
        yield _json(
            request_id=request.request_id, status=request.status, result=request.result or request.progress or None
        )
    for event in found.events:
        yield _json(**event.body, event_id=event.event_id)


def _json(**fields: Any) -> str:
    return to_json(fields).decode()


def _error(error: AdologyError, **more: Any) -> str:
    return _json(error={"code": error.code, "message": str(error), **more})


def _limit_sends(ws: WebSocket) -> None:
    """A send blocks for a bounded time; SO_SNDTIMEO, since a Python timeout would limit the reader too."""
    ws.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_TIMEOUT_SECONDS, 0))


def _end_reader(ws: WebSocket) -> None:
    """The server is about to close the socket; a thread still waiting on it would miss that and outlive the process."""
    _shut(ws, socket.SHUT_RD)
    ws.thread.join(SEND_TIMEOUT_SECONDS)


def _shut(ws: WebSocket, how: int) -> None:
    with suppress(OSError):
        ws.sock.shutdown(how)


def _send(ws: WebSocket, text: str) -> None:
    started = time.monotonic()
    ws.send(text)
    if time.monotonic() - started >= SEND_TIMEOUT_SECONDS:
        # The frame may have been cut short: nothing sensible can follow it.
        raise TimeoutError("the client doesn't read")
