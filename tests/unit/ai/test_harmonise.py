"""What sources call things is mapped to the taxonomy by a file, left on purpose, or counted as unmapped."""

from pathlib import Path

import pytest

from core.ai.harmonise import HARMONISING, Harmonising, State, load_harmonising
from core.ai.taxonomy import Taxonomy
from core.errors import BadInputError, NotFoundError

SMALL = """\
version: 1
fields:
  mood:
    definition: How it argues.
    made_by: model
    how_known: it says so
    values:
      FOMO: {hook: urgency}
      social proof, told: {proof: popularity, emotion: belonging}
    left: [lifestyle]
"""


def harmonising(taxonomy: Taxonomy, folder: Path, text: str = SMALL) -> Harmonising:
    path = folder / "map.yaml"
    path.write_text(text, encoding="utf-8")
    return load_harmonising(taxonomy, path)


def test_a_word_is_mapped_left_or_unmapped_and_its_raw_form_is_kept(taxonomy: Taxonomy, tmp_path: Path) -> None:
    found = harmonising(taxonomy, tmp_path).harmonise("mood", " fomo ;Lifestyle,  Whimsy")

    assert [(each.raw, each.state, each.labels) for each in found] == [
        ("fomo", State.MAPPED, (("hook", "urgency"),)),
        ("Lifestyle", State.LEFT, ()),
        ("Whimsy", State.UNMAPPED, ()),
    ]


def test_a_cell_that_is_known_as_a_whole_is_no_list(taxonomy: Taxonomy, tmp_path: Path) -> None:
    (found,) = harmonising(taxonomy, tmp_path).harmonise("mood", "Social  proof, told")

    assert found.labels == (("proof", "popularity"), ("emotion", "belonging"))


def test_every_word_is_counted_by_what_becomes_of_it(taxonomy: Taxonomy, tmp_path: Path) -> None:
    report = harmonising(taxonomy, tmp_path).report("mood", ["FOMO; whimsy", "Fomo", "", "Whimsy"])

    assert report[State.MAPPED] == {"fomo": 2}
    assert report[State.UNMAPPED] == {"whimsy": 2}
    assert report[State.LEFT] == {}


def test_an_unknown_field_is_not_found(taxonomy: Taxonomy, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="use mood"):
        harmonising(taxonomy, tmp_path).harmonise("moods", "FOMO")


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("{hook: urgency}", "{hooks: urgency}", "line 8: FOMO: the taxonomy has no dimension 'hooks'"),
        ("{hook: urgency}", "{hook: hurry}", "line 8: FOMO: 'hurry' is none of testimonial, urgency"),
        ("{hook: urgency}", "{hook: unknown}", "line 8: FOMO: 'unknown' is none of"),
        ("left: [lifestyle]", "left: [fomo]", "line 3: 'fomo' is mapped and left"),
        ("made_by: model", "made_by: elves", "line 5: fields.mood.made_by"),
    ],
)
def test_a_bad_map_is_refused_naming_line_and_word(
    taxonomy: Taxonomy, tmp_path: Path, good: str, bad: str, said: str
) -> None:
    with pytest.raises(BadInputError, match=said):
        harmonising(taxonomy, tmp_path, SMALL.replace(good, bad))


def test_the_shipped_map_fits_the_shipped_taxonomy(taxonomy: Taxonomy) -> None:
    shipped = load_harmonising(taxonomy, HARMONISING)

    assert shipped.version.startswith("h1-")
    assert shipped.harmonise("marketing_approach", "emotional appeal")[0].state is State.LEFT
    assert shipped.harmonise("후킹", "위험 환기")[0].labels == (("emotion", "fear"),)
