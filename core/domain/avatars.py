"""Which images are the picture of a page rather than a creative.

Scrapers that miss an ad's creative often keep the page's avatar instead. It is told by what it is, never by
one size or a list of files: small, square, and the same under several ads of one page that say different things.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

MAX_SIDE_PIXELS = 256
SQUARE_TOLERANCE = 0.05  # of the longer side
MIN_ADS = 3
MIN_COPIES = 3


@dataclass(frozen=True, slots=True)
class ImageUse:
    """One image under one ad. ``text_hash`` is the hash of what the ad says, "" where it says nothing."""

    sha256: str
    width: int
    height: int
    page: str
    ad_key: str
    text_hash: str


def page_avatars(uses: Iterable[ImageUse]) -> frozenset[str]:
    """The hashes of the images that are the avatar of a page, judged over all the uses given."""
    by_page_and_image: dict[tuple[str, str], list[ImageUse]] = defaultdict(list)
    for use in uses:
        if _is_avatar_shaped(use):
            by_page_and_image[use.page, use.sha256].append(use)
    return frozenset(sha256 for (_, sha256), shared in by_page_and_image.items() if _is_shared(shared))


def _is_avatar_shaped(use: ImageUse) -> bool:
    short, long = sorted((use.width, use.height))
    return short > 0 and long <= MAX_SIDE_PIXELS and long - short <= SQUARE_TOLERANCE * long


def _is_shared(uses: list[ImageUse]) -> bool:
    ads = {use.ad_key for use in uses}
    copies = {use.text_hash for use in uses if use.text_hash}
    return len(ads) >= MIN_ADS and len(copies) >= MIN_COPIES
