"""The taxonomy is closed, versioned and checked when it is loaded."""

from pathlib import Path

import pytest

from core.ai.taxonomy import Taxonomy, load_taxonomy
from core.domain.label import UNKNOWN
from core.errors import BadInputError, NotFoundError

INDEX = """\
version: 2
dimensions:
  - mood
"""
SMALL = """\
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

AGREED = {  # saved views, corrections and exports name these: a value may be added, none renamed or taken away
    "hook": "question bold_claim statistic problem story how_to testimonial announcement urgency",
    "offer": "percent_off money_off free_trial free_shipping bundle gift price_point none",
    "cta": "shop_now learn_more sign_up install subscribe book get_offer watch contact none",
    "tone": "playful urgent inspirational informative empathetic premium direct",
    "theme": "price_value quality convenience health sustainability community innovation seasonal performance taste",
    "audience": "beginners parents professionals athletes students women men seniors general",
}


def write(folder: Path, text: str = SMALL, index: str = INDEX, name: str = "mood") -> Path:
    folder.joinpath("taxonomy.yaml").write_text(index, encoding="utf-8")
    folder.joinpath(f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("dimension", AGREED)
def test_values_that_were_once_given_stay(taxonomy: Taxonomy, dimension: str) -> None:
    assert taxonomy.dimensions[dimension].allowed >= {*AGREED[dimension].split(), UNKNOWN}


def test_every_value_means_something_and_shows_it(taxonomy: Taxonomy) -> None:
    mute = [
        f"{name}.{value_name}"
        for name, dimension in taxonomy.dimensions.items()
        for value_name, value in dimension.values.items()
        if not (value.shown_examples or dimension.measured)
    ]

    assert mute == []


def test_what_only_a_model_can_tell_is_no_dimension_of_words(taxonomy: Taxonomy) -> None:
    unread = [name for name, each in taxonomy.of_words.items() if not each.languages and not each.has_prototypes]

    assert unread == []
    assert set(taxonomy.of_words) | set(taxonomy.of_pictures) == set(taxonomy.dimensions)


def test_every_value_is_known_whether_an_ad_carries_it_or_not(taxonomy: Taxonomy) -> None:
    assert taxonomy.values("offer")[-1] == "none"
    assert UNKNOWN not in taxonomy.values("offer")
    assert set(taxonomy.values("hook")) >= set(AGREED["hook"].split())
    assert taxonomy.definition("hook") == taxonomy.dimensions["hook"].definition
    assert taxonomy.definition("hook", "question") == "Asks the reader something."
    assert taxonomy.definition("offer", "none") == ""
    with pytest.raises(NotFoundError, match="use hook, offer"):
        taxonomy.values("colour")


def test_any_change_of_a_file_is_another_version(tmp_path: Path) -> None:
    first = load_taxonomy(write(tmp_path)).version
    second = load_taxonomy(write(tmp_path, SMALL.replace("Happy.", "Merry."))).version
    third = load_taxonomy(write(tmp_path, index=INDEX + "# reviewed\n")).version

    assert first.startswith("v2-")
    assert len({first, second, third}) == 3
    assert load_taxonomy().version == load_taxonomy().version


@pytest.mark.parametrize(
    ("good", "bad", "line", "named"),
    [
        ("cardinality: single", "cardinality: several", 2, "cardinality"),
        ("    definition: Happy.", "    definition: ''", 5, "definition"),
        ("  sad:", "  sad:\n    colour: blue", 9, "colour"),  # closed: no unknown key
        ("  sad:", "  Sad One:", 8, "Sad One"),
        ("  sad:", "  unknown:", 1, "unknown"),  # always allowed, never listed
        ("  sad:", "  glad:", 8, "'glad' is given twice"),
        ("so glad", "so (glad", 7, "so \\(glad"),
        ("so glad", "so.+glad", 7, "without bound"),
        ("so glad", "'(so ){2,}glad'", 7, "without bound"),
        ("so glad", "'(?:glad)?'", 7, "empty text"),
        ("so glad", "so: glad", 7, "put it in quotes"),
        ("      en:", "      english:", 7, "english"),
        ("cardinality: single", "cardinality: single\nreads: picture", 1, "rules and prototypes read words"),
        ("cardinality: single", "cardinality: single\nmeasured: true", 1, "only pictures are measured"),
    ],
)
def test_a_bad_file_is_refused_naming_line_and_value(
    tmp_path: Path, good: str, bad: str, line: int, named: str
) -> None:
    with pytest.raises(BadInputError, match=named) as refusal:
        load_taxonomy(write(tmp_path, SMALL.replace(good, bad)))

    assert f"line {line}:" in str(refusal.value)
    assert str(tmp_path / "mood.yaml") in str(refusal.value)


PICTURE = "definition: Its shape.\ncardinality: single\nreads: picture\nvalues: {wide: {definition: Wide.}}\n"


@pytest.mark.parametrize(
    ("index", "name", "text", "said"),
    [
        (INDEX.replace("2", "two"), "mood", SMALL, r"taxonomy.yaml: line 1: version"),
        (INDEX + "  - mood\n", "mood", SMALL, r"taxonomy.yaml: line 2: dimensions: a dimension is listed twice"),
        (INDEX + "  - language\n", "mood", SMALL, r"line 2: dimensions: 'language' is told by the detector"),
        (INDEX, "weather", SMALL, r"line 2: dimensions: 'weather' has a file and isn't listed"),
        (INDEX + "  - weather\n", "mood", SMALL, r"weather.yaml: can't be read"),
        (INDEX, "mood", PICTURE, r"mood.yaml: line 3: reads: dimensions named visual_… read a picture"),
        (INDEX.replace("mood", "visual_mood"), "visual_mood", SMALL, r"visual_mood.yaml: line 1: reads"),
    ],
)
def test_the_list_and_the_files_agree(tmp_path: Path, index: str, name: str, text: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        load_taxonomy(write(tmp_path, text, index, name))


@pytest.mark.parametrize("text", ["", "[", "just words", "definition: Something.\n"])
def test_what_is_no_dimension_is_bad_input(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInputError):
        load_taxonomy(write(tmp_path, text))


def test_a_missing_folder_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="can't be read"):
        load_taxonomy(tmp_path / "v9")


def test_spaces_and_apostrophes_in_rules_are_forgiving(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL.replace("so glad", '"can\'t [- ]?be sadder"'))
    rule = load_taxonomy(path).dimensions["mood"].values["glad"].rules["en"]

    assert rule.search("CAN’T  be\nsadder")
    assert rule.search("can't -be sadder")
    assert not rule.search("can'tbe sadder")
