"""The sample market: invented brands and their ads, the same for a seed and a day, with the truth kept beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from core.domain.ad import AdRecord
from core.errors import NotFoundError
from core.sources.records import labelled_text, text_hash
from core.sources.sample.ads import SampleAd, brand_ads
from core.sources.sample.brands import BRANDS, INDUSTRIES, SOLD_BY, SampleBrand
from core.sources.sample.plan import PLANTED_EFFECTS, PlantedEffects

Truth = dict[str, dict[str, list[str]]]
CHANNEL = "sample"
_BRANDS_BY_SLUG = {brand.slug: brand for brand in BRANDS}


@dataclass(frozen=True, slots=True)
class SampleMarket:
    """A market of invented brands over ``months`` months up to ``as_of``, of about ``ads`` ads.

    Building it costs nothing: the ads of a brand are written when they are first asked for.
    """

    as_of: date
    seed: int = 7
    ads: int = 2_500
    months: int = 18

    @property
    def brands(self) -> tuple[SampleBrand, ...]:
        """The invented brands."""
        return BRANDS

    @property
    def industries(self) -> tuple[str, ...]:
        """The industries the brands compete in."""
        return INDUSTRIES

    @property
    def planted_effects(self) -> PlantedEffects:
        """What an analysis should find, and the pair of brands where it should find nothing."""
        return PLANTED_EFFECTS

    def brand(self, slug: str) -> SampleBrand:
        """The brand of that slug. Raises NotFoundError."""
        if slug not in _BRANDS_BY_SLUG:
            raise NotFoundError(f"the sample market has no brand {slug!r}; it has {', '.join(_BRANDS_BY_SLUG)}")
        return _BRANDS_BY_SLUG[slug]

    def scan(self, brand_slug: str, on: date) -> Iterator[AdRecord]:
        """What a library would show of the brand on that day. Raises NotFoundError."""
        brand = self.brand(brand_slug)
        return (_record(ad, brand, on) for ad in _ads(self, brand_slug) if ad.is_shown(on))

    def truth(self, brand_slug: str | None = None) -> Truth:
        """Hash of the labelled text → dimension → values, for every text of the brand (or of all brands)."""
        slugs = [self.brand(brand_slug).slug] if brand_slug else list(_BRANDS_BY_SLUG)
        return {
            text_hash(labelled_text(version)): ad.brief.truth(ad.language, SOLD_BY[_BRANDS_BY_SLUG[slug].industry], day)
            for slug in slugs
            for ad in self._ads(slug)
            for versions, day in ((ad.versions, ad.written_on), (ad.edited_versions, ad.run_start))
            for version in versions
        }

    def concepts(self, brand_slug: str | None = None) -> dict[str, str]:
        """``external_id`` → id of the concept the ad is a variant of."""
        return {ad.external_id: ad.concept_id for ad in self._ads(brand_slug)}

    def media_urls(self, brand_slug: str) -> frozenset[str]:
        """Every media URL that an ad of the brand declares; empty for a brand that isn't of this market."""
        return _media_urls(self, brand_slug)

    def _ads(self, brand_slug: str | None) -> Iterator[SampleAd]:
        slugs = [self.brand(brand_slug).slug] if brand_slug else list(_BRANDS_BY_SLUG)
        return (ad for slug in slugs for ad in _ads(self, slug))


# One market with room to spare: an entry is one brand's ads.
@lru_cache(maxsize=64)
def _ads(market: SampleMarket, slug: str) -> tuple[SampleAd, ...]:
    return brand_ads(
        _BRANDS_BY_SLUG[slug],
        seed=market.seed,
        as_of=market.as_of,
        months=market.months,
        ads=_share_of_ads(market.ads, slug),
    )


@lru_cache(maxsize=64)
def _media_urls(market: SampleMarket, slug: str) -> frozenset[str]:
    if slug not in _BRANDS_BY_SLUG:
        return frozenset()
    return frozenset(medium.url for ad in _ads(market, slug) for medium in ad.media if medium.url)


def _share_of_ads(total: int, slug: str) -> int:
    """Ads of the brand: rounded so that the brands' numbers add up to the total."""
    volumes = [brand.volume for brand in BRANDS]
    place = [brand.slug for brand in BRANDS].index(slug)
    upto = [round(total * sum(volumes[:n]) / sum(volumes)) for n in (place, place + 1)]
    return upto[1] - upto[0]


def _record(ad: SampleAd, brand: SampleBrand, on: date) -> AdRecord:
    is_active = on <= ad.run_end
    versions = ad.versions_on(on)
    return AdRecord(
        channel=CHANNEL,
        external_id=ad.external_id,
        brand_name=brand.name,
        scanned_on=on,
        versions=versions,
        page_id=ad.page.page_id,
        page_name=ad.page.name,
        library_url=f"https://ads.sample.example/ad/{ad.external_id}",
        first_seen=ad.first_seen,
        last_seen=min(ad.run_end, on),
        run_start=ad.run_start,
        run_end=None if is_active else ad.run_end,
        source_says_active=is_active,
        countries=ad.countries,
        media=ad.media,
        attributes={"sample": True, "industry": brand.industry, "is_partner_page": ad.page.is_partner},
        raw={
            "sample_data": True,
            "id": ad.external_id,
            "page_id": ad.page.page_id,
            "bodies": [version.copy for version in versions],
            "titles": [version.title for version in versions],
            "started": ad.run_start.isoformat(),
            "stopped": None if is_active else ad.run_end.isoformat(),
        },
    )
