"""What the sample market's ads are made of: label shares, longevity effects and seasons, all planted on purpose."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from core.sources.sample.brands import BRANDS, MEALS, NULL_PAIR, RUNNING, Leaning, SampleBrand

# Shares of the values of each dimension for a brand without leanings; each sums to 1.
BASE_SHARES: Mapping[str, Mapping[str, float]] = {
    "hook": {
        "question": 0.16, "bold_claim": 0.13, "statistic": 0.10, "problem": 0.13, "story": 0.08,
        "how_to": 0.08, "testimonial": 0.12, "announcement": 0.11, "urgency": 0.06, "unknown": 0.03,
    },
    "offer": {
        "none": 0.52, "percent_off": 0.14, "money_off": 0.08, "free_trial": 0.05, "free_shipping": 0.09,
        "bundle": 0.04, "gift": 0.03, "price_point": 0.05,
    },
    "cta": {
        "shop_now": 0.36, "learn_more": 0.22, "none": 0.10, "sign_up": 0.07, "get_offer": 0.07,
        "subscribe": 0.06, "install": 0.04, "watch": 0.04, "book": 0.02, "contact": 0.02,
    },
    "tone": {
        "playful": 0.14, "urgent": 0.10, "inspirational": 0.20, "informative": 0.20, "empathetic": 0.12,
        "premium": 0.08, "direct": 0.16,
    },
    "theme": {
        "price_value": 0.14, "quality": 0.15, "convenience": 0.14, "health": 0.10, "sustainability": 0.08,
        "community": 0.08, "innovation": 0.09, "seasonal": 0.05, "performance": 0.09, "taste": 0.08,
    },
    "audience": {
        "general": 0.52, "beginners": 0.10, "parents": 0.08, "professionals": 0.09, "athletes": 0.08,
        "students": 0.04, "women": 0.04, "men": 0.03, "seniors": 0.02,
    },
    "format": {"image": 0.52, "video": 0.24, "carousel": 0.16, "text": 0.08},
}  # fmt: skip

# How much busier than usual an industry's launches are, by month.
LAUNCHES_BY_MONTH: Mapping[str, Mapping[int, float]] = {
    RUNNING: {1: 1.4, 3: 1.3, 4: 1.4, 6: 1.2, 7: 1.2, 9: 1.1, 11: 2.0, 12: 1.3},
    MEALS: {1: 2.0, 2: 1.2, 7: 0.8, 8: 0.8, 9: 1.4, 11: 1.6, 12: 1.2},
}
_SEASONS = (  # by month
    "new_year", "new_year", "spring", "spring", "spring", "summer",
    "summer", "summer", "autumn", "autumn", "black_friday", "holidays",
)  # fmt: skip
_PEAKS = ("new_year", "black_friday", "holidays")
_SECOND_OFFER = 0.12
_SECOND_THEME = 0.3
_SEASONAL_IN_PEAK = 0.5
_BLACK_FRIDAY_DISCOUNT = 0.4


@dataclass(frozen=True, slots=True)
class Brief:
    """The labels a concept is written to: its planted truth, except for the language."""

    hook: str
    offers: tuple[str, ...]
    cta: str
    tone: str
    themes: tuple[str, ...]
    audience: str
    format: str

    def truth(self, language: str, product_type: str, written_on: date) -> dict[str, list[str]]:
        """Values by dimension, as the label quality report compares them.

        A season is named by the phrases of the theme ``seasonal`` and by no others.
        """
        return {
            "hook": [self.hook],
            "offer": sorted(self.offers),
            "cta": [self.cta],
            "tone": [self.tone],
            "theme": sorted(self.themes),
            "audience": [self.audience],
            "product_type": [product_type],
            "season": [season(written_on) if "seasonal" in self.themes else "none"],
            "language": [language],
        }


@dataclass(frozen=True, slots=True)
class BrandDifference:
    """A brand's planted share of concepts whose main value is ``value``, beside that of a brand without leanings.

    Shares hold outside November: then 40 % of the concepts without an offer get a percentage off, for every brand.
    """

    brand: str
    dimension: str
    value: str
    share: float
    others_share: float


@dataclass(frozen=True, slots=True)
class LongevityEffect:
    """A planted factor on the daily hazard of an ad's end; below 1 ads run longer. Effects multiply."""

    dimension: str
    value: str
    hazard_ratio: float


