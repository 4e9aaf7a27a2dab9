"""Labels by likeness: the sentences of a text compared by embedding with the taxonomy's example sentences.

Raw cosines of the model lie close together (0.75 to 0.88), mostly because of the language. So the mean of all examples
of a language is taken off its sentences first; what remains is compared with the centre of each value's examples.
Confidence is the softmax over the values of the dimension. A sentence between two values, or far from all, says
nothing; the sentence that decides is the evidence. Whole texts were tried: an ad argues, offers and calls in one
text, and tone by likeness was right in a third of the cases instead of three quarters (benchmarks/label_quality).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.ai.rules import Finding
from core.ai.taxonomy import Taxonomy
from core.domain.label import Evidence
from core.ports import TextEmbedder, Vector

_SHARPNESS = 12.0  # softmax(12 × cosine)
_LEAST_CONFIDENCE = 0.6
_LEAST_MARGIN = 0.3  # of confidence, between the best and the second value of a sentence
_LEAST_COSINE = 0.35
_LEAST_LEAD = 0.05  # of cosine, between the best sentences of two values of a single-valued dimension
_MOST_VALUES = 2  # of a multi-valued dimension
_REMEMBERED_SENTENCES = 20_000  # 30 MB


class SentenceVectors:
    """Vectors of sentences, each embedded once as long as it is remembered: ads repeat each other's sentences."""

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self._remembered: dict[str, Vector] = {}

    def of(self, sentences: Iterable[str]) -> dict[str, Vector]:
        """Sentence to vector, shape (model dimension,)."""
        wanted = dict.fromkeys(sentences)
        with self._lock:
            vectors = {each: self._remembered[each] for each in wanted if each in self._remembered}
        missing = [each for each in wanted if each not in vectors]
        if missing:
            made = dict(zip(missing, self._embedder.embed(missing), strict=True))
            vectors |= made
            self._remember(made)
        return vectors

    def _remember(self, made: Mapping[str, Vector]) -> None:
        with self._lock:
            self._remembered |= made
            while len(self._remembered) > _REMEMBERED_SENTENCES:
                del self._remembered[next(iter(self._remembered))]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a text, where it stands, and its vector, shape (model dimension,)."""

    quote: Evidence
    vector: Vector


@dataclass(frozen=True, slots=True)
class _Likeness:
    """The value one sentence is like, and how much."""

    value: str
    cosine: float
    confidence: float
    quote: Evidence


@dataclass(frozen=True, slots=True)
class _Centres:
    """Unit centres of the values of one dimension, shape (values, model dimension)."""

    values: tuple[str, ...]
    matrix: Vector


@dataclass(frozen=True, slots=True)
class _Space:
    """What the examples become: the mean of each language (of all under "") and the centres of each dimension."""

    means: Mapping[str, Vector]
    centres: Mapping[str, _Centres]

    def centred(self, vector: Vector, language: str) -> Vector:
        """The vector without what it owes to its language."""
        return _unit(vector - self.means.get(language, self.means[""]))


class PrototypeJudge:
    """Compares sentences with the taxonomy's examples, which are embedded once, when first needed."""

    def __init__(self, taxonomy: Taxonomy, embedder: TextEmbedder) -> None:
        self._taxonomy = taxonomy
        self._embedder = embedder
        self._lock = threading.Lock()
        self._space: _Space | None = None

    def findings(self, dimension: str, sentences: Sequence[Sentence], language: str) -> list[Finding]:
        """The value (values, of a multi-valued dimension) that some sentence is clearly like; or nothing."""
        best: dict[str, _Likeness] = {}
        for sentence in sentences:
            like = self._like(dimension, sentence, language)
            if like and (like.value not in best or like.cosine > best[like.value].cosine):
                best[like.value] = like
        ranked = sorted(best.values(), key=lambda each: (-each.cosine, each.value))
        if self._taxonomy.dimensions[dimension].cardinality == "single":
            leads = len(ranked) == 1 or (ranked and ranked[0].cosine - ranked[1].cosine >= _LEAST_LEAD)
            ranked = ranked[:1] if leads else []
        return [Finding(each.value, each.confidence, (each.quote,)) for each in ranked[:_MOST_VALUES]]

    def _like(self, dimension: str, sentence: Sentence, language: str) -> _Likeness | None:
        space = self._ready()
        centres = space.centres[dimension]
        cosines = centres.matrix @ space.centred(sentence.vector, language)
        confidences = _softmax(cosines)
        ranked = np.argsort(-confidences, kind="stable")
        best, margin = ranked[0], confidences[ranked[0]] - confidences[ranked[1:2]].sum()
        if cosines[best] < _LEAST_COSINE or confidences[best] < _LEAST_CONFIDENCE or margin < _LEAST_MARGIN:
            return None
        return _Likeness(centres.values[best], float(cosines[best]), round(float(confidences[best]), 3), sentence.quote)

    def _ready(self) -> _Space:
        with self._lock:
            if self._space is None:
                self._space = _embed_examples(self._taxonomy, self._embedder)
        return self._space


@dataclass(frozen=True, slots=True)
class _Example:
    dimension: str
    value: str
    language: str
    sentence: str


def _embed_examples(taxonomy: Taxonomy, embedder: TextEmbedder) -> _Space:
    examples = [
        _Example(name, value_name, language, sentence)
        for name, dimension in taxonomy.dimensions.items()
        for value_name, value in dimension.values.items()
        for language, sentences in value.prototypes.items()
        for sentence in sentences
    ]
    vectors = embedder.embed([example.sentence for example in examples])
    space = _Space(_means(examples, vectors), {})
    centred = np.stack([space.centred(v, e.language) for e, v in zip(examples, vectors, strict=True)])
    dimensions = dict.fromkeys(example.dimension for example in examples)
    return _Space(space.means, {name: _centres_of(name, examples, centred) for name in dimensions})


def _means(examples: Sequence[_Example], vectors: Vector) -> dict[str, Vector]:
    rows: dict[str, list[int]] = {}
    for row, example in enumerate(examples):
        rows.setdefault(example.language, []).append(row)
    means = {language: vectors[of_language].mean(axis=0) for language, of_language in rows.items()}
    return {**means, "": np.mean(list(means.values()), axis=0, dtype=np.float32)}


def _centres_of(dimension: str, examples: Sequence[_Example], centred: Vector) -> _Centres:
    rows: dict[str, list[int]] = {}
    for row, example in enumerate(examples):
        if example.dimension == dimension:
            rows.setdefault(example.value, []).append(row)
    return _Centres(tuple(rows), np.stack([_unit(centred[of_value].mean(axis=0)) for of_value in rows.values()]))


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), dtype=np.float32)


def _softmax(cosines: Vector) -> Vector:
    powers = np.exp(_SHARPNESS * (cosines - cosines.max()))
    return np.asarray(powers / powers.sum(), dtype=np.float32)
