"""An ad library's own text goes, the ad's text stays. All texts are made up."""

import pytest

from core.sources.calls_to_action import normalise_cta
from core.sources.ui_text import AdText, cut_ui_text

COPY = "새 웹툰이 왔어요! 지금 바로 만나보세요 💙 #신작"
GROUP_HEADER = "3개에서 이 크리에이티브 및 문구를 사용합니다 드롭다운 열기 \u200b 요약 세부 사항 보기"


@pytest.mark.parametrize(
    ("scraped", "said"),
    [
        (f"{COPY} 0:00 / 0:47", AdText(COPY)),
        (f"{COPY} 0:00 / 1:02 WWW.EXAMPLE.COM 샘플 더 알아보기", AdText(COPY, "샘플", "Learn more")),
        (f"{COPY} 0:00 / 0:44 HTTPS://M.EXAMPLE.COM/VOUCHER/INDEX?VOU", AdText(COPY)),
        (f"{COPY} HTTP://WWW.EXAMPLE.COM/EVENT?ID=9... 지금 보기 구독", AdText(COPY, "지금 보기", "Subscribe")),
        (f"{COPY} EXAMPLE.COM 샘플 가입하기", AdText(COPY, "샘플", "Sign up")),
        (f"{COPY} Learn More", AdText(COPY, cta="Learn more")),
        (f"{COPY} Sign Up", AdText(COPY, cta="Sign up")),
        (f"상세 정보 보기 Sample TV - 샘플 광고 {COPY}", AdText(COPY)),
        (f"{GROUP_HEADER} 샘플 Sample 광고 {COPY}", AdText(COPY)),
        (f"상세 정보 보기 someone__reads 페이지는 샘플 웹툰과(와) 함께합니다 광고 {COPY}", AdText(COPY)),
        (f"상세 정보 보기 샘플 광고 노출수가 적음 {COPY}", AdText(COPY)),
        (f"{COPY} 노출수가 적음 0:00 / 0:47", AdText(COPY)),
        ("Started running on 14 May 2026", AdText("")),
        ("Started running on 3 Jun 2026 · Total active time 13 hrs", AdText("")),
        (
            "Speak up!\nLow impression count\n0:00 / 0:30\nPLAY.EXAMPLE.COM\nBest app\nInstall now",
            AdText("Speak up!", "Best app", "Install now"),
        ),
        ("Speak up!\nEXAMPLE.APP\nTake the quiz\nGet feedback.", AdText("Speak up!", "Take the quiz\nGet feedback.")),
    ],
)
def test_ui_text_is_cut_and_the_headline_kept(scraped: str, said: AdText) -> None:
    assert cut_ui_text(scraped) == said


GENUINE = [
    COPY,
    "Our new app is here. Learn More",  # the button's words may end a copy in the same language
    "Want English? Sign Up",
    "Open 10:00 / 12:00 every day",  # times of day
    "상세 정보 보기는 앱에서 가능해요",  # begins like a header
    "광고 아닙니다! 상세 정보 보기 버튼을 눌러주세요",
    "3개에서 1개만 골라보세요",
    "Started running on 3 Jun 2026? So did we: join the club",
    "We play AT. Sample on Sunday",
    "Version 2.0 IS HERE. NO.1 in tests",
    "netflix-like shows at example.com now",
    "Low impression count? We help brands",
    "क्या आप तैयार हैं? 'Install Now' बटन पर क्लिक करें!",
]
GENUINE_IF_WHOLE = [  # in a text that was cut off these may be the beginning of a card
    "Shop at EXAMPLE.COM today and save",
    "자세한 내용은 EXAMPLE.COM 에서 확인하세요",
    "Score 0:00 / 0:4",
]


@pytest.mark.parametrize("genuine", GENUINE + GENUINE_IF_WHOLE)
def test_genuine_copy_is_left_alone(genuine: str) -> None:
    assert cut_ui_text(genuine) == AdText(genuine)


@pytest.mark.parametrize("genuine", GENUINE)
def test_genuine_copy_that_was_cut_off_is_left_alone_too(genuine: str) -> None:
    assert cut_ui_text(genuine, is_cut_off=True) == AdText(genuine)


@pytest.mark.parametrize(
    "tail", ["0:", "0:0", "0:00", "0:00 /", "0:00 / 0", "0:00 / 0:3", "0:00 / 0:31 WWW.EX", "Learn M", "Lear", "Sign U"]
)
def test_the_stump_of_ui_text_is_cut_where_the_source_cuts_texts_off(tail: str) -> None:
    assert cut_ui_text(f"{COPY} {tail}", is_cut_off=True) == AdText(COPY)


@pytest.mark.parametrize("tail", ["0", "L", "Learn", "Play"])
def test_what_may_be_the_ads_own_last_word_stays(tail: str) -> None:
    assert cut_ui_text(f"{COPY} {tail}", is_cut_off=True).copy == f"{COPY} {tail}"


def test_half_a_headline_is_not_what_the_ad_says() -> None:
    assert cut_ui_text(f"{COPY} 0:00 / 0:31 EXAMPLE.COM 샘플이 드리", is_cut_off=True) == AdText(COPY)


@pytest.mark.parametrize(
    ("label", "canonical"),
    [
        ("Install Now", "Install now"),
        ("install  now ", "Install now"),
        ("더 알아보기", "Learn more"),
        ("Take The Quiz", "Take the quiz"),  # a button we don't know keeps its words
        ("SHOUTINGSHOP.COM", ""),  # a display domain
        ("https://example.com/a", ""),
        ("A whole sentence about our new product", ""),
        ("", ""),
        ("123", ""),
    ],
)
def test_a_button_has_one_spelling(label: str, canonical: str) -> None:
    assert normalise_cta(label) == canonical
