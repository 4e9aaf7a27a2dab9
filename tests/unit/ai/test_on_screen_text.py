"""Text on pictures is kept where it can be trusted, and withheld with the reason where it can't: never gibberish."""

from __future__ import annotations

import pytest

from core.ai.on_screen_text import Box, Expected, Line, OnScreenText, ReadingStatus, judge

ENGLISH, KOREAN, JAPANESE, RUSSIAN = (Expected(frozenset({code})) for code in ("en", "ko", "ja", "ru"))
NOBODY_KNOWS = Expected()
KOREAN_NOT_READ = "the ad is in Korean, a script that isn't read here"


def lines(*found: tuple[str, float], reader: str = "rapidocr") -> list[Line]:
    """One below the other."""
    step = 0.9 / max(len(found), 1)
    boxes: list[Box] = [(0.1, step * n, 0.5, step * n + 0.05) for n in range(len(found))]
    return [Line(text, confidence, box, reader) for (text, confidence), box in zip(found, boxes, strict=True)]


def outcome(found: OnScreenText) -> tuple[str, str, str | None]:
    return found.status, found.text, found.reason


# What the reader made of real pictures of Korean ads.
GIBBERISH = [
    lines(("010合咎至", 0.59), ("刀从居口大正；", 0.75)),
    lines(("·8全的部7", 0.27), ("e号37%", 0.99), ("8/5()享8", 0.97), ("个8", 0.99)),
    lines(("TTTT", 0.98), ("CHC", 0.97), ("OH", 0.96), ("H", 0.86), ("引", 0.98)),
    lines(("31%0", 0.98), ("20260", 0.96), ("CH30%", 0.95), ("7,0000", 0.95), ("2025E8FP", 0.95)),
    lines(("OHLIL", 0.84), ("IHDIEI", 0.53), ("13,090(VAT营)", 0.82)),
]


@pytest.mark.parametrize("found", GIBBERISH)
@pytest.mark.parametrize("expected", [KOREAN, NOBODY_KNOWS])
def test_what_a_script_that_is_not_known_is_taken_for_is_no_text(found: list[Line], expected: Expected) -> None:
    result = judge(found, expected)

    assert result.text == ""
    assert result.status is (ReadingStatus.SCRIPT_NOT_COVERED if expected is KOREAN else ReadingStatus.NOISE)
    assert result.reason


def test_a_name_that_is_sure_is_kept_while_the_rest_is_withheld() -> None:
    found = judge(lines(("NETFLIX", 1.0), ("刀从居口大正；", 0.75), ("010合咎至", 0.59)), KOREAN)

    assert outcome(found) == ("ok", "NETFLIX", f"2 other lines withheld: {KOREAN_NOT_READ}")
    assert (found.script, found.confidence) == ("latin", 1.0)


@pytest.mark.parametrize("figure", ["2026", "4/30~6/30", "50%", "40,000+", "187cm", "26.07.12"])
def test_a_figure_that_is_a_date_a_price_or_a_share_is_kept_beside_korean(figure: str) -> None:
    assert judge(lines((figure, 0.98), ("号些舎", 0.5)), KOREAN).text == figure


def test_a_line_whose_words_the_ad_says_too_needs_to_be_less_sure() -> None:
    found = lines(("RIDI", 0.86), ("号些舎", 0.5))

    assert judge(found, KOREAN).text == ""
    assert judge(found, Expected(KOREAN.languages, frozenset({"ridi"}))).text == "RIDI"


def test_where_all_is_read_a_line_of_middling_confidence_is_kept() -> None:
    found = lines(("Half price", 0.83), ("till Sunday", 0.99), ("OIx", 0.4))

    reason = "1 other line withheld: what was found doesn't read as text"
    assert outcome(judge(found, ENGLISH)) == ("ok", "Half price\ntill Sunday", reason)


def test_japanese_is_kept_where_the_ad_is_in_it_and_needs_more_where_not() -> None:
    found = lines(("焼きたて", 0.9))

    assert judge(found, JAPANESE).text == "焼きたて"
    assert judge(found, ENGLISH).status is ReadingStatus.NOISE
    assert judge(lines(("焼きたて", 0.97)), NOBODY_KNOWS).text == "焼きたて"


