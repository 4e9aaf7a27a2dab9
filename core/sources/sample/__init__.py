"""The sample market: invented brands, their ads and pictures, and the truth planted in them."""

from core.sources.sample.brands import SampleBrand, SamplePage
from core.sources.sample.market import SampleMarket
from core.sources.sample.plan import BrandDifference, LongevityEffect, PlantedEffects
from core.sources.sample.source import SampleMediaFetcher, SampleSource

__all__ = [
    "BrandDifference",
    "LongevityEffect",
    "PlantedEffects",
    "SampleBrand",
    "SampleMarket",
    "SampleMediaFetcher",
    "SamplePage",
    "SampleSource",
]
