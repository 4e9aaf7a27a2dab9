"""What became of an organisation's requests, as a listener hears it: a snapshot, or what it missed since an event.

Both are as of one moment, whose newest event is ``position``: what comes later has a greater id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, literal, or_, select
from sqlalchemy.sql.expression import column, table

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import brandspace, event, request
from core.domain.principal import Principal
from core.errors import BadInputError
from core.queries.requests import RequestView

MOST_REPLAYED = 1_000  # events; who missed more gets a snapshot
MOST_SHOWN = 200  # requests of a snapshot
_OPEN = ("queued", "processing")
_concern = table("request_brandspace", column("request_id"), column("brandspace_id"))


@dataclass(frozen=True, slots=True)
class Topics:
    """What to hear of: these requests, those that concern a brand of these brandspaces, or every request there is."""

    requests: frozenset[str] = frozenset()
    brandspaces: frozenset[str] = frozenset()
    everything: bool = False


@dataclass(frozen=True, slots=True)
class EventView:
    """``body`` is sent as it is: request_id, status, result."""

    event_id: int
    request_id: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """``events`` were missed; or ``requests``, a snapshot: those named, and the newest that are open.

    ``is_gap``: more was missed than is kept or replayed, so here is a snapshot instead. ``is_truncated``: more requests
    are open than are shown. ``unknown`` are the topics that the organisation doesn't have.
    """

    position: int
    events: tuple[EventView, ...] = ()
    requests: tuple[RequestView, ...] = ()
    is_gap: bool = False
    is_truncated: bool = False
    unknown: Topics = Topics()


def catch_up(
    database: Database, principal: Principal, topics: Topics, *, after: int | None, kept_hours: int
) -> CaughtUp:
    """All that a listener must know before it hears live events: those after ``after``, without it a snapshot.

    Raises BadInputError for an impossible id.
    """
    if after is not None and not 0 <= after < 2**63:
        raise BadInputError("after: give the event_id you saw last")
    with database.snapshot(principal), database.reader(principal) as connection:
        position = _position(connection, principal)
        unknown = _unknown(connection, principal, topics)
        if after is not None and not _is_lost(connection, principal, after, position, kept_hours):
            events = _events_after(connection, principal, topics, after)
            if len(events) <= MOST_REPLAYED:
                return CaughtUp(position, events=events, unknown=unknown)
        named, opened = _shown(connection, principal, topics)
        return CaughtUp(
            position,
            requests=(*named, *opened[:MOST_SHOWN]),
            is_gap=after is not None,
            is_truncated=len(opened) > MOST_SHOWN,
            unknown=unknown,
        )


def _position(connection: Connection, principal: Principal) -> int:
    """The id of the organisation's newest event, 0 without any."""
    newest = select(func.max(event.c.event_id)).where(event.c.organisation_id == principal.organisation_id)
    return int(connection.execute(newest.prefix_with("/* position */")).scalar() or 0)


def _is_lost(connection: Connection, principal: Principal, after: int, position: int, kept_hours: int) -> bool:
    """Whether something after that event may be forgotten already, or the event was never ours."""
    oldest = (
        select(event.c.event_id, event.c.created_at < func.now() - timedelta(hours=kept_hours))
        .where(event.c.organisation_id == principal.organisation_id)
        .order_by(event.c.event_id)
        .limit(1)
        .prefix_with("/* oldest_event */")
    )
    first = connection.execute(oldest).one_or_none()
    # Forgetting leaves a mark that is older than what is kept: without one nothing was ever forgotten.
    return after > position or (first is not None and after < first[0] and first[1])


def _events_after(connection: Connection, principal: Principal, topics: Topics, after: int) -> tuple[EventView, ...]:
    statement = (
        select(event.c.event_id, event.c.request_id, event.c.body)
        .where(event.c.organisation_id == principal.organisation_id, event.c.event_id > after)
        .where(_about(topics, event.c.request_id))
        .order_by(event.c.event_id)
        .limit(MOST_REPLAYED + 1)
        .prefix_with("/* events_after */")
    )
    return tuple(EventView(*row) for row in connection.execute(statement))


def _shown(connection: Connection, principal: Principal, topics: Topics) -> tuple[list[RequestView], list[RequestView]]:
    """The requests that are named, and one more than may be shown of the others that are open, newest first."""
    columns = [request.c[name] for name in RequestView.__dataclass_fields__]
    ours = select(*columns).where(request.c.organisation_id == principal.organisation_id)
    ours = ours.order_by(request.c.created_at.desc(), request.c.request_id)
    named = ours.where(request.c.request_id.in_(topics.requests)).prefix_with("/* named_requests */")
    unnamed = Topics(brandspaces=topics.brandspaces, everything=topics.everything)
    opened = (
        ours.where(request.c.status.in_(_OPEN), request.c.request_id.not_in(topics.requests))
        .where(_about(unnamed, request.c.request_id))
        .limit(MOST_SHOWN + 1)
        .prefix_with("/* open_requests */")
    )
    first, second = ([RequestView(**row._mapping) for row in connection.execute(part)] for part in (named, opened))
    return first, second


def _about(topics: Topics, request_id: ColumnElement[str]) -> ColumnElement[bool]:
    concerned = (
        select(literal(1))
        .select_from(_concern)
        .where(_concern.c.request_id == request_id, _concern.c.brandspace_id.in_(topics.brandspaces))
        .exists()
    )
    return or_(literal(topics.everything), request_id.in_(topics.requests), concerned)


def _unknown(connection: Connection, principal: Principal, topics: Topics) -> Topics:
    def missing(identifier: ColumnElement[str], owner: ColumnElement[str], asked: frozenset[str]) -> frozenset[str]:
        found = select(identifier).where(owner == principal.organisation_id, identifier.in_(asked))
        return asked.difference(connection.execute(found).scalars()) if asked else asked

    return Topics(
        missing(request.c.request_id, request.c.organisation_id, topics.requests),
        missing(brandspace.c.brandspace_id, brandspace.c.organisation_id, topics.brandspaces),
    )
