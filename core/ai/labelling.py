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
from core.ai.prototypes import PrototypeJudge, Sentence, SentenceVectors
from core.ai.rules import Finding
from core.ai.sentences import MAX_CHARACTERS, opening, telling_sentences
from core.ai.taxonomy import Dimension, Taxonomy
from core.domain.label import UNKNOWN, Evidence, Label, Provenance
from core.ports import TextEmbedder, Vector

LANGUAGE = "language"
CTA = "cta"
LOCAL_HEURISTICS = "local-heuristics"
METHOD_VERSION = "1"

_DECLARED_CONFIDENCE = 0.99
_OTHERWISE_CONFIDENCE = 0.7  # finding nothing is weaker than finding something


@dataclass(frozen=True, slots=True)
class LabelInput:
    """A text to label, with the call to action its source declares. ``vector`` is the text's embedding, if made."""

    text: str
    cta_declared: str = ""
    vector: Vector | None = None


@dataclass(frozen=True, slots=True)
class OpenText:
    """A text whose named dimensions the rules left open."""

    text: str
    undecided: Sequence[str]
    vector: Vector | None = None


class TextLabeller:
    """Labels texts with a taxonomy; without an embedder the rules decide alone. Safe to share between threads."""

    def __init__(self, taxonomy: Taxonomy, embedder: TextEmbedder | None = None) -> None:
        self.taxonomy = taxonomy
        self._model = embedder.model if embedder else LOCAL_HEURISTICS
        self._judge = PrototypeJudge(taxonomy, embedder) if embedder else None
        self._vectors = SentenceVectors(embedder) if embedder else None

    def label(self, inputs: Sequence[LabelInput]) -> list[list[Label]]:
        """Both stages: at least one label of every dimension and the language, in the order of the inputs."""
        first = [self.label_by_rules(each.text, each.cta_declared) for each in inputs]
        left = [
            OpenText(each.text, self.undecided(labels), each.vector) for each, labels in zip(inputs, first, strict=True)
        ]
        return [[*decided, *closed] for decided, closed in zip(first, self.close(left), strict=True)]

    def label_by_rules(self, text: str, cta_declared: str = "") -> list[Label]:
        """The labels that wait for no embedding. Dimensions still open: ``undecided``."""
        language = detect_language(text)
        labels = [self._language_label(language)]
        for name, dimension in self.taxonomy.of_words.items():
            declared = self._declared(dimension, cta_declared) if name == CTA else None
            labels.extend([declared] if declared else self._by_rules(name, text, language.code, cta_declared))
        return labels

    def undecided(self, labels: Iterable[Label]) -> tuple[str, ...]:
        """The dimensions the rules left to the examples."""
        decided = {label.dimension for label in labels}
        return tuple(name for name in self.taxonomy.of_words if name not in decided)

    def label_by_prototypes(self, text: str, vector: Vector | None, undecided: Sequence[str]) -> list[Label]:
        """Close the dimensions the rules left open in one text."""
        return self.close([OpenText(text, undecided, vector)])[0]

    def close(self, texts: Sequence[OpenText]) -> list[list[Label]]:
        """Close the open dimensions of many texts: faster than one by one, the sentences are embedded together."""
        spans = [telling_sentences(each.text) if each.undecided and self._vectors else [] for each in texts]
        quotes = [
            [Evidence(each.text[start:end], start, end) for start, end in of_text]
            for each, of_text in zip(texts, spans, strict=True)
        ]
        vectors = self._vectors_of(texts, quotes)
        return [
            self._closed(each, [Sentence(quote, vectors[quote.quote]) for quote in of_text])
            for each, of_text in zip(texts, quotes, strict=True)
        ]

    def _vectors_of(self, texts: Sequence[OpenText], quotes: Sequence[Sequence[Evidence]]) -> dict[str, Vector]:
        """Sentence to vector; a text that is a single sentence has it already."""
        given = {each.text: each.vector for each in texts if each.vector is not None}
        needed = [quote.quote for of_text in quotes for quote in of_text if quote.quote not in given]
        return {**given, **self._vectors.of(needed)} if self._vectors else {}

    def _closed(self, each: OpenText, sentences: Sequence[Sentence]) -> list[Label]:
        language = detect_language(each.text).code if each.undecided else UNKNOWN
        labels = []
        for name in each.undecided:
            read = sentences
            if self.taxonomy.dimensions[name].reads == "opening":
                first = opening(each.text)
                read = [sentence for sentence in sentences if (sentence.quote.start, sentence.quote.end) == first]
            found = self._judge.findings(name, read, language) if self._judge else []
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

    def _nothing_found(self, name: str, language: str) -> list[Finding]:
        dimension = self.taxonomy.dimensions[name]
        if dimension.otherwise and language in dimension.languages:
            return [Finding(dimension.otherwise, _OTHERWISE_CONFIDENCE)]
        return [Finding(UNKNOWN, 0.0)]

    def _labels(self, name: str, found: Sequence[Finding], method: str) -> list[Label]:
        provenance = self._provenance(method)
        return [Label(name, each.value, each.confidence, provenance, each.evidence) for each in found]

    def _language_label(self, language: LanguageGuess) -> Label:
        return Label(LANGUAGE, language.code, language.confidence, self._provenance("language-detector"))

    def _provenance(self, method: str) -> Provenance:
        model = self._model if method == "prototypes" else LOCAL_HEURISTICS
        return Provenance(method, METHOD_VERSION, model, self.taxonomy.version)


def _is_readable(text: str) -> bool:
    """Whether there is anything to compare: emoji and numbers alone say nothing."""
    return any(character.isalpha() for character in text[:MAX_CHARACTERS])
