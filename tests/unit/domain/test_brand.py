"""When two spellings are one name."""

import pytest

from core.domain.brand import alias_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bright Cup", "bright-cup"),  # case, hyphen
        ("Bright Cup", "  BRIGHT   CUP. "),  # blanks, full stop
        ("ＢＲＩＧＨＴ Cup", "Bright Cup"),  # full-width letters
        ("Café", "Cafe\u0301"),  # one code point or two
        ("Straße", "STRASSE"),  # case folding, not lower case
        ("ﾌﾞﾗｲﾄ", "ブライト"),  # half-width kana
    ],
)
def test_spellings_of_one_name_share_a_key(one: str, other: str) -> None:
    assert alias_key(one) == alias_key(other)


@pytest.mark.parametrize(("one", "other"), [("Bright Cup", "Bright Cups"), ("브라이트", "Bright"), ("C++", "C1")])
def test_different_names_keep_different_keys(one: str, other: str) -> None:
    assert alias_key(one) != alias_key(other)


def test_marks_of_indic_scripts_are_part_of_the_name() -> None:
    assert alias_key("हिंदी") != alias_key("हद")


def test_a_name_of_symbols_alone_still_has_a_key() -> None:
    assert alias_key("+ +") == "++"
