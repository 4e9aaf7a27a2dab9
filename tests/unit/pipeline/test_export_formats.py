"""How a row of an export is written."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from typing import Any

import pytest

from core.errors import BadInputError
from core.pipeline.export_formats import Csv, Ndjson, format_of
from core.queries.exports import COLUMNS


def row(**values: Any) -> dict[str, Any]:
    return {**dict.fromkeys(COLUMNS), "labels": {}, **values}


def cells(line: bytes) -> dict[str, str]:
    read = csv.reader(io.StringIO(line.decode(), newline=""))
    return dict(zip((*COLUMNS, "label_hook"), next(read), strict=True))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1", "'＝1"),
        ("1+1=2", "1+1=2"),
        ('a "quote", a comma\nand a line', 'a "quote", a comma\nand a line'),
        (" =1+1", "' =1+1"),
        ("\u00a0\u200b=1+1", "'\u00a0\u200b=1+1"),
        (" text", " text"),
        ("広告 🎯", "広告 🎯"),
    ],
)
def test_no_cell_is_a_formula(text: str, cell: str) -> None:
    assert cells(Csv(("hook",)).lines([row(copy=text)]))["copy"] == cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-1, "-1"),  # a number stays a number
        (-0.5, "-0.5"),
        (True, "true"),
        (None, ""),
        (date(2026, 3, 1), "2026-03-01"),
        (("a", "b"), "a; b"),
        (("=a", "b"), "'=a; b"),
        ([{"role": "image", "status": "ok", "reason": None, "sha256": "f0"}], "image ok f0"),
        ("half a pair \ud800", "half a pair ?"),
    ],
)
def test_a_value_becomes_this_cell(value: Any, cell: str) -> None:
    assert cells(Csv(("hook",)).lines([row(description=value)]))["description"] == cell


def test_a_label_stands_under_its_dimension() -> None:
    written = Csv(("hook",)).lines([row(labels={"hook": ("-question", "offer"), "tone": ("calm",)})])

    assert cells(written)["label_hook"] == "'-question; offer"


def test_ndjson_is_raw() -> None:
    written = Ndjson().lines([row(copy="=1", countries=("DE",), first_seen=date(2026, 3, 1), labels={"hook": ("a",)})])

    read = json.loads(written)
    assert (read["copy"], read["countries"], read["first_seen"]) == ("=1", ["DE"], "2026-03-01")
    assert read["labels"] == {"hook": ["a"]}
    assert written.endswith(b"\n")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(BadInputError, match="csv or ndjson"):
        format_of("xlsx", ())
