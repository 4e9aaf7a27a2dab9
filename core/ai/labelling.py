"""Labels for texts by local heuristics, in two stages: rules at once, likeness to examples when vectors are there.

The labels of a text depend on nothing but the text, the declared call to action, the taxonomy and the model, so the
same content needs them once. ``unknown`` says that nothing decided; a dimension's ``otherwise`` value says that the
text was read, in a language the rules cover, and shows none of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.ai import rules
from core.ai.language import LanguageGuess, detect_language
from core.ai.prototypes import PrototypeJudge
from core.ai.rules import Finding
from core.ai.taxonomy import Dimension, Taxonomy
from core.domain.label import UNKNOWN, Label, Provenance
from core.ports import TextEmbedder, Vector

LANGUAGE = "language"
CTA = "cta"
LOCAL_HEURISTICS = "local-heuristics"
METHOD_VERSION = "1"

_DECLARED_CONFIDENCE = 0.99
_OTHERWISE_CONFIDENCE = 0.7  # finding nothing is weaker than finding something


@dataclass(frozen=True, slots=True)
class LabelInput:
    """A text to label. ``vector`` is its embedding by the labeller's model, where there is one already."""

    text: str
    cta_declared: str = ""
    vector: Vector | None = None


class TextLabeller:
    """Labels texts with a taxonomy; without an embedder the rules decide alone. Safe to share between threads."""

    def __init__(self, taxonomy: Taxonomy, embedder: TextEmbedder | None = None) -> None:
        self.taxonomy = taxonomy
        self._embedder = embedder
        self._judge = PrototypeJudge(taxonomy, embedder) if embedder else None

    def label(self, inputs: Sequence[LabelInput]) -> list[list[Label]]:
        """Both stages: at least one label of every dimension and the language, in the order of the inputs."""
        first = [self.label_by_rules(each.text, each.cta_declared) for each in inputs]
        undecided = [self.undecided(labels) for labels in first]
        vectors = self._vectors_where_needed(inputs, undecided)
        return [
            [*labels, *self.label_by_prototypes(each.text, vector, dimensions)]
            for each, labels, dimensions, vector in zip(inputs, first, undecided, vectors, strict=True)
        ]

    def label_by_rules(self, text: str, cta_declared: str = "") -> list[Label]:
        """The labels that wait for no embedding. Dimensions still open: ``undecided``."""
        language = detect_language(text)
        labels = [self._language_label(language)]
        for name, dimension in self.taxonomy.dimensions.items():
            declared = self._declared(dimension, cta_declared) if name == CTA else None
            labels.extend([declared] if declared else self._by_rules(name, text, language.code, cta_declared))
        return labels

    def undecided(self, labels: Iterable[Label]) -> tuple[str, ...]:
        """The dimensions the rules left to the examples."""
        decided = {label.dimension for label in labels}
        return tuple(name for name in self.taxonomy.dimensions if name not in decided)

    def label_by_prototypes(self, text: str, vector: Vector | None, undecided: Sequence[str]) -> list[Label]:
        """Close the dimensions the rules left open. ``vector``: the text's embedding, or None if there is none."""
        language = detect_language(text).code if undecided else UNKNOWN
        labels = []
        for name in undecided:
            found = self._by_likeness(name, text, vector, language)
            labels.extend(self._labels(name, found or self._nothing_found(name, language), "prototypes"))
        return labels

    def _by_rules(self, name: str, text: str, language: str, cta_declared: str) -> list[Label]:
        dimension = self.taxonomy.dimensions[name]
        found = rules.findings(dimension, text, language)
        if not found and dimension.has_prototypes and _is_readable(text):
            return []
        if not found and name == CTA and cta_declared.strip():
            found = [Finding(UNKNOWN, 0.0)]  # there is a button, of a kind the taxonomy doesn't know
        return self._labels(name, found or self._nothing_found(name, language), "rules")

    def _declared(self, dimension: Dimension, cta: str) -> Label | None:
        """What the source says is on the button: the strongest evidence, though no part of the text."""
        words = " ".join(cta.split())
        value = dimension.declared.get(words.casefold())
        if value is None:
            value = next((found.value for found in rules.findings(dimension, words, UNKNOWN)), None)
        return Label(CTA, value, _DECLARED_CONFIDENCE, self._provenance("declared")) if value else None

    def _by_likeness(self, name: str, text: str, vector: Vector | None, language: str) -> list[Finding]:
        if self._judge is None or self._embedder is None or vector is None:
            return []
        if self.taxonomy.dimensions[name].reads == "opening":
            start, end = rules.opening(text)
            if not _is_readable(text[start:end]):
                return []
            if text[start:end] != text.strip():
                vector = self._embedder.embed([text[start:end]])[0]
        return self._judge.findings(name, vector, language)

    def _nothing_found(self, name: str, language: str) -> list[Finding]:
        dimension = self.taxonomy.dimensions[name]
        if dimension.otherwise and language in dimension.languages:
            return [Finding(dimension.otherwise, _OTHERWISE_CONFIDENCE)]
        return [Finding(UNKNOWN, 0.0)]

    def _vectors_where_needed(
        self, inputs: Sequence[LabelInput], undecided: Sequence[tuple[str, ...]]
    ) -> list[Vector | None]:
        vectors = [each.vector for each in inputs]
        if self._embedder is not None:
            missing = [i for i, each in enumerate(inputs) if undecided[i] and each.vector is None]
            for i, vector in zip(missing, self._embedder.embed([inputs[i].text for i in missing]), strict=True):
                vectors[i] = vector
        return vectors

    def _labels(self, name: str, found: Sequence[Finding], method: str) -> list[Label]:
        provenance = self._provenance(method)
        return [Label(name, each.value, each.confidence, provenance, each.evidence) for each in found]

    def _language_label(self, language: LanguageGuess) -> Label:
        return Label(LANGUAGE, language.code, language.confidence, self._provenance("language-detector"))

    def _provenance(self, method: str) -> Provenance:
        by_model = method == "prototypes" and self._embedder is not None
        model = self._embedder.model if by_model and self._embedder else LOCAL_HEURISTICS
        return Provenance(method, METHOD_VERSION, model, self.taxonomy.version)


def _is_readable(text: str) -> bool:
    """Whether there is anything to compare: emoji and numbers alone say nothing."""
    return any(character.isalpha() for character in text[: rules.MAX_CHARACTERS])
