"""What a comparison is allowed to say: nothing while much waits, little of bad labels, and what weakens it first."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import Any

import pytest

from app.mix_charts import LIGHT_GREY_TEXT, LIGHT_TEXT, QUIET, difference_chart, least_width, matrix_chart
from app.time_charts import survival_curves
from app.view_models.comparisons import Matrix, make_matrix
from app.view_models.sayings import read_in, why_withheld
from app.view_models.time_views import make_curves, make_turnovers
from core.insights.deltas import turnover
from core.insights.mixes import BrandMix, Comparison, compare, mix_of_brands
from core.insights.survival import kaplan_meier
from core.queries.deltas import TurnoverBetween
from core.queries.longevity import BrandSurvival, Survivals
from core.queries.questions import BrandComparison


def acme(pending: int = 0) -> BrandMix:
    return BrandMix("acme", 95 + pending, 95, pending, 5, {"story": 80, "question": 10})


def bolt(pending: int = 0, unknown: int = 5) -> BrandMix:
    return BrandMix("bolt", 95 + pending, 95, pending, unknown, {"story": 10, "question": 80})


def a_matrix(*brands: BrandMix, names: Any = None, focal: str | None = "acme", **more: Any) -> Matrix:
    found = compare(mix_of_brands("hook", brands), focal=focal)
    same = {field.name: getattr(found, field.name) for field in fields(Comparison)}
    return make_matrix(BrandComparison(**same, **more), names or {})


def marks(matrix: Matrix, brand: str) -> str:
    return "".join(matrix.cells[brand, row.value].mark for row in matrix.rows)


# --- while much waits -----------------------------------------------------------------------------------


def test_while_more_than_a_twentieth_waits_no_difference_is_called_shown() -> None:
    done, waits = a_matrix(acme(5), bolt(5)), a_matrix(acme(5), bolt(6))
    assert (marks(done, "bolt"), len(done.findings), done.warning) == ("▲▼", 2, "")
    assert done.headline.startswith("2 differences shown")
    assert (marks(waits, "bolt"), waits.findings) == ("", ())
    assert waits.headline == "Whether the brands differ isn't told yet."
    assert waits.warning.startswith("11 of 201 ads (5 %) wait to be read.")
    assert "too much waits to be read: " in waits.cells["bolt", "story"].said
    assert waits.cells["bolt", "story"].share.count == 10  # the figures stay


def test_brands_of_which_nothing_is_read_wait_too() -> None:
    unread = BrandMix("calm", 30, 0, 30, 0, {})
    assert a_matrix(acme(), bolt(), unread).warning.startswith("30 of 220 ads")


def test_what_cannot_be_read_does_not_wait() -> None:
    silent = BrandMix("acme", 195, 95, 0, 5, {"story": 80, "question": 10}, without_text=50, refused=25, failed=25)
    assert marks(a_matrix(silent, bolt()), "bolt") == "▲▼"


def test_one_slow_brand_leaves_the_others_their_marks_unless_all_are_held_against_it() -> None:
    large = BrandMix("zeta", 900, 900, 0, 0, {"story": 100, "question": 800})
    slow = a_matrix(acme(), bolt(20), large)
    assert (marks(slow, "bolt"), marks(slow, "zeta")) == ("", "▲▼")
    assert {finding.brand for finding in slow.findings} == {"zeta"}
    assert slow.warning.startswith("Of 1 brand more than 5 % wait to be read.")
    assert "20 wait" in matrix_chart(slow).layout.xaxis.ticktext[-1]
    assert marks(a_matrix(acme(20), bolt(), large), "zeta") == ""


def test_what_is_withheld_is_hollow_among_the_differences() -> None:
    symbols = [difference_chart(matrix).data[0].marker.symbol for matrix in (a_matrix(acme(), bolt()),)]
    held = difference_chart(a_matrix(acme(), bolt(20))).data[0].marker.symbol
    assert not any(symbol.endswith("-open") for symbol in symbols[0])
    assert all(symbol.endswith("-open") for symbol in held)


def test_what_came_and_went_is_withheld_in_the_same_way() -> None:
    new, gone = (
        mix_of_brands("hook", [BrandMix("acme", 95, 95, 0, 0, {value: 95})]) for value in ("story", "question")
    )
    found = TurnoverBetween(date(2026, 1, 1), date(2026, 2, 1), 1, 0, turnover(new, mix_of_brands("hook", []), gone))
    assert len(make_turnovers(found, {}).shown) == 2
    held = make_turnovers(found, {}, withheld=why_withheld(6, 100, "ad"))
    assert (held.shown, len(held.others), held.headline) == (
        (),
        2,
        "Whether what came differs from what went isn't told yet.",
    )
    assert {row["Said"] for row in held.others} == {"too much waits to be read"}
    assert why_withheld(5, 95, "ad") == ""


# --- labels that aren't to be trusted --------------------------------------------------------------------


def test_a_dimension_below_its_bar_lists_no_findings_and_is_all_grey() -> None:
    matrix = a_matrix(acme(), bolt(), below_bar="kappa 0.2")
    coloured, written, _ = matrix_chart(matrix).data
    assert matrix.findings == ()
    assert {share for line in coloured.z for share in line} == {None}
    assert set(written.textfont.color) == {LIGHT_GREY_TEXT, QUIET}  # the latter of what is unknown


def test_a_value_below_its_bar_is_grey_and_no_finding() -> None:
    matrix = a_matrix(acme(), bolt(), values_below_bar={"story": "kappa 0.1"})
    assert [finding.value for finding in matrix.findings] == ["question"]
    assert "(1 of them in labels below their bar)" in matrix.headline
    assert "Story: labels below their bar (kappa 0.1)." in matrix.notes
    place = [row.value for row in matrix.rows].index("story")
    coloured, written, grey = matrix_chart(matrix).data
    assert (set(coloured.z[place]), None in grey.z[place]) == ({None}, False)
    assert coloured.colorscale != grey.colorscale
    inks = [ink for ink, key in zip(written.textfont.color, written.customdata, strict=True) if key[1] == "story"]
    assert set(inks) == {LIGHT_GREY_TEXT}
    assert LIGHT_TEXT in written.textfont.color
    assert LIGHT_GREY_TEXT in matrix_chart(matrix).layout.yaxis.ticktext[place]


def test_unknown_in_more_than_half_is_a_caution() -> None:
    assert a_matrix(acme(), bolt()).cautions == ()
    (caution,) = a_matrix(acme(), bolt(unknown=48)).cautions
    assert "Unknown in more than half of what was read, for 1 brand" in caution


# --- the rest of what is said -----------------------------------------------------------------------------


def test_one_brand_alone_has_no_others_to_have_too_few() -> None:
    assert a_matrix(acme()).headline == "There is no other brand to compare with."


@pytest.mark.parametrize(
    ("dimension", "told"), [("offer", "words alone"), ("visual_style", "picture alone"), ("format", "declared")]
)
def test_every_dimension_says_what_it_was_read_in(dimension: str, told: str) -> None:
    assert told in read_in(dimension)


# --- charts where there is little room --------------------------------------------------------------------


def test_wide_letters_and_more_brands_take_more_room_and_names_are_never_turned() -> None:
    latin, hangul = (a_matrix(acme(), bolt(), names={"bolt": name}) for name in ("bolt" * 4, "네이버웹" * 4))
    assert least_width(hangul, "matrix") > least_width(latin, "matrix") > least_width(a_matrix(acme()), "matrix")
    assert matrix_chart(hangul).layout.xaxis.tickangle == 0


def test_curves_fill_the_axis_and_their_names_lie_right_of_them_all() -> None:
    brands = (
        BrandSurvival("x", 9, kaplan_meier({3: 2}, {4: 2})),
        BrandSurvival("y", 9, kaplan_meier({90: 2}, {99: 2})),
    )
    figure = survival_curves(make_curves(Survivals("", "ads", 0.95, brands, None, 0), {}))
    low, high = figure.layout.xaxis.range
    assert (low, 99 <= high < 110) == (0, True)
    assert [label.ax for label in figure.layout.annotations] == [high, high]
    assert sorted(label.x for label in figure.layout.annotations) == [4, 99]
