"""A customer's own export of labelled ads. Private; ids are unique within one file only.

``description`` is an analyst's (or a model's) account of the ad, not its copy: it goes into the attributes.
The file says when an ad started but not when anybody looked: the scan date is the file's modification date (UTC).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from core.domain.ad import AdRecord, AdVersion, Rejection
from core.sources.csv_rows import read_csv
from core.sources.rows import (
    AdRows,
    Row,
    RowError,
    SourceFile,
    add_row,
    brand_of,
    cell,
    cell_date,
    cell_id,
    cell_list,
    reject,
    split_rejections,
)

COLUMNS = frozenset({"adId", "startDate", "brand"})
_TEXTS = {"productType": "product_type", "environment": "environment", "description": "description"}
_LISTS = {"color": "color", "features": "features", "marketingApproach": "marketing_approach"}


def records(text: str, source: SourceFile) -> Iterator[AdRecord | Rejection]:
    """The ads of the file; rejected rows first."""
    rejected: list[Rejection] = []
    ads: dict[str, AdRows] = {}
    for row in split_rejections(read_csv(text, source), rejected):
        try:
            _add(ads, source, row)
        except RowError as error:
            rejected.append(reject(source, row, error))
    yield from rejected
    scanned_on = datetime.fromtimestamp(source.path.stat().st_mtime, UTC).date()
    for ad in ads.values():
        yield _record(source, ad, scanned_on)


def _add(ads: dict[str, AdRows], source: SourceFile, row: Row) -> None:
    external_id, brand = cell_id(row, "adId"), brand_of(source, row, "brand")
    cell_date(row, "startDate")
    known = ads.get(external_id)
    if known and known.rows[0].values != row.values:
        raise RowError("duplicate_id", f"line {known.rows[0].line} has the same adId but other content")
    add_row(ads, external_id, brand, row)


def _record(source: SourceFile, ad: AdRows, scanned_on: date) -> AdRecord:
    row = ad.rows[0]
    return AdRecord(
        channel="customer",
        account=Path(source.path.name.removesuffix(".gz")).stem,
        external_id=ad.external_id,
        brand_name=ad.brand,
        scanned_on=scanned_on,
        versions=(AdVersion(),),
        run_start=cell_date(row, "startDate"),
        attributes=_attributes(ad, row),
        raw=ad.raw,
        lines=ad.lines,
    )


def _attributes(ad: AdRows, row: Row) -> dict[str, str | list[str]]:
    attributes: dict[str, str | list[str]] = {name: cell(row, column) for column, name in _TEXTS.items()}
    attributes |= {name: cell_list(row, column) for column, name in _LISTS.items()}
    written = cell(row, "brand")
    attributes["brand_as_written"] = written if written != ad.brand else ""
    return {name: value for name, value in attributes.items() if value}
