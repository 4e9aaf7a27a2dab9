"""Sets of texts to measure labels on, with what is known of them and who said so."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from core.ai.harmonise import Harmonising, State
from core.domain.ad import AdRecord
from core.domain.quality import Basis
from core.insights.agreement import Values
from core.sources.files import read_path
from core.sources.records import labelled_text, text_hash
from core.sources.sample import SampleMarket

AS_OF = date(2025, 6, 30)
SHARED = Path(__file__).parents[3] / "shared" / "data"

Truth = Mapping[str, Values]  # dimension → values


@dataclass(frozen=True, slots=True)
class Text:
    """A text, the button its source declares, and what it is measured against."""

    text: str
    cta: str
    truth: Truth


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """``said_by``: who made the labels, as far as it is known. ``askable``: what these labels can say, by dimension;
    none: anything. ``dropped`` texts were left out: their ads say different things of one text.
    """

    name: str
    basis: Basis
    said_by: str
    texts: tuple[Text, ...]
    askable: Mapping[str, Values] = field(default_factory=dict)
    dropped: int = 0


def planted(seed: int, ads: int) -> LabelledSet:
    """The sample market: its generator and the taxonomy share no word list."""
    market = SampleMarket(seed=seed, as_of=AS_OF, ads=ads)
    truth = {
        key: {dimension: frozenset(values) for dimension, values in labels.items()}
        for key, labels in market.truth().items()
    }
    found: dict[str, Text] = {}
    for brand in market.brands:
        for text, cta in _said(market.scan(brand.slug, AS_OF)):
            if (key := text_hash(text)) in truth:
                found.setdefault(key, Text(text, cta, truth[key]))
    return LabelledSet("sample market", Basis.PLANTED, "the generator of the sample market", tuple(found.values()))


def webtoon_ott(harmonising: Harmonising) -> LabelledSet:
    """Ads of five Korean brands, with what their monitor says of the advertised works."""
    rows = (
        (
            text,
            cta,
            {name: str(record.attributes[name]) for name in ("gender", "category") if name in record.attributes},
        )
        for record in _records(SHARED / "meta_webtoon_ott" / "ads.json")
        for text, cta in _said([record])
    )
    return _harmonised("meta_webtoon_ott", harmonising, ("gender", "category"), rows)


def kr_insurance(harmonising: Harmonising) -> LabelledSet:
    """Ads of Korean insurers, with the labels of the newer of the monitor's two exports."""
    path = SHARED / "meta_kr_insurance" / "ads_2026-07-01_2be662f4.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [
            (row["광고텍스트"], "", {name: row[name] for name in ("후킹", "보종") if row[name].strip()})
            for row in csv.DictReader(file)
        ]
    return _harmonised("meta_kr_insurance", harmonising, ("후킹", "보종"), rows)


def language_apps() -> LabelledSet:
    """Ads of language apps, without labels: for the cross-checks alone."""
    found = {text: Text(text, cta, {}) for text, cta in _said(_records(SHARED / "meta_language_apps"))}
    return LabelledSet("meta_language_apps", Basis.RULES, "nobody: the set carries no labels", tuple(found.values()))


def customer_cells(column: str) -> Iterator[str]:
    """Every cell of one column of the customer's exports, in all five files."""
    for path in sorted((SHARED / "customer_csv").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            yield from (row[column] or "" for row in csv.DictReader(file))


def _records(path: Path) -> Iterator[AdRecord]:
    return (each for each in read_path(path) if isinstance(each, AdRecord))


def _said(records: Iterable[AdRecord]) -> Iterator[tuple[str, str]]:
    for record in records:
        for version in record.versions:
            if text := labelled_text(version):
                yield text, version.cta


def _harmonised(
    name: str,
    harmonising: Harmonising,
    fields: tuple[str, ...],
    rows: Iterable[tuple[str, str, Mapping[str, str]]],
) -> LabelledSet:
    askable = {field: _askable(harmonising, field) for field in fields}
    truths: dict[tuple[str, str], list[Truth]] = defaultdict(list)
    for text, cta, raw in rows:
        if text.strip() and raw:
            truths[text, cta].append(_truth(harmonising, askable, raw))
    texts = [Text(*said, found[0]) for said, found in truths.items() if all(each == found[0] for each in found)]
    said_by = "; ".join(
        f"{each}: {harmonising.fields[each].made_by} ({harmonising.fields[each].how_known})" for each in fields
    )
    together: dict[str, Values] = defaultdict(frozenset)
    for of_field in askable.values():
        for dimension, values in of_field.items():
            together[dimension] |= values
    return LabelledSet(name, Basis.MODEL, said_by, tuple(texts), together, len(truths) - len(texts))


def _askable(harmonising: Harmonising, field: str) -> dict[str, Values]:
    """The values that words of the field stand for."""
    found: dict[str, Values] = defaultdict(frozenset)
    for labels in harmonising.fields[field].values.values():
        for dimension, value in labels.items():
            found[dimension] |= {value}
    return found


def _truth(harmonising: Harmonising, askable: Mapping[str, Mapping[str, Values]], raw: Mapping[str, str]) -> Truth:
    """What the words say in every dimension their field can speak of; a word nobody mapped says nothing."""
    found: dict[str, Values] = {}
    for field_name, cell in raw.items():
        words = harmonising.harmonise(field_name, cell)
        if any(each.state is State.UNMAPPED for each in words):
            continue
        for dimension in askable[field_name]:
            said = {value for each in words for name, value in each.labels if name == dimension}
            found[dimension] = found.get(dimension, frozenset()) | said
    return found
