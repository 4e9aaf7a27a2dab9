"""The taxonomy is closed, versioned and checked when it is loaded."""

from pathlib import Path

import pytest

from core.ai.taxonomy import TAXONOMY_V1, Taxonomy, load_taxonomy
from core.errors import BadInputError

SMALL = """\
version: 1
dimensions:
  mood:
    definition: How it feels.
    cardinality: single
    values:
      glad:
        definition: Happy.
        rules:
          en: ['\\bhappy\\b', so glad]
      sad:
        definition: Unhappy.
"""

CONTRACT = {
    "hook": "question bold_claim statistic problem story how_to testimonial announcement urgency unknown",
    "offer": "percent_off money_off free_trial free_shipping bundle gift price_point none unknown",
    "cta": "shop_now learn_more sign_up install subscribe book get_offer watch contact none unknown",
    "tone": "playful urgent inspirational informative empathetic premium direct unknown",
    "theme": "price_value quality convenience health sustainability community innovation seasonal performance taste "
    "unknown",
    "audience": "beginners parents professionals athletes students women men seniors general unknown",
}


def write(folder: Path, text: str) -> Path:
    path = folder / "v1.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("dimension", CONTRACT)
def test_the_shipped_dimensions_allow_exactly_the_agreed_values(taxonomy: Taxonomy, dimension: str) -> None:
    assert taxonomy.dimensions[dimension].allowed == set(CONTRACT[dimension].split())


def test_there_is_no_dimension_beyond_the_agreed(taxonomy: Taxonomy) -> None:
    assert set(taxonomy.dimensions) == set(CONTRACT)
    assert {n for n, d in taxonomy.dimensions.items() if d.cardinality == "multi"} == {"offer", "theme"}


def test_any_change_of_the_file_is_another_version(tmp_path: Path) -> None:
    first = load_taxonomy(write(tmp_path, SMALL)).version
    second = load_taxonomy(write(tmp_path, SMALL.replace("Happy.", "Merry."))).version

    assert first.startswith("v1-")
    assert first != second
    assert load_taxonomy(TAXONOMY_V1).version == load_taxonomy(TAXONOMY_V1).version


@pytest.mark.parametrize(
    ("good", "bad", "line", "named"),
    [
        ("    cardinality: single", "    cardinality: several", 5, "cardinality"),
        ("        definition: Happy.", "        definition: ''", 8, "definition"),
        ("      sad:", "      sad:\n        colour: blue", 12, "colour"),  # closed: no unknown key
        ("      sad:", "      Sad One:", 11, "Sad One"),
        ("      sad:", "      unknown:", 3, "unknown"),  # always allowed, never listed
        ("      sad:", "      glad:", 11, "'glad' is given twice"),
        ("so glad", "so (glad", 10, "so \\(glad"),
        ("so glad", "so.+glad", 10, "without bound"),
        ("so glad", "'(so ){2,}glad'", 10, "without bound"),
        ("so glad", "'(?:glad)?'", 10, "empty text"),
        ("so glad", "so: glad", 10, "put it in quotes"),
        ("          en:", "          english:", 10, "english"),
        ("version: 1", "version: one", 1, "version"),
    ],
)
def test_a_bad_file_is_refused_naming_line_and_value(
    tmp_path: Path, good: str, bad: str, line: int, named: str
) -> None:
    path = write(tmp_path, SMALL.replace(good, bad))

    with pytest.raises(BadInputError, match=named) as refusal:
        load_taxonomy(path)

    assert f"line {line}:" in str(refusal.value)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("text", ["", "[", "just words", "version: 1\n"])
def test_what_is_no_taxonomy_is_bad_input(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInputError):
        load_taxonomy(write(tmp_path, text))


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="can't be read"):
        load_taxonomy(tmp_path / "v9.yaml")


def test_spaces_and_apostrophes_in_rules_are_forgiving(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL.replace("so glad", '"can\'t [- ]?be sadder"'))
    rule = load_taxonomy(path).dimensions["mood"].values["glad"].rules["en"]

    assert rule.search("CAN’T  be\nsadder")
    assert rule.search("can't -be sadder")
    assert not rule.search("can'tbe sadder")


def test_every_value_can_be_recognised(taxonomy: Taxonomy) -> None:
    mute = [
        f"{name}.{value_name}"
        for name, dimension in taxonomy.dimensions.items()
        for value_name, value in dimension.values.items()
        if not (value.rules or value.prototypes)
    ]

    assert mute == []
