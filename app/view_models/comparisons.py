"""Brands beside each other: shares of each brand's own, with n, how sure they are, and what may be said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.formatting import counted, dimension_name, number, percent, points, value_name
from app.view_models.sayings import MARKS, NOUNS, Withheld, cautions, headline, read_in, withheld_of
from core.insights.differences import Difference, Verdict
from core.insights.mixes import BrandShares
from core.insights.proportions import Share
from core.queries.comparison import Launches
from core.queries.filters import UNKNOWN_VALUE
from core.queries.questions import BrandComparison

MAX_BRANDS = 10  # on one screen
MAX_VALUES = 30
_FINDINGS = 6


@dataclass(frozen=True, slots=True)
class BrandSample:
    """A brand and what its shares are of. ``name`` is data; where ``is_few`` or ``is_withheld`` nothing is said of its
    differences: few were read, or too many wait to be.
    """

    slug: str
    name: str
    n: int
    pending: int
    is_focal: bool
    is_few: bool
    is_withheld: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in the matrix (``text``), and what is told when it is pointed at (``said``, ours but for numbers)."""

    share: Share
    difference: Difference | None
    mark: str
    text: str
    said: str


@dataclass(frozen=True, slots=True)
class Row:
    """A value. ``note`` says that few or none use it; ``below_bar`` why its labels aren't to be trusted."""

    value: str
    name: str
    note: str
    below_bar: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference that is shown: ``text`` is ours, ``brand`` a slug."""

    brand: str
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """``cells[brand slug, value]``. Brands: the focal one first, then most units first.

    ``warning``: why differences are withheld. ``findings`` are none where the whole dimension is below its bar.
    """

    dimension: str
    title: str
    definition: str
    read_in: str
    noun: str
    focal: BrandSample | None
    brands: tuple[BrandSample, ...]
    rows: tuple[Row, ...]
    cells: Mapping[tuple[str, str], Cell]
    warning: str
    headline: str
    cautions: tuple[str, ...]
    findings: tuple[Finding, ...]
    below_bar: str | None
    waiting: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LaunchSeries:
    """One brand's launches. ``points`` share their months with the other brands."""

    slug: str
    name: str
    n: int
    points: tuple[tuple[date, int], ...]


@dataclass(frozen=True, slots=True)
class LaunchTimeline:
    """``notes`` say what the dates are."""

    series: tuple[LaunchSeries, ...]
    noun: str
    notes: tuple[str, ...]


def make_matrix(comparison: BrandComparison, names: Mapping[str, str]) -> Matrix:
    """The first ten brands; every value but those beyond thirty."""
    noun, withheld = NOUNS[comparison.unit], withheld_of(comparison)
    shown = sorted(comparison.brands[:MAX_BRANDS], key=lambda brand: brand.brand != comparison.focal)
    samples = tuple(_sample(comparison, brand, names, withheld) for brand in shown)
    focal = next((sample for sample in samples if sample.is_focal), None)
    rows = tuple(_rows(comparison, len(shown)))
    cells = {
        (brand.brand, row.value): _cell(brand, row.value, noun, comparison.confidence, withheld)
        for brand in shown
        for row in rows
    }
    return Matrix(
        dimension=comparison.dimension,
        title=dimension_name(comparison.dimension),
        definition=comparison.definition,
        read_in=read_in(comparison.dimension),
        noun=noun,
        focal=focal,
        brands=samples,
        rows=rows,
        cells=cells,
        warning=withheld.reason,
        headline=headline(comparison, withheld),
        cautions=tuple(cautions(comparison)),
        findings=() if comparison.below_bar else tuple(_findings(samples, rows, cells, focal)),
        below_bar=comparison.below_bar,
        waiting=comparison.pending,
        notes=tuple(_notes(comparison, samples, noun, withheld)),
    )


def make_launches(launches: Launches, names: Mapping[str, str]) -> LaunchTimeline:
    """The brands with most units, up to ten."""
    shown, noun = launches.brands[:MAX_BRANDS], NOUNS[launches.unit]
    dated, seen = sum(brand.dated_by_source for brand in shown), sum(brand.dated_by_first_seen for brand in shown)
    notes = [
        f"By first run date where the source says it ({counted(dated, noun)}), else by first seen ({number(seen)}).",
        "An ad that ended before the first scan was never seen: early months are a lower bound.",
    ]
    if earlier := sum(brand.earlier for brand in shown):
        notes.append(f"{counted(earlier, noun)} started before the first month shown.")
    series = (
        LaunchSeries(brand.brand, names.get(brand.brand, brand.brand), brand.ads, brand.points) for brand in shown
    )
    return LaunchTimeline(tuple(series), noun, tuple(notes))


def _sample(
    comparison: BrandComparison, brand: BrandShares, names: Mapping[str, str], withheld: Withheld
) -> BrandSample:
    return BrandSample(
        slug=brand.brand,
        name=names.get(brand.brand, brand.brand),
        n=brand.n,
        pending=brand.pending,
        is_focal=brand.brand == comparison.focal,
        is_few=brand.n < comparison.minimum_n,
        is_withheld=brand.brand in withheld.brands,
    )


