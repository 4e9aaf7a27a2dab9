"""How far variants are from each other, in words; the figure stands in brackets."""

from __future__ import annotations

import pytest

from app.view_models.variants import said_of


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("picture_bits", 0, "Outlines of the pictures: the same (0 of 64 bits differ)"),
        ("picture_bits", 2, "Outlines of the pictures: nearly the same (2 of 64 bits differ)"),
        ("picture_bits", 18, "Outlines of the pictures: alike (18 of 64 bits differ)"),
        ("picture_bits", 30, "Outlines of the pictures: different (30 of 64 bits differ)"),
        ("picture_cosine", 0.83, "Look of the pictures: alike (cosine 0.83)"),
        ("words_bits", 4, "Wording: nearly the same (4 of 64 bits differ)"),
        ("words_cosine", 1.0, "Meaning of the words: the same (cosine 1.000)"),
        ("words_cosine", 0.5, "Meaning of the words: different (cosine 0.500)"),
    ],
)
def test_a_distance_is_told_in_words(name: str, value: float, said: str) -> None:
    assert said_of(name, value) == said
