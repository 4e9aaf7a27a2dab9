"""The ads of one sample brand: concepts, their variants, when each runs and which pictures it shows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate

from core.domain.ad import AdFormat, AdVersion
from core.domain.media import MediaRef, MediaRole
from core.sources.sample import copywriter
from core.sources.sample.artwork import HEADLINE_LANGUAGES, TEMPLATES
from core.sources.sample.brands import SampleBrand, SamplePage
from core.sources.sample.locales import LOCALES
from core.sources.sample.plan import LAUNCHES_BY_MONTH, Brief, chance, draw_brief, draw_days

_DAYS_PER_MONTH = 30.44
_GROWTH = 1.5  # launches per day at the end of the history, beside 1.0 at its start
_EDIT_WINDOW_DAYS = 14  # edits happen in the last days before as_of, so that two scans show them
_EDITED = 0.16  # of the ads that run through that window: about 3 % of all
_WITHDRAWN = 0.25  # of the ads that end in that window the library stops showing
_SAME_COPY, _SEVERAL_VERSIONS, _OTHER_SIZE, _PARTNER = 0.3, 0.07, 0.2, 0.12
_VARIANTS = {1: 0.14, 2: 0.16, 3: 0.14, 4: 0.13, 5: 0.11, 6: 0.1, 8: 0.1, 11: 0.07, 16: 0.05}
_BUTTONS = {
    "shop_now": "Shop now", "learn_more": "Learn more", "sign_up": "Sign up", "install": "Install now",
    "subscribe": "Subscribe", "book": "Book now", "get_offer": "Get offer", "watch": "Watch video",
    "contact": "Contact us", "none": "",
}  # fmt: skip
_PLATFORMS = (
    ("facebook", "instagram"), ("facebook", "instagram"), ("instagram",), ("facebook",),
    ("audience_network", "facebook", "instagram", "messenger"), ("facebook", "instagram", "threads"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SampleAd:
    """One ad, its whole run, and the brief it was written to. Dates are inclusive; ``run_end`` may lie ahead."""

    external_id: str
    concept_id: str
    brief: Brief
    language: str
    page: SamplePage
    countries: tuple[str, ...]
    media: tuple[MediaRef, ...]
    versions: tuple[AdVersion, ...]
    run_start: date
    written_on: date  # ``versions``; those of an edit are written for ``run_start``
    run_end: date
    first_seen: date
    edited_on: date | None = None
    edited_versions: tuple[AdVersion, ...] = ()
    is_withdrawn: bool = False

    def is_shown(self, on: date) -> bool:
        """Whether the library shows the ad that day: running or ended, but not withdrawn after its end."""
        return self.first_seen <= on and not (self.is_withdrawn and on > self.run_end)

    def versions_on(self, on: date) -> tuple[AdVersion, ...]:
        """What the ad says that day."""
        return self.edited_versions if self.edited_on and on >= self.edited_on else self.versions


@dataclass(frozen=True, slots=True)
class _Concept:
    number: int
    brand: SampleBrand
    brief: Brief
    language: str
    page: SamplePage
    template: str
    launched: date
    size: int


def brand_ads(brand: SampleBrand, *, seed: int, as_of: date, months: int, ads: int) -> tuple[SampleAd, ...]:
    """All ads of the brand, launched in the ``months`` up to ``as_of``; the same arguments give the same ads."""
    rng = random.Random(f"{seed}:{brand.slug}")  # noqa: S311 (sample data must repeat)
    made: list[SampleAd] = []
    for concept in _concepts(rng, brand, as_of=as_of, months=months, ads=ads):
        made += _variants(rng, concept, first_number=len(made), as_of=as_of)
    return tuple(made)


def _concepts(rng: random.Random, brand: SampleBrand, *, as_of: date, months: int, ads: int) -> Iterator[_Concept]:
    days = [as_of - timedelta(days=n) for n in reversed(range(1, round(months * _DAYS_PER_MONTH)))]
    busy = LAUNCHES_BY_MONTH[brand.industry]
    rising = (1 + (_GROWTH - 1) * n / len(days) for n in range(len(days)))
    weights = list(accumulate(busy.get(day.month, 1.0) * growth for day, growth in zip(days, rising, strict=True)))
    number = 0
    while ads > 0:
        launched = rng.choices(days, cum_weights=weights)[0]
        brief = draw_brief(rng, brand, launched)
        size = min(ads, rng.choices(list(_VARIANTS), list(_VARIANTS.values()))[0])
        language = rng.choices(list(brand.languages), list(brand.languages.values()))[0]
        page = rng.choice(brand.pages[1:]) if brand.pages[1:] and chance(rng, _PARTNER) else brand.page
        yield _Concept(number, brand, brief, language, page, _template(rng, brief), launched, size)
        number, ads = number + 1, ads - size


def _template(rng: random.Random, brief: Brief) -> str:
    if brief.format == "video":
        return "poster"
    if brief.format == "carousel":
        return "card"
    if brief.hook == "testimonial" and chance(rng, 0.5):
        return "quote"
    if {"percent_off", "money_off"} & set(brief.offers) and chance(rng, 0.6):
        return "sale"
    return {"premium": "minimal", "playful": "dots"}.get(brief.tone) or rng.choice(("hero", "split", "stage"))


def _variants(rng: random.Random, concept: _Concept, *, first_number: int, as_of: date) -> Iterator[SampleAd]:
    first: tuple[tuple[AdVersion, ...], date] | None = None
    for variant in range(concept.size):
        start = min(as_of, concept.launched + timedelta(days=rng.randint(0, 21) if variant else 0))
        versions, written_on = first if first and chance(rng, _SAME_COPY) else (_versions(rng, concept, start), start)
        first = first or (versions, written_on)
        ad = SampleAd(
            external_id=f"{concept.brand.slug}-{first_number + variant + 1:05d}",
            concept_id=f"{concept.brand.slug}-c{concept.number:04d}",
            brief=concept.brief,
            language=concept.language,
            page=concept.page,
            countries=_countries(rng, concept.language),
            media=_media(rng, concept),
            versions=versions,
            run_start=start,
            written_on=written_on,
            run_end=start + timedelta(days=draw_days(rng, concept.brief) - 1),
            first_seen=min(as_of, start + timedelta(days=rng.randint(0, 1))),
        )
        yield _with_recent_events(rng, ad, concept, as_of)


def _with_recent_events(rng: random.Random, ad: SampleAd, concept: _Concept, as_of: date) -> SampleAd:
    """Edits and withdrawals of the last days."""
    window = as_of - timedelta(days=_EDIT_WINDOW_DAYS)
    luck, day = rng.random(), as_of - timedelta(days=rng.randrange(_EDIT_WINDOW_DAYS))
    if ad.first_seen <= window and ad.run_end >= as_of and luck < _EDITED:
        return replace(ad, edited_on=day, edited_versions=_versions(rng, concept, ad.run_start))
    return replace(ad, is_withdrawn=window <= ad.run_end < as_of and luck < _WITHDRAWN)


def _versions(rng: random.Random, concept: _Concept, day: date) -> tuple[AdVersion, ...]:
    count = rng.randint(2, 3) if chance(rng, _SEVERAL_VERSIONS) else 1
    platforms = rng.choice(_PLATFORMS)
    return tuple(_version(rng, concept, day, platforms, key="" if count == 1 else str(n)) for n in range(count))


def _version(rng: random.Random, concept: _Concept, day: date, platforms: tuple[str, ...], *, key: str) -> AdVersion:
    copy = copywriter.write(rng, concept.brief, concept.brand, concept.language, day)
    return AdVersion(
        copy=copy.text,
        title=copy.title,
        description=copy.description,
        cta=_BUTTONS[concept.brief.cta],
        landing_url=f"https://{concept.brand.slug}.example/{rng.choice(('shop', 'start', 'new', concept.language))}",
        format=AdFormat(concept.brief.format),
        platforms=platforms,
        version_key=key,
    )


def _countries(rng: random.Random, language: str) -> tuple[str, ...]:
    known = LOCALES[language].countries
    return tuple(sorted(rng.sample(known, rng.randint(1, len(known)))))


def _media(rng: random.Random, concept: _Concept) -> tuple[MediaRef, ...]:
    slug = concept.brand.slug
    if concept.page.shows_only_avatar:
        return (MediaRef(MediaRole.IMAGE, f"sample://{slug}/avatar-{concept.brand.pages.index(concept.page)}.png"),)
    if concept.brief.format == "text":
        return ()
    language = concept.language if concept.language in HEADLINE_LANGUAGES else "en"
    stem = f"sample://{slug}/{concept.template}-{language}-{concept.number}"
    kind = TEMPLATES[concept.template].extension
    if concept.brief.format == "carousel":
        cards = range(3 + concept.number % 2)
        return tuple(MediaRef(MediaRole.IMAGE, f"{stem}-{card}.{kind}", position=card) for card in cards)
    role = MediaRole.POSTER if concept.brief.format == "video" else MediaRole.IMAGE
    size = int(chance(rng, _OTHER_SIZE))
    return (MediaRef(role, f"{stem}-{size}.{kind}"),)
