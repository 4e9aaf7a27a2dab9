"""Rows for tests, written straight into the tables: what a commit would have left behind."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import insert, update
from sqlalchemy.dialects.postgresql import insert as upsert

from core.adapters.postgres import schema
from core.adapters.postgres.brand_figures import recount
from core.adapters.postgres.content_store import store_vectors
from core.adapters.postgres.engine import Database
from core.adapters.postgres.pg_documents import PostgresDocuments
from core.adapters.postgres.record_store import (
    AD_COLUMNS,
    CONTENT_COLUMNS,
    CREATIVE_COLUMNS,
    ScanRows,
    repair_media,
    write_contents,
    write_creatives,
    write_scan,
)
from core.domain.ad import DESCRIPTION_COLLECTION, RAW_COLLECTION, description_id
from core.domain.principal import SHARED_SCOPE
from core.domain.run import ItemResult, ItemState

DAY = date(2026, 3, 1)
PROVENANCE_ID = "test-rules"
TAXONOMY = "test-1"


@dataclass(frozen=True)
class AnAd:
    """One stored ad with one version; ``labels`` maps a dimension to its values (None: not read yet)."""

    external_id: str
    brand: str = "acme"
    scope: str = SHARED_SCOPE
    channel: str = "meta"
    account: str = ""
    first_seen: date = DAY
    last_seen: date = DAY
    last_scanned_on: date = DAY
    run_start: date | None = None
    run_end: date | None = None
    source_says_active: bool | None = None
    countries: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    format: str = "image"
    media_status: str = "ok"
    copy: str = "Buy one, get one."
    title: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    cta: str = ""
    landing_domain: str | None = None
    sha256: str | None = None
    labels: Mapping[str, tuple[str, ...]] | None = None
    outcomes: Mapping[str, str] = field(default_factory=dict)  # dimension → outcome where it isn't "ok"

    @property
    def ad_id(self) -> str:
        """As hash(scope, channel, account, external_id) would be."""
        return _hash(self.scope, self.channel, self.account, self.external_id)

    @property
    def version_id(self) -> str:
        """Of its only version."""
        return _hash(self.ad_id, self.copy, self.title)

    @property
    def content_id(self) -> str:
        """Ads of one scope that say the same share it."""
        return _hash(self.copy, self.title, self.cta)

    @property
    def text(self) -> str:
        """What is searched and labelled."""
        return f"{self.title}\n{self.copy}".strip()


def store(database: Database, *ads: AnAd) -> None:
    """Store ads with their brand, version, content, labels and medium."""
    for scope in sorted({item.scope for item in ads}):
        _store_scope(database, scope, [item for item in ads if item.scope == scope])


def show_again(database: Database, item: AnAd) -> None:
    """A stored ad as the next scan shows it, written as a commit writes it."""
    with database.worker(item.scope) as connection:
        if item.text:
            write_contents(connection, _rows(CONTENT_COLUMNS, _content(item)))
        if item.sha256:
            write_creatives(connection, _rows(CREATIVE_COLUMNS, _creative(item)))
        scan = ScanRows(
            uuid4().hex, item.scope, item.brand, item.channel, item.account, item.last_scanned_on, "digest",
            ads=_rows(AD_COLUMNS, _ad(item)), versions=(), observations=(), media=(),
            content_hashes={item.ad_id: frozenset()},
        )  # fmt: skip
        write_scan(connection, scan, batch_id=scan.scan_id)


def repair_cover(database: Database, item: AnAd) -> None:
    """The cover that could not be had when the ad was stored comes, as a repair writes it."""
    medium = _medium(item)
    result = ItemResult(medium["item_id"], "", ItemState.OK, facts={"sha256": item.sha256})
    with database.worker(item.scope) as connection:
        connection.execute(insert(schema.ad_media).values(medium | {"sha256": None, "status": "failed"}))
        write_creatives(connection, _rows(CREATIVE_COLUMNS, _creative(item)))
        repair_media(connection, item.scope, [result])


def store_text_vectors(database: Database, model: str, *pairs: tuple[AnAd, Sequence[float]]) -> None:
    """The vectors of the ads' texts, brought to unit length."""
    for item, numbers in pairs:
        vector = np.asarray(numbers, dtype="<f4") / np.float32(np.linalg.norm(numbers))
        with database.worker(item.scope) as connection:
            store_vectors(
                connection,
                scope=item.scope,
                model=model,
                vectors=[(item.content_id, vector.tobytes())],
                dimension=len(numbers),
            )


