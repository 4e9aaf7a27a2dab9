"""Phase 1: ask the sources for a brand's ads and store the manifest of a run in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.crash_points import crash_point
from core.domain.ad import RAW_COLLECTION, AdRecord
from core.domain.identity import identity
from core.domain.run import ACTIVE_STATES, Run
from core.errors import ConflictError, StaleError, TerminalError, UnavailableError, WaitingForTurnError
from core.messages import URL_QUEUE, GatherMessage
from core.observability.logs import get_logger
from core.pipeline.manifest import Manifest, build_manifest, repair_manifest, url_message
from core.pipeline.store import NewRun, RunStore, Transaction
from core.ports import DocumentStore, ObjectStore, SourceEngine
from core.sources.staging import read_bundle

_log = get_logger(__name__)


class RegistryStart(Protocol):
    """The part of the registry's contract that gather needs."""

    def start(self, *, brand: str, expected_count: int, batch_id: str, scope: str) -> int | None:
        """Open the run in the registry; a lease token when there is nothing to wait for."""
        ...


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Gather with its ports."""

    runs: RunStore
    objects: ObjectStore
    documents: DocumentStore
    sources: Sequence[SourceEngine]
    registry: RegistryStart

    def gather(self, message: GatherMessage, *, message_key: str) -> tuple[Run, int | None]:
        """Open a run, or join the active one; returns it with a lease token if it is complete already.

        ``message_key`` names the message: delivered twice, it finds its run again. Raises WaitingForTurnError
        while another run of the brand must end first, StaleError when its request was cancelled.
        """
        gather_key = _key(message, message_key)
        run = self._run_of(gather_key) or self._open(message, gather_key)
        crash_point("gather.stored")
        if run.state not in ACTIVE_STATES:
            return run, None
        token = self._start(run)
        crash_point("gather.started")
        return run, token

    def _start(self, run: Run) -> int | None:
        """Tell the registry. One that is away learns of the run by its first result, an empty run goes to the sweep."""
        try:
            return self.registry.start(
                brand=run.brand_slug, expected_count=run.expected_count, batch_id=run.batch_id, scope=run.scope
            )
        except UnavailableError as error:
            _log.info("run not told to the registry", batch_id=run.batch_id, reason=str(error))
            return None

    def give_up(self, message: GatherMessage, *, message_key: str, reason: str) -> None:
        """Record that the brand could not be gathered, so that its request ends."""
        run = _new_run(message, _key(message, message_key), slug=message.brand, expected=0)
        with self.runs.transaction() as store:
            store.runs.insert_failed(run, error=reason)
            if message.request_id:
                store.requests.link(request_id=message.request_id, batch_id=run.batch_id)

    def _run_of(self, gather_key: str) -> Run | None:
        with self.runs.transaction() as store:
            return store.runs.of_gather(gather_key)

    def _open(self, message: GatherMessage, gather_key: str) -> Run:
        with self.runs.transaction(message.scope) as store:
            joined = _join(store, message)
        if joined is not None:
            return joined
        manifest = self._manifest(message)
        crash_point("gather.asked")
        with self.runs.transaction(message.scope) as store:
            run = _store_manifest(store, message, manifest, gather_key)
        _log.info(
            "run opened",
            brand=run.brand_slug,
            batch_id=run.batch_id,
            ads=len(manifest.entries),
            items=run.expected_count,
        )
        return run

    def _manifest(self, message: GatherMessage) -> Manifest:
        if message.repairs is not None:
            with self.runs.transaction(message.scope) as store:
                return repair_manifest(store.items.failed_media(message.repairs))
        manifest = build_manifest(self._records(message), message.scope)
        # Kept before the run, which refers to them.
        self.documents.put_many(message.scope, RAW_COLLECTION, _raw_documents(manifest))
        return manifest

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


def _join(store: Transaction, message: GatherMessage) -> Run | None:
    """Hang the request on the active run when that asks the same sources or more; else wait for its end."""
    if message.request_id and not store.requests.is_wanted(message.request_id):
        raise StaleError(f"request {message.request_id} was cancelled")
    slug = store.brands.find(scope=message.scope, name=message.brand)
    if slug is None:
        return None
    if message.request_id and message.bundle is None:
        known = store.requests.run_of(message.request_id, brand_slug=slug, scope=message.scope)
        if known is not None:  # this message came before, and joined it
            return known
    run = store.runs.active(brand_slug=slug, scope=message.scope, to_join=True)
    if run is None:
        return None
    if not _covers(run, message):
        raise WaitingForTurnError(f"a run of {slug!r} with other sources is active; this one follows it")
    _ask_for(store, run.batch_id, message.request_id)
    return run


def _ask_for(store: Transaction, batch_id: str, request_id: str | None) -> None:
    """Say who waits for the run: a request, which may be cancelled, or a message that nobody can take back."""
    if request_id:
        store.requests.link(request_id=request_id, batch_id=batch_id)
    else:
        store.runs.keep(batch_id)


def _covers(run: Run, message: GatherMessage) -> bool:
    """Whether the run asks all that the message asks for; one without a source asks every source."""
    if message.bundle or message.repairs or run.source.get("bundle") or run.repairs or run.learns:
        return False
    return run.source.get("source") in (None, message.source)


def _store_manifest(store: Transaction, message: GatherMessage, manifest: Manifest, gather_key: str) -> Run:
    """The run, its items and one message per item: all in one transaction, so that no barrier opens too early."""
    names = _names(manifest, message.brand)
    slug = store.brands.resolve(scope=message.scope, name=names[0], aliases=names[1:])
    new = _new_run(message, gather_key, slug=slug, expected=len(manifest.items))
    open_run(store, new, manifest, request_id=message.request_id)
    run = store.runs.find(new.batch_id)
    assert run is not None
    return run


def open_run(store: Transaction, new: NewRun, manifest: Manifest, *, request_id: str | None) -> None:
    """Store a run with its manifest and the messages of its items. Raises WaitingForTurnError while one is active."""
    try:
        store.runs.insert(new)
    except ConflictError as error:  # another gather of the brand was faster: after it, this one finds its turn
        raise WaitingForTurnError(str(error)) from error
    store.items.insert_manifest(new.batch_id, new.scope, manifest.entries, manifest.items.values())
    bodies = [
        url_message(item, brand=new.brand_slug, scope=new.scope, batch_id=new.batch_id, request_id=request_id)
        for item in manifest.items.values()
    ]
    store.outbox.add(URL_QUEUE, bodies)
    _ask_for(store, new.batch_id, request_id)
    crash_point("gather.storing")


def _key(message: GatherMessage, message_key: str) -> str:
    return identity("gather", message.request_id or message_key, message.brand, message.bundle or "")


def _new_run(message: GatherMessage, gather_key: str, *, slug: str, expected: int) -> NewRun:
    source = message.model_dump(include={"source", "bundle", "brand", "repairs"}, exclude_none=True)
    return NewRun(identity("run", gather_key), message.scope, slug, expected, gather_key, source)


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
