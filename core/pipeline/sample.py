"""The first run: an empty system is filled with two scans of the sample market, through the ordinary import."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from core.adapters.postgres.engine import Database
from core.adapters.postgres.request_store import has_requests
from core.curation.brandspaces import create_brandspace
from core.domain.principal import Principal
from core.pipeline.imports import Importer
from core.sources.sample import SampleMarket

_SCAN_GAP = timedelta(days=14)


def fill_with_sample(
    database: Database,
    importer: Importer,
    market: SampleMarket,
    principal: Principal,
    *,
    progress: Callable[[str], None],
) -> list[str]:
    """Queue both scans and make a brandspace per industry; the request ids. Does nothing where anything was asked."""
    with database.reader(principal) as connection:
        if has_requests(connection, principal):
            return []
    requests = []
    for day in (market.as_of - _SCAN_GAP, market.as_of):
        progress(f"sample market as seen on {day:%d %B %Y}")
        records = (record for brand in market.brands for record in market.scan(brand.slug, day))
        name = f"Sample market, {day.isoformat()}"
        requests.append(importer.import_records(principal, records, [], scope="shared", name=name))
    for industry in market.industries:
        brands = [brand.slug for brand in market.brands if brand.industry == industry]
        create_brandspace(
            database, principal, name=f"{industry} (sample data)", primary=brands[0], competitors=brands[1:]
        )
    return requests