def store_raw(database: Database, item: AnAd, body: Mapping[str, Any]) -> None:
    """What the source is said to have delivered of a stored ad."""
    PostgresDocuments(database).put_many(item.scope, RAW_COLLECTION, [(item.ad_id, body)])
    with database.worker(item.scope) as connection:
        mine = schema.ad.c.ad_id == item.ad_id
        connection.execute(update(schema.ad).where(mine).values(raw_document_id=item.ad_id))


def store_description(database: Database, item: AnAd, **body: Any) -> None:
    """What a model is said to have written of a stored ad; ``body`` in the place of what it would be."""
    made = {"method": "description", "method_version": "1", "model": "openai/gpt-4.1"}
    whole = {"outcome": "ok", "description": "An ad.", "attributes": [], "reason": "", "provenance": made}
    whole |= {"cost_usd": 0.5, "described_at": f"{DAY}T09:00:00+00:00"} | body
    document_id = description_id(item.brand, item.content_id)
    PostgresDocuments(database).put_many(item.scope, DESCRIPTION_COLLECTION, [(document_id, whole)])


def store_concepts(database: Database, *concepts: tuple[AnAd, ...]) -> None:
    """Every stored ad a variant of its own; the ads of each tuple are one concept, which bears the first one's id."""
    for first, *others in concepts:
        with database.worker(first.scope) as connection:
            for item in (first, *others):
                by = {"joined_by": "text simhash", "joined_to": first.ad_id, "distances": {"words_bits": 4}}
                row = {"scope": item.scope, "variant_id": item.ad_id, "brand_slug": item.brand}
                row |= {"content_id": item.content_id, "cover_sha256": item.sha256, "concept_id": first.ad_id}
                row |= {"joined_by": "itself", "distances": {}} if item is first else by
                connection.execute(insert(schema.variant).values(row))
                mine = schema.ad.c.ad_id == item.ad_id
                connection.execute(update(schema.ad).where(mine).values(variant_id=item.ad_id))


def store_brand(database: Database, slug: str, *, scope: str = SHARED_SCOPE, aliases: Mapping[str, str] = {}) -> None:
    """A brand and its aliases: alias key → as written."""
    rows = [{"scope": scope, "slug": slug, "alias_key": key, "written": name} for key, name in aliases.items()]
    with database.worker(scope) as connection:
        brand = {"scope": scope, "slug": slug, "display_name": slug.title()}
        connection.execute(upsert(schema.brand).values(brand).on_conflict_do_nothing())
        if rows:
            connection.execute(insert(schema.brand_alias), rows)


def store_scan(
    database: Database,
    scanned_on: date,
    *,
    brand: str = "acme",
    scope: str = SHARED_SCOPE,
    channel: str = "meta",
    account: str = "",
    shows: Iterable[AnAd] = (),
    **counts: int,
) -> str:
    """A scan and the observations it made; ``counts`` are new, changed, seen_again, not_seen. Returns its id."""
    scan_id = _hash(scope, brand, channel, account, str(scanned_on))
    key = {"scope": scope, "brand_slug": brand, "channel": channel, "account": account}
    seen = [
        {"scan_id": scan_id, "version_id": item.version_id, "scope": scope, "ad_id": item.ad_id, "seen_on": scanned_on}
        for item in shows
    ]
    with database.worker(scope) as connection:
        row = {"scan_id": scan_id, "scanned_on": scanned_on, "digest": scan_id, "batch_id": scan_id, "counts": counts}
        connection.execute(insert(schema.scan).values(row | key))
        if seen:
            connection.execute(insert(schema.observation), seen)
        recount(connection, scope, brand, [])
    return scan_id


