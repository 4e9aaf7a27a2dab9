"""A language is told, or honestly not."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ai.language import detect_language
from core.domain.label import UNKNOWN


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Free delivery on every order over fifty dollars", "en"),
        ("Hol dir jetzt deinen neuen Lieblingsschuh", "de"),
        ("Descubre la nueva colección de verano", "es"),
        ("Offrez-vous enfin un vrai moment de calme", "fr"),
        ("Experimente grátis por sete dias e não pague nada", "pt"),
        ("오늘만 특별한 가격", "ko"),
        ("お得なセットをお届けします", "ja"),
        ("全场包邮立即购买新品", "zh"),
        ("अब अंग्रेज़ी बोलना बहुत आसान है", "hi"),
        ("बोलायला शिका आत्ता ट्राय करा फक्त आजच मिळवा", "mr"),
        ("இன்றே கற்றுக்கொள்ளுங்கள்", "ta"),
        ("ఈరోజే నేర్చుకోండి", "te"),
        ("আজই শিখুন", "bn"),
        ("สั่งซื้อวันนี้", "th"),
        ("Бесплатная доставка по всей стране", "ru"),
        ("خصم كبير على كل المنتجات", "ar"),
        ("משלוח חינם לכל הארץ", "he"),
        ("𝗜𝗺𝗽𝗿𝗼𝘃𝗲 𝘆𝗼𝘂𝗿 𝘀𝗹𝗲𝗲𝗽 𝗶𝗻 𝘁𝗲𝗻 𝗱𝗮𝘆𝘀", "en"),  # styled letters are letters
        ("여름 세일 SUMMER SALE 지금 바로 시작합니다", "ko"),  # some English words don't change the language
    ],
)
def test_a_language_is_told(text: str, code: str) -> None:
    guess = detect_language(text)

    assert guess.code == code
    assert guess.confidence > 0.6


@pytest.mark.parametrize(
    "text",
    [
        "",
        "🔥🔥🔥 50% 👉 19.99",
        "Oferta",  # one word of three languages
        "Oferta especial",  # Spanish or Portuguese
        "Promo total",
        "https://example.com/some/english/words/here #summer @someone",
        "Sirf ₹3 mein try karo",  # Hindi in Latin letters
        "Ab bina ruke bolo, tutor ke saath rozana practice karein",
        "हिंदी के साथ learn English today",  # two languages, neither is the text's
        "限定版",  # could be Japanese or Chinese
    ],
)
def test_what_cant_be_told_is_unknown_with_low_confidence(text: str) -> None:
    guess = detect_language(text)

    assert guess.code == UNKNOWN
    assert guess.confidence <= 0.6


def test_links_hashtags_and_numbers_say_nothing_about_the_language() -> None:
    text = "Neue Schuhe für den Herbst sind da https://shop.example.com/new/shoes #newcollection #loveit 2024"

    assert detect_language(text).code == "de"


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_is_bearable(text: str) -> None:
    guess = detect_language(text)

    assert 0.0 <= guess.confidence <= 1.0
    assert guess.code == UNKNOWN or len(guess.code) == 2


def test_surrogates_and_nul_are_bearable() -> None:
    assert detect_language("\ud83d \0 good morning to all of you \udfff").code == "en"


@pytest.mark.real_data
def test_real_korean_copies_are_korean(real_data: Path) -> None:
    rows = json.loads((real_data / "meta_webtoon_ott" / "ads.json").read_text(encoding="utf-8"))
    rows = rows if isinstance(rows, list) else next(v for v in rows.values() if isinstance(v, list))
    copies = sorted({row["copy"] for row in rows if len(row["copy"]) > 40})
    random.Random(1).shuffle(copies)

    codes = [detect_language(copy).code for copy in copies[:200]]

    assert codes.count("ko") / len(codes) > 0.9
    assert {code for code in codes if code not in ("ko", UNKNOWN)} <= {"en", "ja"}
