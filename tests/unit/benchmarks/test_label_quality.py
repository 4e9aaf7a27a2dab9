"""What labels are measured against: planted truth, and words of real sets as far as they can be mapped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.label_quality import __main__ as label_quality
from benchmarks.label_quality import report, sets
from core.ai.harmonise import HARMONISING, Harmonising, load_harmonising
from core.ai.taxonomy import load_taxonomy


@pytest.fixture(scope="module")
def harmonising() -> Harmonising:
    return load_harmonising(load_taxonomy(), HARMONISING)


def test_a_word_on_purpose_left_denies_what_its_field_can_say(harmonising: Harmonising) -> None:
    rows = [("놓치면 손해", "", {"후킹": "위험 환기"}), ("지금 가입", "", {"후킹": "가입 유도"})]
    first, second = sets._harmonised("set", harmonising, ("후킹",), rows).texts

    assert first.truth["emotion"] == {"fear"}
    assert second.truth["emotion"] == frozenset()


def test_a_word_nobody_mapped_says_nothing(harmonising: Harmonising) -> None:
    (text,) = sets._harmonised("set", harmonising, ("후킹",), [("새 말", "", {"후킹": "새로운 말"})]).texts

    assert text.truth == {}


def test_texts_whose_ads_are_labelled_differently_are_left_out_and_counted(harmonising: Harmonising) -> None:
    rows = [
        ("같은 글", "", {"후킹": "위험 환기"}),
        ("같은 글", "", {"후킹": "가격"}),
        ("다른 글", "", {"후킹": "가격"}),
    ]
    found = sets._harmonised("set", harmonising, ("후킹",), rows)

    assert [each.text for each in found.texts] == ["다른 글"]
    assert found.dropped == 1


def test_only_what_a_set_can_say_is_compared(harmonising: Harmonising) -> None:
    found = sets._harmonised("set", harmonising, ("gender", "category"), [("글", "", {"gender": "all"})])

    assert found.askable["audience"] == {"women", "men", "general"}
    assert found.askable["product_type"] == {"comic_or_novel", "series_or_film"}
    assert found.basis == "model"
    assert "program" in found.said_by


def test_without_the_shared_sets_the_rest_is_measured_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sets, "SHARED", tmp_path / "away")
    monkeypatch.setattr(report, "OUT", tmp_path / "figures.json")
    monkeypatch.setattr("sys.argv", ["label_quality", "--rules-only", "--ads", "60"])

    label_quality.main()

    told = capsys.readouterr().out
    assert f"skipped: labels that come with real ads, because {tmp_path / 'away'} is absent" in told
    assert "RESULT LABELS set=sample_market against=planted_truth dimension=season" in told
    kept = json.loads((tmp_path / "figures.json").read_text("utf-8"))["measures"]
    assert {each["set_name"] for each in kept} == {"sample market"}
    assert {"hook", "product_type", "season"} <= {each["dimension"] for each in kept}
