"""Files in which people say what is right: read whole, or not at all."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from core.errors import BadInputError
from core.sources.golden_sets import COLUMNS, blank_sheet, read_golden_set

HEAD = ",".join(COLUMNS)


def checked(dimension: str, values: list[str]) -> tuple[str, ...]:
    if dimension != "offer":
        raise BadInputError("there is no such dimension: use offer")
    if "junk" in values:
        raise BadInputError("values: 'junk' is none of gift, bundle")
    return tuple(values)


def file(folder: Path, *lines: str, name: str = "set.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_row_is_one_judgement(tmp_path: Path) -> None:
    path = file(tmp_path, HEAD, '"Buy one,\nget a mug",,Shop now,en,offer,gift|bundle,anna,2026-03-01')
    (found,) = read_golden_set(path, checked).judgements
    assert (found.line, found.text, found.cta, found.dimension) == (2, "Buy one,\nget a mug", "Shop now", "offer")
    assert (found.values, found.annotator, found.annotated_on) == ({"gift", "bundle"}, "anna", date(2026, 3, 1))


def test_json_lines_say_the_same(tmp_path: Path) -> None:
    row = {"ad_id": "a1", "dimension": "offer", "values": ["gift", "bundle"], "annotator": "anna"}
    path = file(tmp_path, json.dumps(row), "", json.dumps(row | {"annotator": "ben"}), name="set.jsonl")
    found = read_golden_set(path, checked).judgements
    assert [(each.line, each.ad_id, each.annotator) for each in found] == [(1, "a1", "anna"), (3, "a1", "ben")]


def test_rows_without_values_are_counted_and_wait(tmp_path: Path) -> None:
    path = file(tmp_path, HEAD, "x,,,,offer,gift,anna,", "y,,,,offer,,,")
    assert read_golden_set(path, checked).unjudged == 1


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("x,,,,hook,gift,anna,", "line 3: there is no such dimension"),
        ("x,,,,offer,junk,anna,", "line 3: values: 'junk' is none of gift"),
        (",,,,offer,gift,anna,", "line 3: give the text or the ad_id"),
        ("x,,,,offer,gift,,", "line 3: annotator is empty"),
        ("x,,,,offer,gift,anna,1.3.2026", "line 3: annotated_on is '1.3.2026'; write dates as YYYY-MM-DD"),
        ("first,,,,offer,bundle,anna,", "line 3: anna has judged this offer in line 2 already"),
        ("x,,,,offer,gift", "line 3: the row has 6 fields, the header 8"),
    ],
)
def test_a_bad_row_is_named_by_line_and_nothing_is_used(tmp_path: Path, row: str, said: str) -> None:
    path = file(tmp_path, HEAD, "first,,,,offer,gift,anna,", row)
    with pytest.raises(BadInputError, match="nothing was used") as caught:
        read_golden_set(path, checked)
    assert said in str(caught.value)


def test_broken_json_is_named_by_line(tmp_path: Path) -> None:
    path = file(tmp_path, '{"a": 1', "[]", name="set.jsonl")
    with pytest.raises(BadInputError, match=r"line 1: not JSON.*\n.*line 2: not a JSON object"):
        read_golden_set(path, checked)


def test_a_file_of_another_kind_is_refused_with_the_columns(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no column annotator, dimension, values; there are text, ad_id"):
        read_golden_set(file(tmp_path, "a,b", "1,2"), checked)
    with pytest.raises(BadInputError, match="no row has values yet"):
        read_golden_set(file(tmp_path, HEAD, "x,,,,offer,,,"), checked)


def test_a_blank_sheet_says_nothing_of_the_machine_and_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(blank_sheet([("", "=cmd()\n 20% off", "+1", "offer")]))
    head, row = path.read_text("utf-8-sig").split("\n", 1)
    assert head.strip() == HEAD
    assert row.strip() == "\"'=cmd()\n 20% off\",,'+1,,offer,,,"
    path.write_text(path.read_text("utf-8-sig").replace("offer,,,", "offer,gift,anna,"), encoding="utf-8")
    (found,) = read_golden_set(path, checked).judgements
    assert (found.text, found.cta) == ("=cmd()\n 20% off", "+1")
