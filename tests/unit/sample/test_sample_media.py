"""Sample pictures: the same bytes every time, small, and some of them gone as in every library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from io import BytesIO

import pytest
from PIL import Image

from core.domain.media import MediaRole, MediaStatus
from core.errors import MediaProblemError
from core.sources.sample import SampleMarket, SampleMediaFetcher
from core.sources.sample.artwork import HEADLINE_LANGUAGES, TEMPLATES
from core.sources.sample.copywriter import read_table

AS_OF = date(2026, 6, 30)
MARKET = SampleMarket(as_of=AS_OF)
FETCHER = SampleMediaFetcher(MARKET)
URLS = sorted(url for brand in MARKET.brands for url in MARKET.media_urls(brand.slug))


def strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    else:
        yield str(value)


def is_gone(url: str) -> bool:
    try:
        FETCHER.open(url)
    except MediaProblemError as problem:
        return problem.status is MediaStatus.REMOVED
    return False


def test_a_picture_has_the_same_bytes_every_time() -> None:
    for url in URLS[::60]:
        if not is_gone(url):
            again = SampleMediaFetcher(SampleMarket(as_of=AS_OF))
            assert FETCHER.open(url).stream.read() == again.open(url).stream.read()


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_draws_a_picture_of_at_most_600_pixels(template: str) -> None:
    url = next(url for url in URLS if f"/{template}-" in url and not is_gone(url))
    fetched = FETCHER.open(url)
    with Image.open(BytesIO(fetched.stream.read())) as picture:
        picture.load()
        assert max(picture.size) <= 600
        assert f"image/{str(picture.format).lower()}" == fetched.content_type
        assert len(picture.convert("RGB").resize((50, 50)).getcolors(2500) or []) > 20


def test_different_concepts_have_different_pictures_by_the_hundred() -> None:
    sample = [url for url in URLS if "/hero-" in url and not is_gone(url)]
    pictures = {FETCHER.open(url).stream.read() for url in sample}
    assert len(pictures) == len(sample)
    assert 300 <= len(URLS) <= 1_200


def test_about_one_picture_in_a_hundred_was_taken_down() -> None:
    gone = sum(is_gone(url) for url in URLS[::3])
    assert 0 < gone / len(URLS[::3]) < 0.04


@pytest.mark.parametrize(
    "url",
    [
        "sample://northtrail/hero-en-999999-0.jpg",  # no such concept
        "sample://nobody/hero-en-1-0.jpg",  # no such brand
        "sample://northtrail/../../etc/passwd",
        "https://example.com/a.png",
    ],
)
def test_a_picture_that_no_ad_declares_counts_as_removed(url: str) -> None:
    with pytest.raises(MediaProblemError) as problem:
        FETCHER.open(url)
    assert problem.value.status is MediaStatus.REMOVED


def test_two_pages_show_nothing_but_their_small_square_avatar() -> None:
    records = [record for brand in MARKET.brands for record in MARKET.scan(brand.slug, AS_OF)]
    avatars = Counter(
        (record.page_id, medium.url) for record in records for medium in record.media if "/avatar-" in str(medium.url)
    )
    pages = {page for page, _ in avatars}
    assert len(avatars) == 2
    assert min(avatars.values()) >= 5
    assert all("/avatar-" in str(medium.url) for it in records if it.page_id in pages for medium in it.media)
    for _, url in avatars:
        with Image.open(FETCHER.open(str(url)).stream) as picture:
            assert picture.width == picture.height <= 120


def test_a_video_declares_its_poster_and_a_carousel_its_cards() -> None:
    for record in MARKET.scan("tablewren", AS_OF):
        roles, kind = [medium.role for medium in record.media], record.versions[0].format
        if kind == "video":
            assert roles == [MediaRole.POSTER]
        if kind == "carousel":
            assert [medium.position for medium in record.media] == list(range(len(roles)))
            assert len(roles) >= 3
        if kind == "text":
            assert roles == []


def test_words_on_pictures_have_glyphs_in_the_bundled_font() -> None:
    words = read_table("headlines")
    assert all(text.isascii() for text in strings({**words}))
    assert all(set(words[section]) == set(HEADLINE_LANGUAGES) for section in ("running", "meals", "button"))
    assert all(brand.name.isascii() and all(map(str.isascii, brand.products)) for brand in MARKET.brands)
