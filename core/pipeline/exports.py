"""Exports: asked for, written by a worker from one snapshot of the stores, kept for a while.

Delivered twice, an export is written twice and kept once: whoever is first to end its request wins. What a worker that
died has stored is known by its claim, and goes with it.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, BinaryIO, cast

from core.access.rights import require
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.adapters.postgres.export_store import PostgresExports
from core.adapters.postgres.outbox import PostgresOutbox
from core.adapters.postgres.request_store import insert_request
from core.adapters.postgres.worked_requests import WorkedRequest
from core.crash_points import crash_point
from core.domain.principal import Permission, Principal
from core.errors import BadInputError, RetryableError, StaleError
from core.messages import REQUEST_QUEUE, RequestMessage
from core.observability.logs import get_logger
from core.pipeline.export_formats import FORMATS, Format, format_of
from core.ports import Clock, ObjectStore
from core.queries.ads import SORTS, count_ads
from core.queries.brandspaces import find_brandspace
from core.queries.coverage import labelling_coverage
from core.queries.exports import EXPORT, exported_ads
from core.queries.filters import ADS, AdFilters

_log = get_logger(__name__)
_SPOOL_BYTES = 1024 * 1024  # a larger file is written on disk
_MAX_BYTES = 5_000_000_000
_TOLD_EVERY_ROWS = 1_000
_FORGOTTEN_AT_ONCE = 100


def ask_for_export(
    database: Database, principal: Principal, *, brandspace: str, filters: AdFilters, format_name: str, sort: str
) -> str:
    """Queue an export of every ad that passes; returns the request id.

    Raises NotFoundError (brandspace), BadInputError (format, sort) and NotAllowedError.
    """
    require(principal, Permission.WRITE)
    if format_name not in FORMATS:
        raise BadInputError(f"format: use {' or '.join(FORMATS)}")
    if sort not in SORTS:
        raise BadInputError(f"sort: use {', '.join(SORTS)}")
    with database.reader(principal) as connection:
        find_brandspace(connection, principal, brandspace)
    asked = replace(filters, unit=ADS).to_params()  # a row is an ad, so its ledger counts ads
    params = {"brandspace": brandspace, "filters": asked, "format": format_name, "sort": sort}
    with database.writer(principal) as connection:
        request_id = insert_request(connection, principal, kind=EXPORT, params=params)
        message = RequestMessage(scope=principal.organisation_id, request_id=request_id)
        PostgresOutbox(connection).add(REQUEST_QUEUE, [message.to_body()])
        record(connection, principal, "export.create", request_id, brandspace=brandspace, format=format_name)
    return request_id


@dataclass(frozen=True, slots=True)
class _Question:
    """What an export asks, and for whom."""

    request_id: str
    principal: Principal
    brandspace: str
    filters: AdFilters
    sort: str

    @classmethod
    def of(cls, request: WorkedRequest) -> _Question:
        asked = request.params
        filters = AdFilters.from_params(asked["filters"])
        principal = Principal(request.organisation_id)
        return cls(request.request_id, principal, asked["brandspace"], filters, asked["sort"])


@dataclass(frozen=True, slots=True)
class _Written:
    """A file, at its start, and what is told of it."""

    stream: BinaryIO
    sha256: str
    result: dict[str, Any]


class _HashedFile:
    """A file that knows the hash of what was written to it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.size_bytes, self._digest = stream, 0, hashlib.sha256()

    def write(self, data: bytes) -> None:
        self.stream.write(data)
        self._digest.update(data)
        self.size_bytes += len(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Exporter:
    """Writes exports. ``dimensions`` are the labels' columns; a file is kept for ``keep_days``."""

    database: Database
    objects: ObjectStore
    clock: Clock
    dimensions: Callable[[], tuple[str, ...]]
    keep_days: int
    is_stopping: Callable[[], bool] = lambda: False

    def export(self, request_id: str) -> None:
        """Write the file and complete the request.

        Raises StaleError when nobody waits for it, RetryableError when this process stops.
        """
        with self.database.machinery() as connection:
            request = PostgresExports(connection).begin(request_id)
        if request is None:
            raise StaleError(f"export {request_id} is over")
        crash_point("export.begun")
        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool:
            written = self._write(request, cast(BinaryIO, spool))
            crash_point("export.written")
            self._keep(request, written)

    def give_up(self, request_id: str, reason: str) -> None:
        """End the request with the reason."""
        with self.database.machinery() as connection:
            PostgresExports(connection).fail(request_id, reason)

    def forget_expired(self) -> int:
        """Delete the files that were kept long enough; returns how many."""
        with self.database.machinery() as connection:
            expired = PostgresExports(connection).expired(self.clock.now(), limit=_FORGOTTEN_AT_ONCE)
        for request_id, sha256 in expired:
            self._forget(request_id, sha256)
        return len(expired)

    def _write(self, request: WorkedRequest, spool: BinaryIO) -> _Written:
        """Everything as of one moment, a page in memory at a time."""
        question, written, file = _Question.of(request), self._format(request), _HashedFile(spool)
        asked = (self.database, question.principal, question.brandspace, question.filters)
        with self.database.snapshot(question.principal):
            as_of = self.clock.now()
            total, coverage = count_ads(*asked), labelling_coverage(*asked)
            rows = self._write_rows(question, written, file, total)
        spool.seek(0)
        told = {"rows": rows, "bytes": file.size_bytes, "sha256": file.sha256, "as_of": as_of.isoformat()}
        return _Written(spool, file.sha256, {**request.params, **told, "coverage": asdict(coverage)})

    def _format(self, request: WorkedRequest) -> Format:
        return format_of(request.params["format"], self.dimensions())

    def _write_rows(self, question: _Question, written: Format, file: _HashedFile, total: int) -> int:
        rows, next_told = 0, 0
        file.write(written.head())
        pages = exported_ads(
            self.database, question.principal, question.brandspace, question.filters, sort=question.sort
        )
        for page in pages:
            if rows >= next_told:
                self._tell(question.request_id, rows, total)
                next_told += _TOLD_EVERY_ROWS
            file.write(written.lines(page))
            rows += len(page)
        self._tell(question.request_id, rows, total)
        return rows

    def _tell(self, request_id: str, rows: int, total: int) -> None:
        if self.is_stopping():
            raise RetryableError("this worker stops; another writes the export")
        with self.database.machinery() as connection:
            if not PostgresExports(connection).tell(request_id, {"rows": rows, "of": total}):
                raise StaleError(f"export {request_id} is over")

    def _keep(self, request: WorkedRequest, written: _Written) -> None:
        """Claim, store, complete: content that nobody claims is never left behind."""
        expires_at = self._expiry()
        with self.database.machinery() as connection:
            PostgresExports(connection).claim(request, written.sha256, expires_at=expires_at)
        self.objects.put(written.stream, max_bytes=_MAX_BYTES)
        crash_point("export.stored")
        result = written.result | {"expires_at": expires_at.isoformat()}
        with self.database.machinery() as connection:
            exports = PostgresExports(connection)
            is_first = exports.finish(request.request_id, result)
            is_kept = is_first or exports.is_the_result(request.request_id, written.sha256)
            others = exports.others(request.request_id, written.sha256) if is_first else []
        crash_point("export.finished")
        for sha256 in others if is_kept else [written.sha256]:
            self._forget(request.request_id, sha256)
        _log.info("export written", rows=result["rows"], size_bytes=result["bytes"], is_kept=is_kept)

    def _expiry(self) -> datetime:
        return self.clock.now() + timedelta(days=self.keep_days)

    def _forget(self, request_id: str, sha256: str) -> None:
        """The row goes with the content, under a lock: nobody claims in between what is about to be deleted."""
        with self.database.machinery() as connection:
            exports = PostgresExports(connection)
            exports.lock(sha256)
            if exports.release(request_id, sha256):
                self.objects.delete(sha256)
