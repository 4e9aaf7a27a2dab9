"""Writes the sample ads: phrases from the tables of a language, put together as a brief asks.

Every phrase carries one value of one dimension, so the truth of a text follows from the text alone.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from core.sources.sample.brands import MEALS, RUNNING, TABLE_OF_INDUSTRY, SampleBrand
from core.sources.sample.locales import LOCALES, Locale
from core.sources.sample.plan import Brief, chance, season

LANGUAGES = tuple(LOCALES)
_NO_LINE = ("none", "general")
_EMOJIS = {RUNNING: ("👟", "🏃", "🏃‍♀️", "⚡", "🌤️", "✨"), MEALS: ("🍲", "🥕", "🍝", "🌿", "🍋", "✨")}
_HASHTAGS = {RUNNING: ("#running", "#run", "#runners"), MEALS: ("#dinner", "#recipebox", "#cooking")}
_TITLES = ("{product}", "{brand} {product}", "{brand}: {product}", "{product} | {brand}", "{brand}")
_OFFER_TITLES = {
    "percent_off": ("{product} -{percent}%", "-{percent}% | {brand}"),
    "price_point": ("{product} · {price}", "{price} | {product}"),
}


@dataclass(frozen=True, slots=True)
class Copy:
    """The words of one version of an ad; ``title`` and ``description`` may be empty."""

    text: str
    title: str
    description: str


def write(rng: random.Random, brief: Brief, brand: SampleBrand, language: str, launched: date) -> Copy:
    """Write one copy; the same state of ``rng`` gives the same copy."""
    locale = LOCALES[language]
    facts, table = _facts(rng, brand, locale), phrases(language, brand.industry)

    def line(dimension: str, value: str) -> str:
        if value in _NO_LINE:
            return ""
        return str(rng.choice(table[dimension][value])).format_map({**facts, **_details(rng, language, launched)})

    body = [line("tone", brief.tone), line("audience", brief.audience), *(line("theme", it) for it in brief.themes)]
    rng.shuffle(body)
    lines = [line("hook", brief.hook), *body, *(line("offer", it) for it in brief.offers), line("cta", brief.cta)]
    text = _decorate(rng, [it for it in lines if it], brand, locale)
    return Copy(text, _title(rng, brief, facts), f"{brand.slug}.example" if chance(rng, 0.4) else "")


@cache
def phrases(language: str, industry: str) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Phrases by dimension and value: those of the industry and those that fit any."""
    table = read_table(language)
    merged: dict[str, dict[str, tuple[str, ...]]] = {}
    for section in ("any", TABLE_OF_INDUSTRY[industry]):
        for dimension, values in table[section].items():
            for value, lines in values.items():
                known = merged.setdefault(dimension, {})
                known[value] = known.get(value, ()) + tuple(lines)
    return merged


@cache
def read_table(name: str) -> Mapping[str, Any]:
    """One file of ``phrases/``."""
    return tomllib.loads(files(__package__).joinpath("phrases", f"{name}.toml").read_text("utf-8"))


def _facts(rng: random.Random, brand: SampleBrand, locale: Locale) -> dict[str, str]:
    """What stays the same throughout an ad."""
    dollars = rng.randrange(79, 190, 5) if brand.industry == RUNNING else rng.randrange(29, 79, 2)
    percent = str(rng.choice((10, 15, 20, 25, 30, 35, 40, 50)))
    return {
        "brand": brand.name,
        "product": rng.choice(brand.products),
        "percent": percent,
        "code": f"{brand.name[:4].upper()}{rng.choice(('', 'GO', 'HEY', 'X'))}{percent}",
        "money": locale.amount(rng.choice((5, 10, 15, 20, 25, 30, 40, 50))),
        "price": locale.amount(dollars, cents=chance(rng, 0.5)),
        "days": rng.choice(("7", "14", "30", "60")),
    }


def _details(rng: random.Random, language: str, launched: date) -> dict[str, str]:
    """What each phrase draws for itself."""
    locale = LOCALES[language]
    return {
        "n": str(rng.randint(17, 97)),
        "small": str(rng.randint(3, 9)),
        "count": locale.count(rng.randint(12, 980) * 100),
        "km": rng.choice(("5", "8", "10", "21")),
        "minutes": str(rng.randrange(15, 45, 5)),
        "cal": str(rng.randrange(420, 760, 20)),
        "hour": rng.choice(("6:30", "7:00", "7:15", "8:00")),
        "age": str(rng.randint(22, 68)),
        "year": str(rng.randint(2011, 2022)),
        "name": rng.choice(locale.names),
        "city": rng.choice(locale.cities),
        "weekday": rng.choice(locale.weekdays),
        "season": rng.choice(read_table(language)["season"][season(launched)]),
    }


def _decorate(rng: random.Random, lines: list[str], brand: SampleBrand, locale: Locale) -> str:
    lines = [line[:1].upper() + line[1:] for line in lines]
    if chance(rng, 0.4):
        at = rng.randrange(len(lines))
        lines[at] = f"{lines[at]} {rng.choice(_EMOJIS[brand.industry])}"
    separator = rng.choice((locale.space, locale.space, "\n", "\n\n"))
    text = separator.join(lines)
    if chance(rng, 0.25):
        tags = [f"#{brand.name}", *rng.sample(_HASHTAGS[brand.industry], rng.randint(0, 2))]
        text = f"{text}\n{' '.join(tags)}"
    return text


def _title(rng: random.Random, brief: Brief, facts: Mapping[str, str]) -> str:
    if chance(rng, 0.12):
        return ""
    templates = _OFFER_TITLES.get(brief.offers[0], _TITLES) if chance(rng, 0.3) else _TITLES
    return rng.choice(templates).format_map(facts)