def store_request(database: Database, request_id: str, *, organisation_id: str, rejected: int = 0) -> None:
    """A request with an event and ``rejected`` refused rows."""
    owner = {"request_id": request_id, "organisation_id": organisation_id}
    refused = [
        owner | {"position": position, "file": "ads.csv", "line": position + 2, "code": "ragged_row"}
        | {"reason": "3 fields instead of 5", "excerpt": "a,b,c"}
        for position in range(rejected)
    ]  # fmt: skip
    with database.machinery() as connection:
        connection.execute(insert(schema.request).values(owner | {"kind": "import", "status": "completed"}))
        connection.execute(insert(schema.event).values(owner | {"body": {"status": "completed"}}))
        if refused:
            connection.execute(insert(schema.rejected_row), refused)


def _store_scope(database: Database, scope: str, ads: list[AnAd]) -> None:
    contents = {item.content_id: item for item in ads}
    with database.worker(scope) as connection:
        brands = [{"scope": scope, "slug": slug, "display_name": slug.title()} for slug in {a.brand for a in ads}]
        connection.execute(upsert(schema.brand).on_conflict_do_nothing(), brands)
        if texts := [_content(item) for item in contents.values() if item.text]:
            connection.execute(upsert(schema.content).on_conflict_do_nothing(), texts)
        provenance = {"provenance_id": PROVENANCE_ID, "body": {"method": "rules", "model": "local-heuristics"}}
        connection.execute(upsert(schema.provenance).values(provenance).on_conflict_do_nothing())
        connection.execute(insert(schema.ad), [_ad(item) for item in ads])
        connection.execute(insert(schema.ad_version), [_version(item) for item in ads])
        creatives = [_creative(item) for item in ads if item.sha256]
        labels = [row for item in contents.values() for row in _labels(item)]
        if labels:
            connection.execute(upsert(schema.label).on_conflict_do_nothing(), labels)
        if creatives:
            connection.execute(upsert(schema.creative).on_conflict_do_nothing(), creatives)
            connection.execute(insert(schema.ad_media), [_medium(item) for item in ads if item.sha256])
        recount(connection, scope, ads[0].brand, [item.ad_id for item in ads])


def _ad(item: AnAd) -> dict[str, Any]:
    same = (
        "ad_id scope channel account external_id first_seen last_seen last_scanned_on run_start run_end "
        "source_says_active format media_status content_id attributes"
    )
    row = {name: getattr(item, name) for name in same.split()}
    return row | {
        "brand_slug": item.brand,
        "countries": list(item.countries),
        "cover_sha256": item.sha256,
        "current_version_id": item.version_id,
    }


def _version(item: AnAd) -> dict[str, Any]:
    same = "version_id scope ad_id copy title cta landing_domain format content_id first_seen last_seen"
    row = {name: getattr(item, name) for name in same.split()}
    row |= {"platforms": list(item.platforms), "text_hash": item.content_id}
    return row | {"content_hash": item.version_id, "version_key": "", "description": ""}


def _content(item: AnAd) -> dict[str, Any]:
    labelled = None if item.labels is None else TAXONOMY
    row = {"scope": item.scope, "content_id": item.content_id, "text_hash": item.content_id, "cta": item.cta}
    return row | {"text": item.text, "labelled_with": labelled}


def _labels(item: AnAd) -> list[dict[str, Any]]:
    quote = item.text[:3]
    common = {
        "scope": item.scope, "content_id": item.content_id, "confidence": 0.9, "modality": "text",
        "evidence": [{"quote": quote, "start": 0, "end": len(quote)}], "provenance_id": PROVENANCE_ID,
    }  # fmt: skip
    return [
        common | {"dimension": dimension, "value": value, "outcome": item.outcomes.get(dimension, "ok")}
        for dimension, values in (item.labels or {}).items()
        for value in values
    ]


def _creative(item: AnAd) -> dict[str, Any]:
    size = {"content_type": "image/png", "size_bytes": 10, "width": 1, "height": 1}
    return size | {"scope": item.scope, "sha256": item.sha256}


def _medium(item: AnAd) -> dict[str, Any]:
    key = {"ad_id": item.ad_id, "item_id": f"i{item.ad_id}", "scope": item.scope, "sha256": item.sha256}
    return key | {"role": "image", "position": 0, "status": item.media_status}


def _rows(columns: Sequence[str], row: Mapping[str, Any]) -> list[list[Any]]:
    return [[row.get(column) for column in columns]]


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
