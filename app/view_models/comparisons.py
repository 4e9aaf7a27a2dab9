"""Brands beside each other: shares of each brand's own ads, with n and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.formatting import counted, number, value_name, words
from core.insights.mixes import LabelMix, compare
from core.insights.proportions import Share
from core.queries.comparison import Launches
from core.queries.filters import UNKNOWN_VALUE

MAX_BRANDS = 10  # on one screen
MAX_VALUES = 14
SMALL_SAMPLE = 30  # ads; below it a share says little

DIMENSIONS: Mapping[str, str] = {
    "hook": "Hook: how the opening line catches the reader",
    "offer": "Offer: what is promised for buying now",
    "cta": "Call to action",
    "tone": "Tone of voice",
    "theme": "Theme: what the ad talks about",
    "audience": "Audience: who is spoken to",
    "language": "Language of the copy",
    "format": "Format, as the source declares it",
}


@dataclass(frozen=True, slots=True)
class BrandSample:
    """A brand and the ads its shares are of. ``name`` is data."""

    slug: str
    name: str
    n: int
    pending: int

    @property
    def is_small(self) -> bool:
        """Whether the shares rest on few ads."""
        return self.n < SMALL_SAMPLE


@dataclass(frozen=True, slots=True)
class Mix:
    """``shares[brand slug][value]``; ``values`` are (value, name), most ads first and unknown last."""

    title: str
    brands: tuple[BrandSample, ...]
    values: tuple[tuple[str, str], ...]
    shares: Mapping[str, Mapping[str, Share]]
    several: bool
    waiting: int  # ads with a text that has no label yet
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
    notes: tuple[str, ...]


def make_mix(mix: LabelMix, names: Mapping[str, str], *, dimension: str) -> Mix:
    """Shares of the ads that were read; ads that wait or have no text are in no share."""
    comparison = compare(mix)
    shown = comparison.brands[:MAX_BRANDS]
    values = [value for value in comparison.values[:-1] if any(brand.shares[value].count for brand in shown)]
    listed = [(value, value_name(dimension, value)) for value in values[:MAX_VALUES]]
    listed.append((UNKNOWN_VALUE, "Unknown"))
    several = any(brand.several for brand in shown)
    samples = tuple(BrandSample(item.brand, names.get(item.brand, item.brand), item.n, item.pending) for item in shown)
    return Mix(
        title=DIMENSIONS.get(dimension, words(dimension)),
        brands=samples,
        values=tuple(listed),
        shares={brand.brand: {value: brand.shares[value] for value, _ in listed} for brand in shown},
        several=several,
        waiting=sum(brand.pending for brand in mix.brands),
        notes=tuple(_mix_notes(mix, samples, len(values[MAX_VALUES:]) + comparison.values_left_out, several)),
    )


def make_launches(launches: Launches, names: Mapping[str, str]) -> LaunchTimeline:
    """The brands with most ads, up to ten."""
    shown = launches.brands[:MAX_BRANDS]
    dated, seen = sum(brand.dated_by_source for brand in shown), sum(brand.dated_by_first_seen for brand in shown)
    note = f"By first run date where the source says it ({number(dated)} ads), else by first seen ({number(seen)})."
    notes = [note, "An ad that ended before the first scan was never seen: early months are a lower bound."]
    if earlier := sum(brand.earlier for brand in shown):
        notes.append(f"{counted(earlier, 'ad', 'ads')} started before the first month shown.")
    series = (
        LaunchSeries(brand.brand, names.get(brand.brand, brand.brand), brand.ads, brand.points) for brand in shown
    )
    return LaunchTimeline(tuple(series), tuple(notes))


def _mix_notes(mix: LabelMix, samples: Sequence[BrandSample], values_left_out: int, several: bool) -> list[str]:
    notes = ["Percent of each brand's own labelled ads, with 95 % Wilson intervals (on hover, too)."]
    if silent := sum(brand.without_text for brand in mix.brands):
        notes.append(f"{counted(silent, 'ad', 'ads')} without text to label: in no share and no n.")
    if waiting := sum(not brand.read and brand.pending > 0 for brand in mix.brands):
        notes.append(f"{counted(waiting, 'brand waits', 'brands wait')} to be labelled and can't be shown yet.")
    if any(brand.pending for brand in mix.brands):
        notes.append("Labelling isn't finished. What is easy to label comes first, so these shares will still move.")
    if several:
        notes.append("An ad may have several values, so a brand's shares can add up to more than 100 %.")
    if small := [sample for sample in samples if sample.is_small]:
        notes.append(
            f"{counted(len(small), 'brand has', 'brands have')} under {SMALL_SAMPLE} ads labelled: "
            "their shares say little."
        )
    if values_left_out > 0:
        notes.append(f"{counted(values_left_out, 'rarer value')} left out.")
    if mix.brands_left_out:
        notes.append(f"{counted(mix.brands_left_out, 'brand')} with fewer ads left out.")
    return notes
