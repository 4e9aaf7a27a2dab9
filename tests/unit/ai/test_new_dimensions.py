"""Rules of emotion, persona, product type, claim, proof and season: what they find, and what they must not."""

import pytest

from core.ai.labelling import TextLabeller
from core.ai.taxonomy import Taxonomy


@pytest.fixture(scope="module")
def labeller(taxonomy: Taxonomy) -> TextLabeller:
    return TextLabeller(taxonomy)


def values(labeller: TextLabeller, dimension: str, text: str) -> set[str]:
    return {label.value for label in labeller.label_by_rules(text) if label.dimension == dimension}


@pytest.mark.parametrize(
    ("dimension", "text", "expected"),
    [
        ("product_type", "반려견 수술비까지 보장받는 착한 펫보험, 지금 확인하세요", {"insurance"}),
        ("product_type", "레전드 BL웹툰 완결 기념, 지금 보러가기", {"comic_or_novel"}),
        ("product_type", "요즘 화제작 드라마, 웨이브로 정주행!", {"series_or_film"}),
        ("product_type", "Speak English confidently with your AI tutor every day.", {"language_learning"}),
        ("product_type", "Boots that keep your feet dry all the way home.", {"footwear"}),
        ("product_type", "Order it from your sofa tonight, no questions asked.", {"unknown"}),  # no furniture is sold
        ("emotion", "가슴이 저릿한 로맨스, 첫사랑을 다시 만났다", {"love"}),
        ("emotion", "누수 피해가 걱정된다면 늦기 전에 대비하세요", {"fear"}),
        ("emotion", "보험료 걱정 없이 든든하게 준비하세요", {"relief"}),  # a worry that is taken away is none
        ("emotion", "남편의 뒤를 밟기 전까지는 몰랐던 배신", {"anger"}),
        ("emotion", "This shoe weighs 210 grams and comes in three colours.", {"unknown"}),
        ("persona", "Ace your job interview with real conversations.", {"career_builder"}),
        ("persona", "우리 아이를 위한 24시간 지킴이", {"caregiver"}),
        ("persona", "Dinner on the table in only 15 minutes, after work.", {"time_poor"}),
        ("persona", "Our store is open from nine to six on weekdays.", {"unknown"}),
        ("claim", "국내최초 현장청구, 간편하게 가입하세요", {"superlative", "ease"}),
        ("claim", "최초 가입 후 10년마다 갱신됩니다 그리고 계약됩니다", {"unknown"}),  # a clause of a contract
        ("claim", "Durable leather that lasts for years, lighter than any other boot.", {"lasting", "comparison"}),
        ("proof", "Loved by over 2 million runners. 4.8 ★ in the store.", {"popularity", "rating"}),
        ("proof", "가입건수 13만 돌파! 6년 연속 1위", {"popularity", "ranking"}),
        ("proof", "수상한 선배를 만난 그날 이후 모든 것이 바뀌었다", {"none"}),  # suspicious, not prize-winning
        ("proof", "The best shoe that anybody in the whole world could ever wear.", {"none"}),  # a claim proves nothing
        ("season", "Black Friday starts today, and so does the holiday season.", {"black_friday", "holidays"}),
        ("season", "뜨거운 여름엔 월드컵! 인생 스포츠 만화", {"summer", "sports_event"}),
        ("season", "Three winters ago she could not run at all.", {"none"}),
        ("offer", "지금 쿠플에서 무료로 시청하세요", {"free_access"}),
        ("offer", "추첨을 통해 경품을 드립니다, 응모하세요", {"giveaway"}),
        ("offer", "(무배당) 다이렉트 건강보험으로 준비하세요", {"none"}),  # without dividend, not without postage
        ("offer", "신규 가입 고객 대상 네이버페이 포인트 최대 3만원 지급", {"gift"}),  # no price
        ("offer", "<악인 남편> 시즌 2, 지금 무료로 보러가기", {"free_access"}),
        ("offer", "✅ 1권 무료 ✅ 첫 화 무료, 와우회원 아니어도 무료!", {"free_access"}),
        ("offer", "무료로 체험해 보세요", {"free_trial"}),
        ("offer", "4.8★ from our users. 4.8 out of five, they say.", {"none"}),  # "users. 4.8" is no price in rupees
    ],
)
def test_the_rules_say(labeller: TextLabeller, dimension: str, text: str, expected: set[str]) -> None:
    assert values(labeller, dimension, text) == expected


