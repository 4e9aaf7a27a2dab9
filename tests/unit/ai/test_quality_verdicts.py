"""When a label is good enough to compare by, and what is said where it isn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.ai.quality_bars import QualityBars, quality_bars
from core.ai.quality_verdicts import Standing, verdicts
from core.ai.taxonomy import load_taxonomy
from core.domain.label import LANGUAGE
from core.domain.quality import Basis, Measure, Statistic
from core.errors import BadInputError

BARS = QualityBars.model_validate(
    {"version": 1, "default": {"truth": 0.6, "replay": 0.9},
     "dimensions": {"offer": {"truth": 0.7, "values": {"gift": {"truth": 0.5}}}}}
)  # fmt: skip


def measured(
    estimate: float | None, low: float | None = None, high: float | None = None, *, basis: Basis = Basis.PEOPLE,
    statistic: Statistic = Statistic.KAPPA, value: str | None = None, n: int = 120,
) -> Measure:  # fmt: skip
    return Measure("hook", value, basis, "golden", statistic, n, estimate, low, high, "v1", "rules")


@pytest.mark.parametrize(
    ("figures", "standing", "reason"),
    [
        ((0.41, 0.30, 0.52), Standing.BELOW, "kappa 0.41 (0.30–0.52) against people on 120 texts: below 0.6"),
        ((0.55, 0.40, 0.70), Standing.BELOW, "kappa 0.55 (0.40–0.70) against people on 120 texts: below 0.6"),
        ((0.70, 0.61, 0.79), Standing.MEETS, "kappa 0.70 (0.61–0.79) against people on 120 texts: reaches 0.6"),
        # the estimate reaches the bar, the low end doesn't
        ((0.70, 0.50, 0.85), Standing.UNPROVEN,
         "kappa 0.70 (0.50–0.85) against people on 120 texts: too few to say that it reaches 0.6"),
        # neither chance nor the bar is ruled out
        ((0.40, -0.2, 0.90), Standing.UNPROVEN,
         "kappa 0.40 (-0.20–0.90) against people on 120 texts: too few to say anything"),
        # not defined: what it was measured against never varies
        ((None, None, None), Standing.UNPROVEN, "all 120 texts it was measured on are alike: nothing can be said"),
    ],
)  # fmt: skip
def test_a_label_stands_to_its_bar(figures: tuple[float, ...], standing: Standing, reason: str) -> None:
    found = verdicts("hook", [measured(*figures)], BARS).dimension
    assert (found.standing, found.reason) == (standing, reason)
    assert found.is_below == (standing is Standing.BELOW)


def test_a_label_without_a_measure_is_not_measured() -> None:
    found = verdicts("hook", [], BARS).of("story")
    assert (found.standing, found.is_below) == (Standing.NOT_MEASURED, False)
    assert found.reason == "not measured: neither people nor planted truth have checked it"


def test_people_count_more_than_planted_truth_and_that_more_than_another_model() -> None:
    planted, model = measured(0.95, 0.9, 0.99, basis=Basis.PLANTED), measured(0.2, 0.1, 0.3, basis=Basis.MODEL)
    assert "sample data" in verdicts("hook", [model, planted], BARS).dimension.reason
    people = measured(0.3, 0.2, 0.4)
    assert verdicts("hook", [model, planted, people], BARS).dimension.is_below


def test_labels_that_move_when_read_again_are_below_whatever_else_is_known() -> None:
    again = measured(28 / 42, 0.5, 0.8, basis=Basis.REPLAY, statistic=Statistic.AGREEMENT, n=42)
    found = verdicts("hook", [measured(0.9, 0.8, 0.95), again], BARS).dimension
    assert found.is_below
    assert found.reason == "a second run read 14 of 42 texts otherwise: 90 % must stay"


def test_what_rules_contradict_greys_nothing() -> None:
    rules = measured(0.2, 0.1, 0.3, basis=Basis.RULES, statistic=Statistic.AGREEMENT)
    assert verdicts("hook", [rules], BARS).dimension.standing is Standing.NOT_MEASURED


def test_a_value_has_its_own_verdict_or_that_of_its_dimension() -> None:
    found = verdicts("hook", [measured(0.9, 0.8, 0.95), measured(0.1, 0.05, 0.3, value="story")], BARS)
    assert found.of("story").is_below
    assert found.of("question") == found.dimension
    undefined = verdicts("hook", [measured(0.9, 0.8, 0.95), measured(None, value="story")], BARS)
    assert undefined.of("story") == undefined.dimension


def test_bars_of_values_and_dimensions_go_before_the_default() -> None:
    assert BARS.of("offer", "gift").truth == 0.5
    assert BARS.of("offer", "bundle").truth == BARS.of("offer").truth == 0.7
    assert BARS.of("hook", "story").truth == 0.6
    assert BARS.of("offer", "gift").replay == 0.9


def test_the_file_of_bars_names_dimensions_that_exist() -> None:
    assert set(quality_bars().dimensions) <= {*load_taxonomy().dimensions, LANGUAGE}


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bars.yaml"
    bad.write_text("version: 1\ndefault: {truth: 2, replay: 0.9}\n")
    with pytest.raises(BadInputError, match=r"bars\.yaml.*default\.truth"):
        quality_bars(bad)
