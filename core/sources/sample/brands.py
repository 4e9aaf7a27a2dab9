"""The invented brands of the sample market, and what makes each of them different."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Colour = tuple[int, int, int]

RUNNING = "running shoes"
MEALS = "meal kits"
INDUSTRIES = (RUNNING, MEALS)
# The section of the phrase tables that speaks of an industry.
TABLE_OF_INDUSTRY = {RUNNING: "running", MEALS: "meals"}
SOLD_BY = {RUNNING: "footwear", MEALS: "food_or_drink"}


@dataclass(frozen=True, slots=True)
class Leaning:
    """A planted preference: the probability that a concept of the brand carries ``value`` as its main value."""

    dimension: str  # "hook", "offer", "cta", "tone", "theme", "audience" or "format"
    value: str
    share: float  # in (0, 1)


@dataclass(frozen=True, slots=True)
class SamplePage:
    """A page that runs ads of a brand. A partner page belongs to somebody else."""

    page_id: str
    name: str
    is_partner: bool = False
    shows_only_avatar: bool = False  # the library gives the page's picture in place of the creative


@dataclass(frozen=True, slots=True)
class SampleBrand:
    """An invented brand. Its slug is its name in lower case."""

    name: str
    industry: str
    products: tuple[str, ...]
    languages: Mapping[str, float]  # ISO 639-1 → weight
    palette: tuple[Colour, Colour, Colour]  # dark, main, accent
    pages: tuple[SamplePage, ...]
    leanings: tuple[Leaning, ...] = ()
    volume: float = 1.0  # relative number of ads

    @property
    def slug(self) -> str:
        """Lower case, ASCII."""
        return self.name.lower()

    @property
    def page(self) -> SamplePage:
        """The brand's own page."""
        return self.pages[0]


_WORLD = {"en": 0.62, "de": 0.12, "es": 0.09, "fr": 0.07, "pt": 0.04, "ja": 0.03, "ko": 0.02, "hi": 0.01}
_EUROPE = {"en": 0.55, "de": 0.25, "fr": 0.12, "es": 0.08}
_AMERICAS = {"en": 0.66, "es": 0.18, "pt": 0.16}
_ASIA = {"en": 0.6, "ja": 0.14, "ko": 0.12, "hi": 0.14}


def _own(number: int, name: str) -> SamplePage:
    return SamplePage(f"90010000{number:04d}", name)


def _partner(number: int, name: str, *, shows_only_avatar: bool = False) -> SamplePage:
    return SamplePage(f"90020000{number:04d}", name, is_partner=True, shows_only_avatar=shows_only_avatar)


BRANDS: tuple[SampleBrand, ...] = (
    SampleBrand(
        "Northtrail", RUNNING, ("Gale 3", "Ridgeline", "Fjord Low", "Scree GT", "Bivouac"), _WORLD,
        ((16, 42, 67), (36, 113, 163), (255, 159, 28)), (_own(1, "Northtrail"), _partner(1, "Mira on the Trail")),
        (Leaning("offer", "percent_off", 0.55),), volume=1.3,
    ),
    SampleBrand(
        "Veluno", RUNNING, ("Aria", "Notturno", "Corsa Uno", "Sella", "Lume"), _EUROPE,
        ((24, 24, 27), (82, 82, 91), (212, 175, 106)), (_own(2, "Veluno"),),
        (Leaning("tone", "premium", 0.55), Leaning("offer", "none", 0.85)), volume=0.8,
    ),
    SampleBrand(
        "Pacelark", RUNNING, ("Chirp", "Hoppity 2", "Wren", "Magpie", "Skylark"), _AMERICAS,
        ((76, 29, 149), (236, 72, 153), (250, 204, 21)),
        (_own(3, "Pacelark"), _partner(2, "Jogging with Jonah", shows_only_avatar=True)),
        (Leaning("tone", "playful", 0.6),), volume=1.1,
    ),
    SampleBrand(
        "Kestrun", RUNNING, ("Talon", "Hover 5", "Updraft", "Strix", "Pinion"), _WORLD,
        ((6, 78, 59), (16, 185, 129), (163, 230, 53)), (_own(4, "Kestrun"),),
    ),
    SampleBrand(
        "Tarnfell", RUNNING, ("Cairn", "Beck 2", "Heather", "Crag", "Wether"), _WORLD,
        ((30, 41, 59), (71, 105, 150), (248, 113, 113)), (_own(5, "Tarnfell"),),
    ),
    SampleBrand(
        "Ombrafoot", RUNNING, ("Moss", "Lichen", "Fern 1", "Bracken", "Sorrel"), _EUROPE,
        ((54, 63, 28), (132, 155, 80), (233, 196, 106)), (_own(6, "Ombrafoot"),),
        (Leaning("theme", "sustainability", 0.5),), volume=0.8,
    ),
    SampleBrand(
        "Spoonvale", MEALS, ("Copper Box", "Juniper Box", "Hearth Box", "Lantern Box"), _WORLD,
        ((124, 45, 18), (234, 88, 12), (253, 224, 71)), (_own(7, "Spoonvale"),),
        (Leaning("offer", "money_off", 0.5),), volume=1.2,
    ),
    SampleBrand(
        "Brothwick", MEALS, ("Ladle Box", "Thyme Box", "Stockpot", "Gather Box"), _EUROPE,
        ((69, 26, 3), (180, 83, 9), (254, 243, 199)),
        (_own(8, "Brothwick"), _partner(3, "Four at Our Table", shows_only_avatar=True)),
        (Leaning("audience", "parents", 0.5),),
    ),
    SampleBrand(
        "Pantrova", MEALS, ("Nova Box", "Orbit Box", "Comet Box", "Halo Box"), _AMERICAS,
        ((49, 46, 129), (99, 102, 241), (251, 146, 60)), (_own(9, "Pantrova"),),
        (Leaning("hook", "testimonial", 0.45),),
    ),
    SampleBrand(
        "Tablewren", MEALS, ("Nest Box", "Feather Box", "Branch Box", "Dawn Box"), _WORLD,
        ((19, 78, 74), (20, 184, 166), (253, 186, 116)), (_own(10, "Tablewren"),),
        (Leaning("format", "video", 0.6),), volume=1.1,
    ),
    SampleBrand(
        "Mintoven", MEALS, ("Sage Box", "Basil Box", "Clover Box", "Fennel Box"), _ASIA,
        ((20, 83, 45), (34, 197, 94), (254, 240, 138)), (_own(11, "Mintoven"),),
        (Leaning("theme", "health", 0.5),), volume=0.9,
    ),
    SampleBrand(
        "Dillumo", MEALS, ("Lumo Box", "Ember Box", "Tidal Box", "Harvest Box"), _ASIA,
        ((88, 28, 135), (192, 38, 211), (134, 239, 172)), (_own(12, "Dillumo"),),
        (Leaning("cta", "subscribe", 0.5),), volume=0.8,
    ),
)  # fmt: skip

# Two brands with the same distributions of everything: any difference found between them is chance.
NULL_PAIR = ("kestrun", "tarnfell")