@pytest.mark.parametrize(
    ("dimension", "text", "misled"),
    [
        # a season of a series or a sport, a month that is a date, a word within a word
        ("theme", "<악인 남편> 시즌 2, 드디어 컴백", "seasonal"),
        ("theme", "Season 2 is here, and your favourite detective is back.", "seasonal"),
        ("season", "25년 12월 인당 생산성 기준입니다", "holidays"),
        ("season", "톰 크루즈 내일 방한, 압구정에서 만나요", "winter"),
        ("season", "톰 크루즈 내일 방한, 압구정에서 만나요", "festival"),
        ("theme", "자기부담금 공제 후 가입금액 한도 내 보장", "community"),
        ("theme", "와우회원 아니어도 볼 수 있어요", "community"),
        ("theme", "종합건강보험 가입은 지금", "health"),
        ("theme", "달콤한 로맨스 웹툰, 지금 보러가기", "taste"),
        ("audience", "유명 아이돌이 쓰는 아이폰", "parents"),
        ("audience", "보험 전문가 상담 받기", "professionals"),
        ("tone", "보험료 상승 등 불이익이 발생할 수 있습니다", "inspirational"),
        ("tone", "직장인 필수 앱", "premium"),
        ("tone", "자세히 보기 WWW.EXAMPLE.COM", "playful"),
        # what a work is about, or what it is called, is no feeling or person that the ad aims at
        ("emotion", "<지금 불륜이 문제가 아닙니다> 지금 쿠팡플레이에서", "anger"),
        ("emotion", "요즘 화제작 [심야괴담회], 웨이브로 보기!", "thrill"),
        ("audience", "요즘 화제작 [내일도 출근], 웨이브로 보기!", "professionals"),
        ("tone", "원희의 20살 버킷 리스트 도전기", "inspirational"),
        # whom a brand's own name would speak to
        ("persona", "지금 넷플릭스에서, 쿠플에서, 리디에서 #네이버웹툰", "escapist"),
        ("persona", "주연 배우는 누구일까요", "self_improver"),
        # what else it may be
        ("product_type", "RIDI ONLY <악인 남편> 시즌 2 컴백", "series_or_film"),
        ("product_type", "새로운 러닝화 시리즈, 발이 편한 운동화", "series_or_film"),
        ("claim", "기존 계약을 해지하고 새로운 보험계약을 체결할 경우", "new"),
    ],
)
def test_a_common_word_is_no_value(labeller: TextLabeller, dimension: str, text: str, misled: str) -> None:
    assert misled not in values(labeller, dimension, text)


@pytest.mark.parametrize(
    ("dimension", "text", "meant"),
    [
        ("theme", "올봄 신상, 지금 만나보세요", "seasonal"),
        ("theme", "휴가 시즌 한정 혜택", "seasonal"),
        ("season", "겨울 방한복 기획전", "winter"),
        ("season", "12월 한정 메뉴를 만나보세요", "holidays"),
        ("theme", "건강하게 오래 사는 습관", "health"),
        ("theme", "고소한 맛과 달콤한 크림", "taste"),
        ("audience", "우리 아이 첫 영어", "parents"),
        ("audience", "아이를 키우는 집이라면", "parents"),
        ("tone", "당신도 할 수 있어요, 지금 도전하세요", "inspirational"),
        ("emotion", "통쾌한 복수극이 시작된다", "anger"),
        ("persona", "밤새 정주행할 드라마를 찾는다면", "escapist"),
        ("persona", "영어를 배우고 싶다면", "self_improver"),
    ],
)
def test_the_word_counts_where_it_is_meant(labeller: TextLabeller, dimension: str, text: str, meant: str) -> None:
    assert meant in values(labeller, dimension, text)


@pytest.mark.parametrize("dimension", ["emotion", "persona", "product_type", "claim"])
def test_where_words_seldom_decide_finding_nothing_is_unknown(taxonomy: Taxonomy, dimension: str) -> None:
    assert taxonomy.dimensions[dimension].otherwise is None
    assert not taxonomy.dimensions[dimension].has_prototypes  # likeness would guess, and costs an embedding a sentence


def test_a_feeling_nobody_aims_at_is_left_to_models(taxonomy: Taxonomy) -> None:
    neutral = taxonomy.dimensions["emotion"].values["neutral"]

    assert not neutral.rules
    assert "neutral" in taxonomy.values("emotion")
