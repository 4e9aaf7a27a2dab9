"""What may be said of a comparison, in one sentence each; and what must be said before and beside it. Pure.

While much of what could be read still waits, nothing is called a difference: what is easy to read comes first, so
shares move until the reading is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.formatting import counted, number, percent
from core.domain.label import is_visual
from core.insights.differences import Verdict
from core.insights.mixes import BrandShares
from core.queries.comparison import FORMAT
from core.queries.filters import UNKNOWN_VALUE
from core.queries.questions import BrandComparison

NOUNS = {"ads": "ad", "concepts": "concept"}
MARKS = {Verdict.HIGHER: "▲", Verdict.LOWER: "▼"}
MOST_WAITING = 0.05  # of what could be read: with more, a difference that is shown today may be none tomorrow
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Withheld:
    """The ``brands`` whose differences aren't told yet, and the ``reason``; both empty once enough is read."""

    brands: frozenset[str] = frozenset()
    reason: str = ""


def waits_too_much(pending: int, read: int) -> bool:
    """Whether more than 5 % waits of what could be read."""
    return pending > MOST_WAITING * (pending + read)


def withheld_of(comparison: BrandComparison) -> Withheld:
    """All brands where too much waits of all or of the focal one, else those of which too much waits."""
    read, everybody = sum(brand.n for brand in comparison.brands), frozenset(one.brand for one in comparison.brands)
    slow = frozenset(brand.brand for brand in comparison.brands if waits_too_much(brand.pending, brand.n))
    noun = NOUNS[comparison.unit]
    if reason := why_withheld(comparison.pending, read, noun):
        return Withheld(everybody, reason)
    if comparison.focal in slow:
        focal = next(brand for brand in comparison.brands if brand.brand == comparison.focal)
        told = f"Of the brand compared with {_waiting(focal.pending, focal.n, noun)}"
        return Withheld(everybody, _until_read(told, "no difference"))
    if slow:
        told = f"Of {counted(len(slow), 'brand')} more than {percent(MOST_WAITING)} wait to be read"
        return Withheld(slow, _until_read(told, "none of their differences"))
    return Withheld()


def why_withheld(pending: int, read: int, noun: str) -> str:
    """Why no difference is told; "" where little enough waits."""
    return _until_read(_waiting(pending, read, noun), "no difference") if waits_too_much(pending, read) else ""


def headline(comparison: BrandComparison, withheld: Withheld) -> str:
    """One sentence, without a name of a brand: that stands beside it."""
    focal = next((brand for brand in comparison.brands if brand.brand == comparison.focal), None)
    if focal is None:
        return "Choose a brand to compare with, and the differences from it are judged."
    if len(comparison.brands) == 1:
        return "There is no other brand to compare with."
    if focal.n < comparison.minimum_n:
        return f"Too few to compare with: {number(focal.n)} read, and it takes {comparison.minimum_n}."
    if withheld.brands >= {brand.brand for brand in comparison.brands}:
        return "Whether the brands differ isn't told yet."
    return _judged(comparison, withheld)


def cautions(comparison: BrandComparison) -> Iterator[str]:
    """What stands directly below the headline, because it may be all that the headline tells of."""
    if unclear := sum(_is_mostly_unknown(brand) for brand in comparison.brands):
        yield (
            f"Unknown in more than half of what was read, for {counted(unclear, 'brand')}: a difference may lie in how "
            "well the brands' ads can be read, and what is unknown may hide others."
        )


def read_in(dimension: str) -> str:
    """In what the labels of a dimension were read, and so what they can't tell."""
    if dimension == FORMAT:
        return "declared by the source of each ad, not read."
    if is_visual(dimension):
        return "read in the cover picture alone, not in the ad's words."
    return "read in the ad's words alone (copy, title, button); what stands only on the picture isn't counted."


def _judged(comparison: BrandComparison, withheld: Withheld) -> str:
    told = [brand for brand in comparison.brands if brand.brand not in withheld.brands]
    judged = [
        (value, cell.verdict in MARKS)
        for brand in told
        for value, cell in brand.differences.items()
        if cell.p_value is not None
    ]
    if not judged:
        return "The other brands have too few to say anything of differences."
    shown = [value for value, is_shown in judged if is_shown]
    doubtful = sum(value in comparison.values_below_bar for value in shown)
    if not shown:
        return f"No difference shown in any of {number(len(judged))} cells."
    besides = f" ({number(doubtful)} of them in labels below their bar)" if doubtful else ""
    return (
        f"{counted(len(shown), 'difference')} shown among {number(len(judged))} cells{besides}; of the others: no "
        "difference shown, which isn't the same as no difference."
    )


def _waiting(pending: int, read: int, noun: str) -> str:
    readable = pending + read
    return f"{number(pending)} of {counted(readable, noun)} ({percent(pending / readable)}) wait to be read"


def _until_read(told: str, nothing: str) -> str:
    return (
        f"{told}. What is easy to read comes first, so these shares will move: {nothing} is called shown until at most "
        f"{percent(MOST_WAITING)} wait."
    )


def _is_mostly_unknown(brand: BrandShares) -> bool:
    return (brand.shares[UNKNOWN_VALUE].share or 0) > _HALF
