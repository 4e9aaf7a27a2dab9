"""Import as a source: files become bundles of one brand each, and bundles go through all three phases."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from core.adapters.postgres.brand_store import PostgresBrands
from core.adapters.postgres.engine import Database
from core.adapters.postgres.outbox import PostgresOutbox
from core.adapters.postgres.request_store import insert_rejections, insert_request
from core.domain.ad import AdRecord, Rejection
from core.domain.brand import alias_key
from core.domain.principal import SHARED_SCOPE, Principal
from core.errors import BadInputError
from core.messages import GATHER_QUEUE, GatherMessage
from core.ports import ObjectStore
from core.sources.files import default_scope_is_private
from core.sources.staging import stage, write_bundle

IMPORT_SOURCE = "import"


@dataclass(frozen=True, slots=True)
class Importer:
    """Stages records and asks for their runs."""

    database: Database
    objects: ObjectStore
    max_media_bytes: int
    max_bundle_bytes: int = 2_000_000_000

    def import_path(
        self,
        principal: Principal,
        path: Path,
        *,
        today: date,
        brand: str | None = None,
        scope: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> str:
        """Read a file or folder, put what it names into the stores and queue a run per brand; the request id.

        ``scope`` is "shared" or "private"; None: as the format says (a customer's own files are private).
        Raises BadInputError when the path holds nothing that can be imported.
        """
        staged = _Staged()
        root = path if path.is_dir() else path.parent
        for record in stage(
            path,
            root=root,
            objects=self.objects,
            brand=brand,
            today=today,
            max_media_bytes=self.max_media_bytes,
            progress=progress,
        ):
            staged.add(record)
        return self.import_records(principal, staged.records, staged.rejections, scope=scope, name=path.name)

    def import_records(
        self,
        principal: Principal,
        records: Iterable[AdRecord],
        rejections: list[Rejection],
        *,
        scope: str | None = None,
        name: str = "",
    ) -> str:
        """Queue a run per (brand, scope) of records that are staged already; the request id."""
        groups = _by_brand(records, principal, scope)
        if not groups and not rejections:
            raise BadInputError("there is nothing to import: the files hold no ads")
        messages = [self._message(key, group) for key, group in groups.items()]
        with self.database.writer(principal) as connection:
            params = {
                "name": name,
                "brands": [message.brand for message in messages],
                "parts": len(messages),
                "rows": sum(max(len(record.lines), 1) for group in groups.values() for record in group),
            }
            request_id = insert_request(connection, principal, kind=IMPORT_SOURCE, params=params)
            insert_rejections(
                connection,
                request_id=request_id,
                organisation_id=principal.organisation_id,
                rejections=rejections,
            )
            bodies = [message.model_copy(update={"request_id": request_id}).to_body() for message in messages]
            PostgresOutbox(connection).add(GATHER_QUEUE, bodies)
        return request_id

    def _message(self, key: tuple[str, str], records: list[AdRecord]) -> GatherMessage:
        scope, _ = key
        aliases = dict.fromkeys(alias for record in records for alias in record.brand_aliases)
        with self.database.worker(scope) as connection:
            slug = PostgresBrands(connection).resolve(scope=scope, name=records[0].brand_name, aliases=list(aliases))
        with write_bundle(records) as stream:
            bundle = self.objects.put(stream, max_bytes=self.max_bundle_bytes)
        return GatherMessage(brand=slug, scope=scope, source=IMPORT_SOURCE, bundle=bundle.sha256)


@dataclass(slots=True)
class _Staged:
    records: list[AdRecord] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def add(self, record: AdRecord | Rejection) -> None:
        if isinstance(record, AdRecord):
            self.records.append(record)
        else:
            self.rejections.append(record)


def _by_brand(
    records: Iterable[AdRecord], principal: Principal, scope: str | None
) -> dict[tuple[str, str], list[AdRecord]]:
    groups: dict[tuple[str, str], list[AdRecord]] = {}
    for record in records:
        key = (_scope_of(record, principal, scope), alias_key(record.brand_name))
        groups.setdefault(key, []).append(record)
    return groups


def _scope_of(record: AdRecord, principal: Principal, scope: str | None) -> str:
    if scope not in (None, "shared", "private"):
        raise BadInputError(f"the scope is 'shared' or 'private', not {scope!r}")
    private = scope == "private" or (scope is None and default_scope_is_private(record.channel))
    return principal.scope if private else SHARED_SCOPE
