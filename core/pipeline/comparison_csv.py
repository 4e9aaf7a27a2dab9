"""A frozen comparison as a table: a row a cell, then a row a figure of what it covers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from core.pipeline.export_formats import csv_lines

_OF_DIFFERENCE = ("difference", "low", "high", "p_value", "p_adjusted", "verdict")
COLUMNS = (
    "section", "brand", "brand_name", "value", "count", "n", "share", "share_low", "share_high", "difference",
    "difference_low", "difference_high", "p_value", "p_adjusted", "verdict",
)  # fmt: skip


def comparison_csv(body: bytes) -> bytes:
    """UTF-8 with a byte order mark. Shares are from 0 to 1; differences are from the focal brand."""
    frozen = json.loads(body)
    return csv_lines([COLUMNS, *_about(frozen), *_cells(frozen), *_coverage(frozen["coverage"])])


def _about(frozen: Mapping[str, Any]) -> Iterator[list[Any]]:
    comparison = frozen["comparison"]
    told = {name: frozen[name] for name in ("frozen_id", "data_version", "code_version")}
    told |= {name: comparison[name] for name in ("dimension", "unit", "focal", "confidence", "minimum_n")}
    told |= {"below_bar": comparison["below_bar"]}
    yield from (["about", "", "", name, value] for name, value in told.items())


def _cells(frozen: Mapping[str, Any]) -> Iterator[list[Any]]:
    comparison, names = frozen["comparison"], frozen["brand_names"]
    for brand in comparison["brands"]:
        for value in comparison["values"]:
            share, difference = brand["shares"][value], brand["differences"].get(value, {})
            own = [share[name] for name in ("count", "n", "share", "low", "high")]
            apart = [difference.get(name) for name in _OF_DIFFERENCE]
            yield ["cell", brand["brand"], names.get(brand["brand"], ""), value, *own, *apart]


def _coverage(coverage: Mapping[str, Any]) -> Iterator[list[Any]]:
    plain = ("stored", "labelled", "refused", "failed", "pending", "not_asked", "without_text")
    told = {name: coverage[name] for name in plain}
    told |= {f"rows_{name}": number for name, number in coverage["rows"].items()}
    told |= {f"media_{name}": number for name, number in coverage["media"].items()}
    told |= {f"pictures_{name}": number for name, number in coverage["pictures"].items()}
    yield from (["coverage", "", "", name, number] for name, number in told.items())
    for source in coverage["sources"]:
        yield from (["cannot be shown", "", "", source["channel"], text] for text in source["cannot_show"])
