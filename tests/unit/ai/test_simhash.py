"""A simhash of a text differs in few bits where the words are nearly the same, in any script."""

from __future__ import annotations

import pytest

from core.ai.simhash import simhash
from tests.hostile_texts import HOSTILE_TEXTS

KOREAN = "“이번엔 삼촌이 죽게 놔두지 않을 거야!” 갑작스러운 형의 죽음으로 맡게 된 쌍둥이 조카. 밀렘 신작!"
JAPANESE = "はじめての方限定、ランニングシューズが半額。軽くて丈夫、毎日の練習に。送料無料でお届けします。"
ENGLISH = "Your first pair is on us: light, tough shoes for every run, delivered free by Friday. Only this week."


def bits(one: str, other: str) -> int:
    first, second = simhash(one), simhash(other)
    assert first is not None
    assert second is not None
    return ((first ^ second) & (1 << 64) - 1).bit_count()


@pytest.mark.parametrize("text", [KOREAN, JAPANESE, ENGLISH])
def test_a_small_edit_changes_few_bits_and_another_text_about_half(text: str) -> None:
    assert bits(text, text.replace(text[20:22], "")) <= 16
    assert all(bits(text, other) >= 20 for other in (KOREAN, JAPANESE, ENGLISH) if other != text)


@pytest.mark.parametrize(
    "same", [ENGLISH.upper(), ENGLISH.replace(" ", "\n"), f"🔥 {ENGLISH}!!", ENGLISH.replace("Y", "Ｙ")]
)
def test_case_spaces_signs_and_compatible_forms_make_no_difference(same: str) -> None:
    assert bits(ENGLISH, same) == 0


@pytest.mark.parametrize(
    ("text", "has_one"), [("", False), ("🔥 !!", False), ("a", True), ("무료", True), ("50%", True)]
)
def test_only_a_text_with_a_letter_or_digit_has_one(text: str, has_one: bool) -> None:
    assert (simhash(text) is not None) == has_one


def test_it_is_a_signed_64_bit_number_for_any_text() -> None:
    hashes = [made for text in HOSTILE_TEXTS if (made := simhash(text)) is not None]
    assert hashes
    assert all(-(1 << 63) <= made < 1 << 63 for made in hashes)


def test_it_stays_the_same_from_release_to_release() -> None:  # it is stored
    assert simhash(ENGLISH) == 5878749897811139185
