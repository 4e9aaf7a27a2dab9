"""Asking for work: the request and its gather messages are one transaction; the relay sends them."""

from __future__ import annotations

from collections.abc import Sequence

from core.adapters.postgres.engine import Database
from core.adapters.postgres.outbox import PostgresOutbox
from core.adapters.postgres.request_store import insert_request
from core.domain.principal import SHARED_SCOPE, Principal
from core.errors import NotFoundError
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

    Raises NotFoundError for a source there isn't, and when no source knows the brand.
    """
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
        request_id = insert_request(connection, organisation_id=principal.organisation_id, kind="ingest", params=params)
        message = GatherMessage(brand=brand, scope=SHARED_SCOPE, source=source, request_id=request_id)
        PostgresOutbox(connection).add(GATHER_QUEUE, [message.to_body()])
    return request_id
