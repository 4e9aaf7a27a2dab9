"""The sample market as a source and as a place to fetch media from."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO

from core.domain.ad import AdRecord
from core.domain.media import MediaStatus
from core.errors import MediaProblemError
from core.ports import FetchedMedia
from core.sources.sample.artwork import TEMPLATES, Scene, render, render_avatar
from core.sources.sample.market import CHANNEL, SampleMarket
from core.sources.sample.plan import chance

_URL = re.compile(
    r"sample://(?P<slug>[a-z]+)/(?P<template>[a-z]+)(?:-(?P<language>[a-z]{2}))?-(?P<numbers>[\d-]+)\.(?:png|jpg)"
)
_REMOVED = 0.012  # of the pictures: taken down, as happens in every library


@dataclass(frozen=True, slots=True)
class SampleSource:
    """The sample market asked as any other source (core.ports.SourceEngine)."""

    market: SampleMarket
    today: Callable[[], date]
    name: str = CHANNEL

    def knows(self, brand_slug: str) -> bool:
        """Whether the sample market has the brand."""
        return any(brand.slug == brand_slug for brand in self.market.brands)

    def scan(self, brand_slug: str) -> Iterator[AdRecord]:
        """What the library shows today. Raises NotFoundError for a brand of another market."""
        return self.market.scan(brand_slug, self.today())


@dataclass(frozen=True, slots=True)
class SampleMediaFetcher:
    """Draws the pictures behind ``sample://`` URLs (core.ports.MediaFetcher); never touches the network."""

    market: SampleMarket

    def open(self, url: str) -> FetchedMedia:
        """Raises MediaProblemError(REMOVED) for a picture taken down and for one that no ad declares."""
        found = _URL.fullmatch(url)
        if not found or url not in self.market.media_urls(found["slug"]):
            raise MediaProblemError(MediaStatus.REMOVED, f"no sample ad declares {url[:200]!r}; scan the brand again")
        content_type = "image/png" if url.endswith(".png") else "image/jpeg"
        return FetchedMedia(BytesIO(self._draw(url, found)), content_type, url)

    def _draw(self, url: str, found: re.Match[str]) -> bytes:
        brand = self.market.brand(found["slug"])
        if found["template"] == "avatar":
            return render_avatar(brand, brand.pages[int(found["numbers"])].name)
        number, variant = (int(part) for part in found["numbers"].split("-"))
        picture = f"{self.market.seed}:{brand.slug}:{found['template']}:{number}"
        if chance(random.Random(f"{picture}:{variant}:taken down"), _REMOVED):  # noqa: S311
            raise MediaProblemError(MediaStatus.REMOVED, "the sample library has taken this picture down")
        scene = Scene(brand, found["language"], variant, random.Random(picture))  # noqa: S311 (the same picture every time)
        return render(scene, TEMPLATES[found["template"]])
