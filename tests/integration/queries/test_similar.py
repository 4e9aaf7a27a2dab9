"""Ads that say nearly the same: exact, filtered inside the search, never an empty answer for what isn't read yet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from math import cos, pi, sin
from threading import Event
from typing import Any

import pytest

from core.adapters.faiss_index import FaissVectorIndex
from core.adapters.postgres.engine import Database
from core.adapters.postgres.text_vectors import TextVectors
from core.domain.principal import Principal
from core.errors import BadInputError, ConflictError, NotFoundError
from core.ports import Neighbour
from core.queries.filters import AdFilters
from core.queries.similar import SimilarTexts, similar_ads
from tests.builders import DAY, AnAd, store, store_text_vectors

US, THEM = Principal("ours"), Principal("theirs")
NONE = AdFilters()
MODEL = "test-model"
ROOM_SECONDS = 0.3
ASKED = AnAd("asked", copy="asked")


def turned(degrees: float) -> tuple[float, float]:
    return cos(degrees * pi / 180), sin(degrees * pi / 180)


def some_vectors(most: int = 1000) -> TextVectors:
    return TextVectors(FaissVectorIndex(MODEL, 2), most=most)


def stored(database: Database, *pairs: tuple[AnAd, float]) -> None:
    """Ads whose texts lie at an angle to that of ``ASKED``."""
    store(database, *(item for item, _ in pairs))
    store_text_vectors(database, MODEL, *((item, turned(degrees)) for item, degrees in pairs))


def ask(database: Database, vectors: TextVectors, who: Principal = US, **more: Any) -> SimilarTexts:
    about = {"brandspace": "all", "filters": NONE, "ad_id": ASKED.ad_id, "vectors": vectors} | more
    return similar_ads(database, who, **about)


def said(found: SimilarTexts) -> list[str]:
    return [item.example.copy for item in found.items]


def at(*degrees: int, **about: Any) -> list[tuple[AnAd, float]]:
    return [(AnAd(f"{angle}", copy=f"at {angle}", **about), angle) for angle in degrees]


def test_the_nearest_texts_come_first_with_their_cosine(database: Database) -> None:
    stored(database, (ASKED, 0), *at(60, 10, 30))

    found = ask(database, some_vectors())

    assert said(found) == ["at 10", "at 30", "at 60"]
    assert [item.cosine for item in found.items] == pytest.approx([cos(n * pi / 180) for n in (10, 30, 60)], abs=1e-6)
    assert (found.model, found.texts_searched, found.texts_without_vector) == (MODEL, 3, 0)
    assert "no probability" in found.measure


def test_a_text_comes_once_with_the_ads_and_brands_that_carry_it(database: Database) -> None:
    again = AnAd("again", "zeta", copy="at 10", last_seen=DAY + timedelta(9))
    stored(database, (ASKED, 0), *at(10), (AnAd("same", copy="asked"), 0))
    store(database, again, AnAd("silent", copy=""))

    found = ask(database, some_vectors())

    assert [(item.same_text, item.ads, item.brands) for item in found.items] == [(True, 1, 1), (False, 2, 2)]
    assert found.items[0].cosine == pytest.approx(1.0)
    assert found.items[0].example.ad_id != ASKED.ad_id
    assert found.items[1].example.ad_id == again.ad_id
    assert (found.total_ads, found.ads_without_text) == (4, 1)


def test_filters_narrow_the_search_and_the_limit_is_filled_all_the_same(database: Database) -> None:
    stored(database, (ASKED, 0), *at(*range(1, 30)), *at(*range(40, 60), format="video"))

    found = ask(database, some_vectors(), filters=AdFilters(formats=("video",)), limit=15)

    assert said(found) == [f"at {angle}" for angle in range(40, 55)]
    assert found.texts_searched == 20


def test_what_others_say_privately_is_never_searched(database: Database) -> None:
    stored(database, (ASKED, 0), *at(50))
    stored(database, *at(*range(1, 20), scope="theirs"))
    vectors = some_vectors()

    assert len(ask(database, vectors, THEM, limit=50).items) == 20
    assert said(ask(database, vectors, limit=10)) == ["at 50"]


def test_anothers_ad_cannot_be_asked_about(database: Database) -> None:
    theirs = AnAd("theirs", scope="theirs", copy="secret")
    stored(database, (ASKED, 0), (theirs, 5))
    vectors = some_vectors()

    for ad_id in (theirs.ad_id, "nobody's"):
        with pytest.raises(NotFoundError):
            ask(database, vectors, ad_id=ad_id)
    with pytest.raises(NotFoundError):
        ask(database, vectors, brandspace="nobody's")
    assert said(ask(database, vectors, THEM, ad_id=theirs.ad_id)) == ["asked"]


def test_a_vector_that_comes_later_is_found_at_the_next_search(database: Database) -> None:
    stored(database, (ASKED, 0), *at(30))
    late = AnAd("late", copy="late")
    store(database, late)
    vectors = some_vectors()

    before = ask(database, vectors)
    store_text_vectors(database, MODEL, (late, turned(10)))
    after = ask(database, vectors)

    assert (said(before), before.texts_searched, before.texts_without_vector) == (["at 30"], 1, 1)
    assert (said(after), after.texts_searched, after.texts_without_vector) == (["late", "at 30"], 2, 0)


def test_what_isnt_read_yet_is_said_and_not_answered_empty(database: Database) -> None:
    store(database, ASKED, AnAd("1", copy="other"))
    vectors = some_vectors()

    with pytest.raises(ConflictError, match="this ad has no vector yet"):
        ask(database, vectors)
    store_text_vectors(database, MODEL, (ASKED, turned(0)))
    with pytest.raises(ConflictError, match="texts of these ads have no vectors yet"):
        ask(database, vectors)
    assert ask(database, vectors, filters=AdFilters(formats=("video",))).items == ()  # here there is nothing to read


def test_a_vector_of_another_model_is_none(database: Database) -> None:
    stored(database, (ASKED, 0), *at(10))
    other = AnAd("other", copy="other")
    store(database, other)
    store_text_vectors(database, "another-model", (other, turned(1)))

    assert said(ask(database, some_vectors())) == ["at 10"]


def test_an_ad_without_text_has_nothing_to_compare(database: Database) -> None:
    silent = AnAd("silent", copy="")
    stored(database, (ASKED, 0))
    store(database, silent)

    with pytest.raises(BadInputError, match="no text"):
        ask(database, some_vectors(), ad_id=silent.ad_id)
    with pytest.raises(BadInputError, match="limit"):
        ask(database, some_vectors(), limit=51)


def test_no_more_vectors_are_held_than_allowed_and_no_answer_suffers(database: Database) -> None:
    stored(database, (ASKED, 0), *at(10, 20, 30), *at(40, 50, 60, format="video"))
    index = FaissVectorIndex(MODEL, 2)
    vectors = TextVectors(index, most=4)
    kinds = {"image": ["at 10", "at 20", "at 30"], "video": ["at 40", "at 50", "at 60"]}

    for kind in ("image", "video", "image", "video"):
        assert said(ask(database, vectors, filters=AdFilters(formats=(kind,)))) == kinds[kind]
        assert index.size() <= 4
    with pytest.raises(BadInputError, match="more than 4 texts"):
        ask(database, vectors)


def test_what_was_forgotten_to_make_room_is_fetched_again(database: Database) -> None:
    stored(database, (ASKED, 0), *at(10), *at(20, 30, format="video"), *at(40, 50, format="carousel"))
    vectors = some_vectors(most=4)

    for formats, found in ((("image", "video"), [10, 20, 30]), (("video", "carousel"), [20, 30, 40, 50])):
        assert said(ask(database, vectors, filters=AdFilters(formats=formats))) == [f"at {angle}" for angle in found]


class SlowIndex(FaissVectorIndex):
    """Its first search waits for somebody to empty it, as long as ``ROOM_SECONDS``."""

    def __init__(self) -> None:
        super().__init__(MODEL, 2)
        self.searching, self.emptied = Event(), Event()

    def search(self, *args: Any, **named: Any) -> list[Neighbour]:
        if not self.searching.is_set():
            self.searching.set()
            self.emptied.wait(ROOM_SECONDS)
        return super().search(*args, **named)

    def clear(self) -> None:
        super().clear()
        self.emptied.set()


def test_nobody_makes_room_while_another_searches(database: Database) -> None:
    stored(database, (ASKED, 0), *at(*range(1, 31)), *at(*range(50, 80), format="video"))
    index = SlowIndex()
    vectors = TextVectors(index, most=45)  # each kind pushes the other out

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, database, vectors, filters=AdFilters(formats=("image",)), limit=20)
        index.searching.wait()
        second = said(ask(database, vectors, filters=AdFilters(formats=("video",)), limit=20))

    assert said(first.result()) == [f"at {angle}" for angle in range(1, 21)]
    assert second == [f"at {angle}" for angle in range(50, 70)]
    assert index.emptied.is_set()
