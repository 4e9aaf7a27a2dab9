"""Themes are found where they were planted, told by their words, and those that are kept don't move."""

from __future__ import annotations

import numpy as np
import pytest

from core.ai.themes import (
    FEWEST_TEXTS,
    LEAST_COSINE,
    MOST_THEMES,
    Grouping,
    centred,
    find_themes,
    nearest,
    provisional_name,
    telling_words,
)
from core.ports import Vector

SIZE = 64
NONE = np.empty((0, SIZE), dtype=np.float32)


def unit(vectors: Vector) -> Vector:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def planted(groups: int, *, each: int = 20, noise: float = 0.08, seed: int = 5) -> tuple[Vector, Vector]:
    """Vectors, and the group of each."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(groups), each)
    return unit(np.eye(SIZE, dtype=np.float32)[truth] + rng.normal(0, noise, (len(truth), SIZE))), truth


def groups_of(found: Grouping) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(found.theme_of == theme).tolist()) for theme in range(len(found.centres))}


@pytest.mark.parametrize("groups", [4, 6, 8])
def test_planted_groups_are_found_and_nothing_else(groups: int) -> None:
    vectors, truth = planted(groups)
    found = find_themes(centred(vectors, ["en"] * len(vectors)), NONE)
    assert groups_of(found) == {frozenset(np.flatnonzero(truth == group).tolist()) for group in range(groups)}


def test_the_same_texts_have_the_same_themes() -> None:
    vectors, _ = planted(6, noise=0.3)
    one, two = (find_themes(centred(vectors, ["en"] * len(vectors)), NONE) for _ in range(2))
    assert np.array_equal(one.centres, two.centres)
    assert np.array_equal(one.theme_of, two.theme_of)


def test_groups_are_not_languages() -> None:
    vectors, truth = planted(4)
    languages = ["de" if row % 2 else "ko" for row in range(len(vectors))]
    said_in = np.asarray([[0.0, 3.0] if language == "de" else [3.0, 0.0] for language in languages], dtype=np.float32)
    spoken = vectors.copy()
    spoken[:, -2:] += said_in
    found = find_themes(centred(unit(spoken), languages), NONE)
    assert groups_of(found) == {frozenset(np.flatnonzero(truth == group).tolist()) for group in range(4)}


def test_kept_centres_stay_where_they_are_and_count() -> None:
    vectors, truth = planted(6)
    space = centred(vectors, ["en"] * len(vectors))
    kept = unit(space[truth == 2].mean(axis=0))[None]
    unused = -kept
    found = find_themes(space, np.concatenate([kept, unused]))
    assert np.array_equal(found.centres[:2], np.concatenate([kept, unused]))
    assert set(np.flatnonzero(found.theme_of == 0)) == set(np.flatnonzero(truth == 2))
    assert not (found.theme_of == 1).any()
    assert len(found.centres) == 7


def test_nothing_new_is_looked_for_unless_asked_or_where_there_is_no_room() -> None:
    vectors, _ = planted(6)
    assert len(find_themes(vectors, vectors[:3], looks_for_new=False).centres) == 3
    assert len(find_themes(vectors, vectors[:MOST_THEMES]).centres) == MOST_THEMES
    assert len(find_themes(vectors[: FEWEST_TEXTS - 1], NONE).centres) == 0


def test_a_text_far_from_every_centre_is_without_theme() -> None:
    space = np.eye(3, SIZE, dtype=np.float32)
    between = unit(np.asarray([[LEAST_COSINE - 0.01, 0, 1] + [0] * (SIZE - 3)], dtype=np.float32))
    found = nearest(np.concatenate([space, between]), space[:2])
    assert found.theme_of.tolist() == [0, 1, -1, -1]


def test_texts_that_are_all_the_same_or_hold_nothing_do_no_harm() -> None:
    same = np.tile(np.eye(1, SIZE, dtype=np.float32), (30, 1))
    found = find_themes(centred(same, ["en"] * 30), NONE)
    assert np.isfinite(found.centres).all()
    assert (found.theme_of == -1).all()
    assert len(nearest(NONE, same[:1]).theme_of) == 0


# --- words --------------------------------------------------------------------------------------------


def words_of(*themes: list[str], languages: list[str] | None = None, names: tuple[str, ...] = ()) -> list[str]:
    """The provisional name of each theme."""
    texts = [text for theme in themes for text in theme]
    theme_of = np.repeat(np.arange(len(themes)), [len(theme) for theme in themes])
    grouping = Grouping(np.zeros((len(themes), 2)), theme_of, np.ones(len(texts)))
    found = telling_words(texts, languages or ["en"] * len(texts), grouping, names=names)
    return [provisional_name(words) for words in found]


def test_words_tell_what_sets_a_theme_apart() -> None:
    snow = ["The waterproof jacket for the snow", "A jacket for deep snow and the cold", "Snow is here: the jacket"]
    road = ["The marathon shoe for the road", "A road shoe for your marathon", "Marathon day: the road shoe"]
    assert words_of(snow, road) == ["jacket · snow", "marathon · road · shoe"]


def test_words_of_a_language_tell_nothing_where_the_language_is_the_same() -> None:
    german = ["Die Jacke und der Schnee", "Der Schnee und die Jacke"]
    english = ["The road and the shoe", "The shoe and the road"] * 5
    other = ["Der Laufschuh und die Strasse", "Die Strasse und der Laufschuh"]
    languages = ["de"] * 2 + ["en"] * 10 + ["de"] * 2
    first, *_ = words_of(german, [*english, *other], languages=languages)
    assert first == "jacke · schnee"


def test_korean_words_lose_their_particles_and_are_not_cut_short() -> None:
    toons = ["웹툰을 보세요", "웹툰이 무료", "새 웹툰은 매일"]
    shows = ["축구 경기는 오늘", "축구 경기를 보세요", "서울의 축구 경기"]
    first, second = words_of(toons, shows)
    assert first.split(" · ")[0] == "웹툰"
    assert set(second.split(" · ")) == {"축구", "경기"}


def test_japanese_words_are_found_without_spaces() -> None:
    comics = ["無料で読めるマンガ", "マンガが毎日無料です", "無料のマンガはここ"]
    shoes = ["新しいシューズを試着", "試着できるシューズ", "シューズの試着はこちら"]
    assert [set(name.split(" · ")) for name in words_of(comics, shoes)] == [{"マンガ", "無料"}, {"シューズ", "試着"}]


def test_names_of_brands_and_addresses_are_no_words_of_a_theme() -> None:
    ours = ["Kestrun jacket, kestrun.example/jacket?utm_source=meta", "A jacket by Kestrun https://a.example/utm"]
    others = ["The shoe for the road", "A road shoe"]
    assert words_of(ours, others, names=("Kestrun",)) == ["jacket", "road · shoe"]
    assert words_of(["Any"], others)[0] == "without telling words"


def test_names_and_calls_to_action_are_silent_with_what_hangs_on_them() -> None:
    toons = ["리디에서 새 웹툰 보러가기", "오직 리디에서만, 웹툰 보러가기", "웹툰은 지금 바로 리디"]
    shows = [
        "Netflix의 축구를 지금 시청하세요 netflix.com에서",
        "축구는 Netflix에서",
        "축구는 넷플릭스에서",
    ]
    first, second = words_of(toons, shows, names=("리디", "넷플릭스", "Netflix"))
    assert first == "웹툰"
    assert second == "축구"


def test_the_beginning_of_a_name_is_a_word_like_any_other() -> None:
    coffee = ["커피빈의 커피 원두", "커피 원두를 커피빈에서", "원두와 커피"]
    assert words_of(coffee, ["축구 경기", "경기와 축구"], names=("커피빈",))[0] == "원두 · 커피"
