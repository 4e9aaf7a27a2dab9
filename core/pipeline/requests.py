"""Asking for work, and taking it back: a request and its messages are one transaction; the relay sends them."""

from __future__ import annotations

from collections.abc import Sequence

from core.access.rights import require
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.adapters.postgres.outbox import PostgresOutbox
from core.adapters.postgres.request_store import cancel_open_request, insert_request
from core.adapters.postgres.runs import PostgresRuns
from core.domain.principal import SHARED_SCOPE, Permission, Principal
from core.domain.run import ACTIVE_STATES, Run, RunState
from core.errors import ConflictError, NotFoundError
from core.messages import GATHER_QUEUE, GatherMessage
from core.ports import SourceEngine


def ask_for_ingest(
    database: Database,
    sources: Sequence[SourceEngine],
    principal: Principal,
    *,
    brand: str,
    source: str | None = None,
) -> str:
    """Ask the sources that know ``brand`` (a slug) for its ads; returns the request id.

    Raises NotFoundError for a source there isn't, and when no source knows the brand; NotAllowedError.
    """
    require(principal, Permission.WRITE)
    names = ", ".join(engine.name for engine in sources)
    if source is not None and source not in {engine.name for engine in sources}:
        raise NotFoundError(f"there is no source {source!r}; sources: {names}")
    asked = [engine.name for engine in sources if source in (None, engine.name) and engine.knows(brand)]
    if not asked:
        raise NotFoundError(
            f"no source knows the brand {brand!r} (sources: {names}). Import a file with `./adology import PATH`"
        )
    with database.writer(principal) as connection:
        params = {"brand": brand, "sources": asked, "parts": 1}
        request_id = insert_request(connection, principal, kind="ingest", params=params)
        message = GatherMessage(brand=brand, scope=SHARED_SCOPE, source=source, request_id=request_id)
        PostgresOutbox(connection).add(GATHER_QUEUE, [message.to_body()])
        record(connection, principal, "brand.ingest", brand, request_id=request_id, sources=asked)
    return request_id


def ask_for_repair(database: Database, principal: Principal, batch_id: str) -> str:
    """Ask for the media that a run could not have; returns the request id.

    Raises NotFoundError for a run the principal may not see, ConflictError for one that isn't committed, and
    NotAllowedError.
    """
    require(principal, Permission.WRITE)
    with database.writer(principal) as connection:
        run = PostgresRuns(connection).find(batch_id)
        if run is None:
            raise NotFoundError(f"there is no run {batch_id!r}: the Operations page lists them")
        if run.state in ACTIVE_STATES:
            raise ConflictError(f"run {batch_id} isn't over: repair it when it is")
        require_committed(run)
        params = {"brand": run.brand_slug, "repairs": batch_id, "parts": 1}
        request_id = insert_request(connection, principal, kind="repair", params=params)
        message = GatherMessage(brand=run.brand_slug, scope=run.scope, repairs=batch_id, request_id=request_id)
        PostgresOutbox(connection).add(GATHER_QUEUE, [message.to_body()])
        record(connection, principal, "run.repair", batch_id, request_id=request_id)
    return request_id


def require_committed(run: Run) -> None:
    """Raises ConflictError for a run whose ads were never stored: there is nothing to repair."""
    if run.state is not RunState.COMMITTED:
        raise ConflictError(f"run {run.batch_id} is {run.state}, none of its ads is stored: ask for the brand again")


def cancel_request(database: Database, principal: Principal, request_id: str) -> None:
    """Take a request back. Its runs stop at the next sweep, unless somebody else waits for them.

    Raises NotFoundError, ConflictError when it is over already, and NotAllowedError.
    """
    require(principal, Permission.WRITE)
    with database.writer(principal) as connection:
        status = cancel_open_request(connection, organisation_id=principal.organisation_id, request_id=request_id)
        if status == "cancelled":
            record(connection, principal, "request.cancel", request_id)
    if status is None:
        raise NotFoundError(f"there is no request {request_id!r}: `./adology requests` lists them")
    if status != "cancelled":
        raise ConflictError(f"the request is {status} already: what it brought stays")
