"""Fields of COPY's text format."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import pytest

from core.adapters.postgres.bulk import copy_field


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, r"\N"),
        (r"\N", r"\\N"),  # a text that looks like NULL
        ("", ""),
        ("tab\tnewline\nreturn\rback\\slash", r"tab\tnewline\nreturn\rback\\slash"),
        ("a\0b", "ab"),
        ("half \ud83d emoji", "half ? emoji"),
        ("\\.", r"\\."),  # COPY's end of data
        (True, "t"),
        (0, "0"),
        (0.1, "0.1"),
        (Colour.RED, "red"),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 1, tzinfo=UTC), "2026-03-02T01:00:00+00:00"),
        (b"\x00\xff", r"\\x00ff"),
        (memoryview(b"\x01"), r"\\x01"),
        ([], "{}"),
        (["a", 'quote"', "back\\", "NULL", ""], r'{"a","quote\\"","back\\\\","NULL",""}'),
        ({"a": None, "b": "\n"}, r'{"a":null,"b":"\\n"}'),
    ],
)
def test_each_type_has_its_form(value: Any, field: str) -> None:
    assert copy_field(value) == field


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="complex"):
        copy_field(1j)
