"""Labels by likeness: the taxonomy's example sentences compared with a text by embedding.

Raw cosines of the model lie close together (0.75 to 0.88), mostly because of the language. So the mean of all examples
of a language is taken off its texts first; what remains is compared with the centre of each value's examples.
Confidence is the softmax over the values of the dimension. A text between two values is left to ``unknown``.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.ai.rules import Finding
from core.ai.taxonomy import Dimension, Taxonomy
from core.ports import TextEmbedder, Vector

# Set on hand-written sentences of each value, no language left out: benchmarks/label_quality.py prints what it gives.
_SHARPNESS = 12.0  # softmax(12 × cosine)
_LEAST_CONFIDENCE = 0.45
_LEAST_MARGIN = 0.15  # between the best and the second value
_LEAST_SECOND = 0.3  # a multi-valued dimension also takes the second from here on


@dataclass(frozen=True, slots=True)
class _Centres:
    """Unit centres of the values of one dimension, shape (values, dimension of the model)."""

    values: tuple[str, ...]
    matrix: Vector


class PrototypeJudge:
    """Compares text vectors with the taxonomy's examples, which are embedded once, when first needed."""

    def __init__(self, taxonomy: Taxonomy, embedder: TextEmbedder) -> None:
        self._taxonomy = taxonomy
        self._embedder = embedder
        self._lock = threading.Lock()
        self._centres: Mapping[str, _Centres] | None = None
        self._means: Mapping[str, Vector] = {}

    def findings(self, dimension: str, vector: Vector, language: str) -> list[Finding]:
        """The value a text vector (shape (model dimension,)) is clearly nearest to, or nothing."""
        centres = self._ready()[dimension]
        cosines = centres.matrix @ self._centred(vector, language)
        confidences = _softmax(cosines)
        best, second = np.argsort(-confidences, kind="stable")[:2]
        if confidences[best] < _LEAST_CONFIDENCE or confidences[best] - confidences[second] < _LEAST_MARGIN:
            return self._both(dimension, centres, confidences, best, second)
        return [Finding(centres.values[best], round(float(confidences[best]), 3))]

    def _both(
        self, dimension: str, centres: _Centres, confidences: Vector, best: np.intp, second: np.intp
    ) -> list[Finding]:
        """Two values of nearly the same weight: both where several may hold, else neither."""
        if self._taxonomy.dimensions[dimension].cardinality == "single" or confidences[second] < _LEAST_SECOND:
            return []
        return [Finding(centres.values[i], round(float(confidences[i]), 3)) for i in (best, second)]

    def _centred(self, vector: Vector, language: str) -> Vector:
        return _unit(vector - self._means.get(language, self._means[""]))

    def _ready(self) -> Mapping[str, _Centres]:
        with self._lock:
            if self._centres is None:
                self._centres = self._embed_examples()
        return self._centres

    def _embed_examples(self) -> dict[str, _Centres]:
        examples = [
            (name, value, language, sentence)
            for name, dimension in self._taxonomy.dimensions.items()
            for value, language, sentence in _examples_of(dimension)
        ]
        vectors = self._embedder.embed([sentence for *_, sentence in examples])
        languages = sorted({language for _, _, language, _ in examples})
        of_language = {code: [i for i, e in enumerate(examples) if e[2] == code] for code in languages}
        means = {code: vectors[rows].mean(axis=0) for code, rows in of_language.items()}
        self._means = {**means, "": np.mean(list(means.values()), axis=0, dtype=np.float32)}
        centred = np.stack([self._centred(vectors[i], e[2]) for i, e in enumerate(examples)])
        return {name: _centres_of(name, examples, centred) for name in {e[0]: None for e in examples}}


def _examples_of(dimension: Dimension) -> list[tuple[str, str, str]]:
    return [
        (name, language, sentence)
        for name, value in dimension.values.items()
        for language, sentences in value.prototypes.items()
        for sentence in sentences
    ]


def _centres_of(dimension: str, examples: Sequence[tuple[str, str, str, str]], centred: Vector) -> _Centres:
    rows: dict[str, list[int]] = {}
    for row, (name, value, _, _) in enumerate(examples):
        if name == dimension:
            rows.setdefault(value, []).append(row)
    return _Centres(tuple(rows), np.stack([_unit(centred[of_value].mean(axis=0)) for of_value in rows.values()]))


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), dtype=np.float32)


def _softmax(cosines: Vector) -> Vector:
    powers = np.exp(_SHARPNESS * (cosines - cosines.max()))
    return np.asarray(powers / powers.sum(), dtype=np.float32)