def _rows(comparison: BrandComparison, brands: int) -> Iterator[Row]:
    for value in comparison.values[:-1][:MAX_VALUES]:
        used = comparison.used_by.get(value, 0)
        is_space = value in comparison.whitespace and brands > 1
        note = "" if not is_space else "nobody" if not used else counted(used, "brand") + " only"
        name = value_name(comparison.dimension, value)
        yield Row(value, name, note, comparison.values_below_bar.get(value))
    yield Row(UNKNOWN_VALUE, "Unknown", "", None)


def _cell(brand: BrandShares, value: str, noun: str, confidence: float, withheld: Withheld) -> Cell:
    share, apart = brand.shares[value], brand.differences.get(value)
    if share.share is None or share.low is None or share.high is None:
        return Cell(share, apart, "", "", f"no {noun}s")
    is_withheld = brand.brand in withheld.brands
    mark = MARKS.get(apart.verdict, "") if apart and not is_withheld else ""
    of = f"{number(share.count)} of {counted(share.n, noun)}"
    interval = f"{confidence:.0%}".replace("%", " %") + f" interval {percent(share.low)} to {percent(share.high)}"
    said = f"<b>{percent(share.share)}</b><br>{of}<br>{interval}"
    if apart is not None:
        said += f"<br>{_verdict(apart, is_withheld=is_withheld)}"
    return Cell(share, apart, mark, f"{percent(share.share)} {mark}".rstrip(), said)


def _verdict(apart: Difference, *, is_withheld: bool) -> str:
    if apart.difference is None or apart.low is None or apart.high is None:
        return "nothing to compare with"
    span = f"{points(apart.difference)} points ({points(apart.low)} to {points(apart.high)})"
    if is_withheld:
        return f"too much waits to be read: {span}"
    if apart.verdict is Verdict.TOO_FEW:
        return f"too few to say: {span}"
    if apart.verdict is Verdict.NOT_SHOWN:
        return f"no difference shown: {span}"
    return f"{MARKS[apart.verdict]} {apart.verdict.value}: {span}"


def _findings(
    samples: Sequence[BrandSample],
    rows: Sequence[Row],
    cells: Mapping[tuple[str, str], Cell],
    focal: BrandSample | None,
) -> list[Finding]:
    """The largest differences that are shown, of labels that aren't below their bar."""
    if focal is None:
        return []
    found = []
    for sample in samples:
        for row in (row for row in rows if not row.below_bar):
            cell = cells[sample.slug, row.value]
            apart = cell.difference
            if cell.mark and apart and apart.difference is not None:
                text = f"{row.name} {_against(cell, cells[focal.slug, row.value])}"
                found.append((abs(apart.difference), Finding(sample.slug, row.value, text)))
    found.sort(key=lambda pair: -pair[0])
    return [finding for _, finding in found[:_FINDINGS]]


def _against(cell: Cell, focal: Cell) -> str:
    apart = cell.difference
    if apart is None or apart.difference is None or apart.low is None or apart.high is None:
        return ""
    span = f"{points(apart.difference)} points, interval {points(apart.low)} to {points(apart.high)}"
    return f"{cell.mark} {percent(cell.share.share or 0)} against {percent(focal.share.share or 0)} ({span})"


def _notes(comparison: BrandComparison, samples: Sequence[BrandSample], noun: str, withheld: Withheld) -> Iterator[str]:
    yield f"Percent of each brand's own {noun}s that were read; intervals are Wilson's, differences Newcombe's."
    if comparison.focal:
        rate = f"{comparison.false_discovery_rate:.0%}".replace("%", " %")
        yield (
            f"Marks: Fisher's mid-p test, corrected for all {number(comparison.cells_tested)} cells "
            f"(Benjamini–Hochberg): on average at most {rate} of the marks are wrong. An interval is of its cell alone."
        )
    for value, reason in comparison.values_below_bar.items():
        yield f"{value_name(comparison.dimension, value)}: labels below their bar ({reason})."
    if small := sum(sample.is_few for sample in samples):
        yield f"{counted(small, 'brand has', 'brands have')} under {comparison.minimum_n} read: too few to say."
    if silent := comparison.without_text:
        yield f"{counted(silent, noun)} with nothing to read: in no share and no n."
    if waiting := comparison.brands_unread:
        yield f"{counted(waiting, 'brand has', 'brands have')} nothing read yet and can't be shown."
    if comparison.pending and not withheld.reason:
        yield "Reading isn't finished. What is easy to read comes first, so these shares will still move."
    if any(brand.several for brand in comparison.brands):
        yield f"One {noun} may have several values, so a brand's shares can add up to more than 100 %."
    if left := len(comparison.values[:-1][MAX_VALUES:]) + comparison.values_left_out:
        yield f"{counted(left, 'rarer value')} left out."
    if left := len(comparison.brands[MAX_BRANDS:]) + comparison.brands_left_out:
        yield f"{counted(left, 'brand')} with fewer {noun}s left out; an export holds 20."