@dataclass(frozen=True, slots=True)
class PlantedEffects:
    """Everything that an analysis of the sample market should find, and the pair where it should find nothing.

    Days an ad runs follow a Weibull distribution with ``shape`` and ``scale_days`` and proportional hazards.
    """

    differences: tuple[BrandDifference, ...]
    longevity: tuple[LongevityEffect, ...]
    null_pair: tuple[str, str]
    shape: float
    scale_days: float


LONGEVITY = (
    LongevityEffect("hook", "testimonial", 0.5),
    LongevityEffect("hook", "urgency", 1.8),
    LongevityEffect("offer", "percent_off", 1.4),
    LongevityEffect("format", "video", 0.75),
)


def _differences() -> tuple[BrandDifference, ...]:
    return tuple(
        BrandDifference(brand.slug, it.dimension, it.value, it.share, BASE_SHARES[it.dimension][it.value])
        for brand in BRANDS
        for it in brand.leanings
    )


PLANTED_EFFECTS = PlantedEffects(_differences(), LONGEVITY, NULL_PAIR, shape=0.85, scale_days=75.0)


def chance(rng: random.Random, probability: float) -> bool:
    """True with that probability."""
    return rng.random() < probability


def season(day: date) -> str:
    """The season an ad launched on that day speaks of, as the phrase tables name it."""
    return _SEASONS[day.month - 1]


def draw_brief(rng: random.Random, brand: SampleBrand, launched: date) -> Brief:
    """Draw the labels of a concept of the brand."""
    value = {dimension: _draw(rng, dimension, brand.leanings) for dimension in BASE_SHARES}
    offers = _offers(rng, value["offer"], launched)
    return Brief(
        hook=value["hook"],
        offers=offers,
        cta="shop_now" if value["cta"] == "get_offer" and offers == ("none",) else value["cta"],
        tone=value["tone"],
        themes=_themes(rng, value["theme"], launched),
        audience=value["audience"],
        format=value["format"],
    )


def draw_days(rng: random.Random, brief: Brief) -> int:
    """Days an ad of the brief runs, at least 1."""
    carried = {("hook", brief.hook), ("format", brief.format), *(("offer", offer) for offer in brief.offers)}
    hazard = 1.0
    for effect in LONGEVITY:
        hazard *= effect.hazard_ratio if (effect.dimension, effect.value) in carried else 1.0
    shape, scale = PLANTED_EFFECTS.shape, PLANTED_EFFECTS.scale_days
    return max(1, round(scale * math.pow(rng.expovariate(1.0) / hazard, 1 / shape)))


def _draw(rng: random.Random, dimension: str, leanings: tuple[Leaning, ...]) -> str:
    shares = dict(BASE_SHARES[dimension])
    for leaning in leanings:
        if leaning.dimension == dimension:
            rest = (1 - leaning.share) / (1 - shares[leaning.value])
            shares = {value: share * rest for value, share in shares.items()} | {leaning.value: leaning.share}
    return rng.choices(list(shares), list(shares.values()))[0]


def _offers(rng: random.Random, main: str, launched: date) -> tuple[str, ...]:
    if main == "none" and season(launched) == "black_friday" and chance(rng, _BLACK_FRIDAY_DISCOUNT):
        main = "percent_off"
    if main != "none" and chance(rng, _SECOND_OFFER):
        return tuple(dict.fromkeys((main, rng.choice(("free_shipping", "gift")))))
    return (main,)


def _themes(rng: random.Random, main: str, launched: date) -> tuple[str, ...]:
    themes = [main]
    if season(launched) in _PEAKS and chance(rng, _SEASONAL_IN_PEAK):
        themes.append("seasonal")
    elif chance(rng, _SECOND_THEME):
        themes.append(_draw(rng, "theme", ()))
    return tuple(dict.fromkeys(themes))