def test_latin_letters_beside_russian_are_not_believed() -> None:
    """ "PECTOPAH" is a word in another script."""
    assert outcome(judge(lines(("PECTOPAH", 0.99)), RUSSIAN))[:2] == ("script_not_covered", "")


def test_a_picture_most_of_which_is_no_text_is_trusted_less_as_a_whole() -> None:
    gibberish = [("号些舎", 0.5), ("舎早H0点异卷些E", 0.6), ("引山态，CI", 0.5)]

    assert judge(lines(("Sale", 0.85)), ENGLISH).text == "Sale"
    assert judge(lines(("Sale", 0.85), *gibberish), ENGLISH).status is ReadingStatus.NOISE


def test_a_picture_without_lines_has_no_text() -> None:
    assert outcome(judge([], KOREAN)) == ("no_text", "", "no text was found on it")
    assert outcome(judge(lines(("  ", 0.9)), ENGLISH))[0] == "no_text"


# --- a second reader ----------------------------------------------------------------------------------

WITH_TESSERACT = Expected(frozenset({"ko"}), also_read=frozenset({"ko"}))


def test_the_second_reader_is_believed_in_the_script_the_first_does_not_know() -> None:
    first = lines(("刀从居口大正", 0.75), ("wavve", 1.0))
    second = lines(("둘 중 한 명은 반드시", 0.93), ("Wwavve", 0.97), reader="tesseract")

    found = judge([*first, *second], WITH_TESSERACT)

    assert outcome(found) == ("ok", "둘 중 한 명은 반드시\nwavve", None)
    assert found.script == "hangul"


def test_the_second_reader_is_not_believed_when_it_guesses() -> None:
    second = lines(
        ("에스터 1", 0.89),
        ("ㅣ", 0.96),
        ("은 dh LO/HBE", 0.95),
        ("무 료 코 인", 0.95),
        ("불태", 0.97),
        ("기획 SHOHAT CHOHGEZI", 0.95),
        reader="tesseract",
    )

    found = judge([*lines(("刀从居口大正", 0.75)), *second], WITH_TESSERACT)
    assert outcome(found) == ("noise", "", "the ad is in Korean, and too little of it is sure")


@pytest.mark.parametrize(
    ("read", "kept"),
    [
        ("아 이 린 에게", "아이린 에게"),
        ("넷 플 릭 스 에서 공개", "넷플릭스 에서 공개"),
        ("무 료 시청은 오 늘 만", "무료 시청은 오늘만"),
        ("월 7,000 원 부터", "월 7,000 원 부터"),  # figures and what they count stay as read
        ("둘 중 한 명은 반드시", "둘 중 한 명은 반드시"),  # words of one syllable
        ("이 집 사람들", "이 집 사람들"),
    ],
)
def test_syllables_that_the_reader_took_apart_are_kept_together(read: str, kept: str) -> None:
    found = judge(lines((read, 0.95), reader="tesseract"), WITH_TESSERACT)

    assert found.text == kept


def test_a_line_all_of_whose_syllables_stand_apart_is_believed_where_the_ad_says_it_too() -> None:
    found = lines(("넷 플 릭 스", 0.92), reader="tesseract")
    says_so = Expected(WITH_TESSERACT.languages, frozenset({"넷플릭스"}), WITH_TESSERACT.also_read)

    assert judge(found, WITH_TESSERACT).text == ""
    assert judge(found, says_so).text == "넷플릭스"


# --- figures ------------------------------------------------------------------------------------------


def test_text_covers_the_area_of_its_lines_read_or_not() -> None:
    box: Box = (0.0, 0.0, 1.0, 0.1)
    noise = Line("OIx", 0.3, (0.0, 0.5, 1.0, 0.9))

    assert judge([Line("Half price", 0.99, box), noise], ENGLISH).text_area == pytest.approx(0.1)
    assert judge([Line("号些舎", 0.6, box)], KOREAN).text_area == pytest.approx(0.1)
    assert judge([Line("Half price", 0.99, (0, 0, 1, 1)), Line("Only today", 0.99, (0, 0, 1, 1))]).text_area == 1


def test_confidence_is_the_mean_over_characters() -> None:
    found = judge(lines(("Half price", 1.0), ("till", 0.86)), ENGLISH)

    assert found.confidence == pytest.approx((10 * 1.0 + 4 * 0.86) / 14)
