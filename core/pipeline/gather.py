"""Phase 1: ask the sources for a brand's ads and store the manifest of a run in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.adapters.postgres.brand_store import find_brand, resolve_brand
from core.adapters.postgres.engine import Connection, Database
from core.adapters.postgres.request_store import link_request
from core.adapters.postgres.run_store import (
    RunRow,
    active_run,
    fail_run,
    find_run,
    insert_manifest,
    insert_messages,
    insert_run,
)
from core.domain.ad import AdRecord
from core.domain.identity import identity
from core.domain.run import ACTIVE_STATES
from core.errors import AdologyError, ConflictError, TerminalError, WaitingForTurnError
from core.messages import URL_QUEUE, GatherMessage
from core.observability.logs import get_logger
from core.pipeline.manifest import Manifest, build_manifest, url_message
from core.ports import DocumentStore, ObjectStore, SourceEngine
from core.sources.staging import read_bundle

_log = get_logger(__name__)
RAW_COLLECTION = "raw_ads"


class RegistryStart(Protocol):
    """The part of the registry's contract that gather needs."""

    def start(self, *, brand: str, expected_count: int, batch_id: str, scope: str) -> int | None:
        """Open the run in the registry; a lease token when there is nothing to wait for."""
        ...


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Gather with its ports."""

    database: Database
    objects: ObjectStore
    documents: DocumentStore
    sources: Sequence[SourceEngine]
    registry: RegistryStart

    def gather(self, message: GatherMessage, *, message_key: str) -> tuple[str, int | None]:
        """Open a run, or join the active one; returns (batch_id, lease token if it is complete already).

        ``message_key`` names the message: delivered twice, it finds its run again. Raises WaitingForTurnError
        while another run of the brand must end first.
        """
        gather_key = identity("gather", message.request_id or message_key, message.brand, message.bundle or "")
        run = self._run_of(gather_key) or self._open(message, gather_key)
        if run.state not in ACTIVE_STATES:
            return run.batch_id, None
        token = self.registry.start(
            brand=run.brand_slug, expected_count=run.expected_count, batch_id=run.batch_id, scope=run.scope
        )
        return run.batch_id, token

    def give_up(self, message: GatherMessage, *, message_key: str, reason: str) -> None:
        """Record that the brand could not be gathered, so that its request ends."""
        gather_key = identity("gather", message.request_id or message_key, message.brand, message.bundle or "")
        batch_id = identity("run", gather_key)
        with self.database.machinery() as connection:
            fail_run(
                connection,
                batch_id=batch_id,
                scope=message.scope,
                brand_slug=message.brand,
                gather_key=gather_key,
                error=reason,
            )
            if message.request_id:
                link_request(connection, request_id=message.request_id, batch_id=batch_id)

    def _run_of(self, gather_key: str) -> RunRow | None:
        with self.database.machinery() as connection:
            return find_run(connection, gather_key=gather_key)

    def _open(self, message: GatherMessage, gather_key: str) -> RunRow:
        joined = self._join(message)
        if joined is not None:
            return joined
        manifest = build_manifest(self._records(message), message.scope)
        self._keep_raw(message.scope, manifest)
        batch_id = identity("run", gather_key)
        with self.database.worker(message.scope) as connection:
            names = _names(manifest, message.brand)
            slug = resolve_brand(connection, scope=message.scope, name=names[0], aliases=names[1:])
            expected = len(manifest.items)
            self._insert_run(
                connection, message, batch_id=batch_id, slug=slug, gather_key=gather_key, expected=expected
            )
            insert_manifest(connection, batch_id, message.scope, manifest.entries, manifest.items.values())
            bodies = (
                url_message(item, brand=slug, scope=message.scope, batch_id=batch_id, request_id=message.request_id)
                for item in manifest.items.values()
            )
            insert_messages(connection, URL_QUEUE, bodies)
            if message.request_id:
                link_request(connection, request_id=message.request_id, batch_id=batch_id)
            run = find_run(connection, batch_id=batch_id)
        assert run is not None
        _log.info("run opened", brand=slug, batch_id=batch_id, ads=len(manifest.entries), items=len(manifest.items))
        return run

    @staticmethod
    def _insert_run(
        connection: Connection, message: GatherMessage, *, batch_id: str, slug: str, gather_key: str, expected: int
    ) -> None:
        try:
            insert_run(
                connection,
                batch_id=batch_id,
                scope=message.scope,
                brand_slug=slug,
                expected_count=expected,
                gather_key=gather_key,
                source={"source": message.source, "bundle": message.bundle, "brand": message.brand},
            )
        except ConflictError as error:  # another gather of the brand was faster: after it, this one finds its turn
            raise WaitingForTurnError(str(error)) from error

    def _join(self, message: GatherMessage) -> RunRow | None:
        """Hang the request on the active run when that asks the same sources; else wait for its end."""
        with self.database.worker(message.scope) as connection:
            slug = find_brand(connection, scope=message.scope, name=message.brand)
            run = slug and active_run(connection, brand_slug=slug, scope=message.scope)
            if not run:
                return None
            if message.bundle is not None or run.source.get("bundle") or run.source.get("source") != message.source:
                raise WaitingForTurnError(f"a run of {slug!r} with other sources is active; this one follows it")
            if message.request_id:
                link_request(connection, request_id=message.request_id, batch_id=run.batch_id)
            return run

    def _records(self, message: GatherMessage) -> Iterator[AdRecord]:
        if message.bundle is not None:
            with self.objects.open(message.bundle) as stream:
                yield from read_bundle(stream)
            return
        engines = [
            engine for engine in self.sources if message.source in (None, engine.name) and engine.knows(message.brand)
        ]
        if not engines:
            raise TerminalError(f"no source knows the brand {message.brand!r}")
        for engine in engines:
            yield from engine.scan(message.brand)

    def _keep_raw(self, scope: str, manifest: Manifest) -> None:
        """Keep the untouched rows as documents, by their hash; done before the run so that it can refer to them."""
        self.documents.put_many(scope, RAW_COLLECTION, _raw_documents(manifest))


def _raw_documents(manifest: Manifest) -> Iterator[tuple[str, dict[str, object]]]:
    seen: set[str] = set()
    for _, record, _ in manifest.entries:
        rows = record.pop("raw", None)
        if not rows:
            continue
        document_id = identity("raw", json.dumps(rows, sort_keys=True, ensure_ascii=True))
        record["raw_document_id"] = document_id
        if document_id not in seen:
            seen.add(document_id)
            yield document_id, {"rows": rows}


def _names(manifest: Manifest, brand: str) -> list[str]:
    """The brand's name as its source writes it, then every other spelling met."""
    names: dict[str, None] = {}
    for _, record, _ in manifest.entries:
        names.setdefault(str(record["brand_name"]))
        for alias in record.get("brand_aliases") or ():
            names.setdefault(str(alias))
    return [*names, brand] if names else [brand]


def explain(error: AdologyError) -> str:
    """The reason stored with a run that could not be gathered."""
    return f"{error.code}: {error}"
