"""The picture of a page is told by its shape and by how it is shared."""

import pytest

from core.domain.avatars import ImageUse, page_avatars


def uses(
    count: int = 3, *, width: int = 60, height: int = 60, page: str = "page", copies: int | None = None
) -> list[ImageUse]:
    """One image under ``count`` ads of a page that say ``copies`` different things (default: each its own)."""
    distinct = count if copies is None else copies
    return [ImageUse("image", width, height, page, f"ad{n}", f"text{n % distinct}") for n in range(count)]


def test_a_small_square_image_under_three_different_ads_of_a_page_is_its_avatar() -> None:
    assert page_avatars(uses(3)) == {"image"}


@pytest.mark.parametrize(
    ("width", "height", "is_avatar"),
    [
        (60, 60, True),
        (206, 206, True),  # another size of the same thing
        (256, 256, True),  # the limit itself
        (257, 257, False),
        (100, 95, True),  # within five per cent of square
        (100, 94, False),
        (0, 0, False),
        (600, 600, False),  # a square creative
    ],
)
def test_only_small_squares_can_be_avatars(width: int, height: int, is_avatar: bool) -> None:
    assert bool(page_avatars(uses(5, width=width, height=height))) is is_avatar


def test_a_creative_reused_for_one_copy_is_no_avatar() -> None:
    assert not page_avatars(uses(9, copies=1))


def test_two_ads_are_too_few_to_tell() -> None:
    assert not page_avatars(uses(2))


def test_one_ad_with_the_image_many_times_counts_once() -> None:
    assert not page_avatars([ImageUse("image", 60, 60, "page", "ad", f"text{n}") for n in range(9)])


def test_an_image_shared_between_pages_must_be_shared_within_one() -> None:
    scattered = [ImageUse("image", 60, 60, f"page{n}", f"ad{n}", f"text{n}") for n in range(9)]
    assert not page_avatars(scattered)
    assert page_avatars(scattered + uses(3, page="page")) == {"image"}


def test_ads_without_text_are_no_evidence_of_different_ads() -> None:
    assert not page_avatars([ImageUse("image", 60, 60, "page", f"ad{n}", "") for n in range(9)])
