"""``/ws``: a client names requests, gets a snapshot of each, then their events.

Client → ``{"subscribe": ["<request_id>", …]}`` or ``{"subscribe": "all"}``.
Server → ``{"request_id", "status", "result"}``; ``{"subscribed": "all"}`` once every event is heard;
          ``{"error": {"code", "message"}}`` for a frame it can't use.
Closed with 1013 at the cap or when too slow, with 1001 when the server stops.
"""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from typing import Annotated, Any, Final, Literal, cast

from flask import Blueprint, current_app
from flask_sock import Sock
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import to_json
from simple_websocket import Server as WebSocket  # type: ignore[import-untyped]

from core.errors import AdologyError, BadInputError, UnavailableError
from core.queries.requests import get_request
from daemon.api.context import current_principal, services
from daemon.hub import Client, Hub

HUB: Final = "adology-hub"
SEND_TIMEOUT_SECONDS: Final = 5
PING_SECONDS: Final = 25
TRY_AGAIN_LATER: Final = 1013
OPTIONS: Final = {"ping_interval": PING_SECONDS, "max_message_size": 64 * 1024}

blueprint = Blueprint("sockets", __name__)
sock = Sock()


class Subscription(BaseModel):
    """The one frame a client sends."""

    subscribe: (
        Literal["all"] | Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=100)]
    )


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
    while ws.connected:
        ws.event.wait()
        ws.event.clear()
        while (frame := ws.receive(timeout=0)) is not None:
            _answer(ws, client, frame)
        while client.closing is None and (text := client.take()) is not None:
            _send(ws, text)
        if client.closing is not None:
            ws.close(*client.closing)


def _answer(ws: WebSocket, client: Client, frame: str | bytes) -> None:
    """Subscribe first, then read the snapshot: an event between the two follows it."""
    try:
        wanted = _parse(frame)
        if wanted == "all":
            client.subscribe_to_all()
            _send(ws, '{"subscribed": "all"}')
            return
        client.subscribe(wanted)
        for request_id in wanted:
            _send(ws, _snapshot(client, request_id))
    except AdologyError as error:
        _send(ws, _error(error))


def _parse(frame: str | bytes) -> str | list[str]:
    try:
        return Subscription.model_validate_json(frame).subscribe
    except ValidationError:
        raise BadInputError('send {"subscribe": ["<request_id>"]} (at most 100) or {"subscribe": "all"}') from None


def _snapshot(client: Client, request_id: str) -> str:
    try:
        request = get_request(services().database, client.principal, request_id)
    except AdologyError as error:
        return _error(error, request_id=request_id)
    return to_json({"request_id": request_id, "status": request.status, "result": request.result}).decode()


def _error(error: AdologyError, **more: Any) -> str:
    return to_json({"error": {"code": error.code, "message": str(error), **more}}).decode()


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
