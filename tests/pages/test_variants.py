"""On an ad's page: the other variants of its concept, why they are thought to be some, and how to put it right."""

from __future__ import annotations

import pytest

from core.adapters.postgres.engine import Database
from core.curation.concepts import merge_concepts
from core.domain.principal import LOCAL_ORGANISATION, LOCAL_PRINCIPAL, Principal, Role
from core.queries.concept_detail import concept_of_ad
from tests.builders import AnAd, store, store_concepts
from tests.hostile_texts import HOSTILE_TEXTS
from tests.pages.conftest import ShowPage, sign_in_as, texts

SAID = "Wording: nearly the same (4 of 64 bits differ)"
ONE, TWO, OTHER = (AnAd(name, copy=f"Copy {name}") for name in ("1", "2", "3"))


@pytest.fixture
def stored(database: Database) -> Database:
    store(database, ONE, TWO, OTHER)
    store_concepts(database, (ONE, TWO), (OTHER,))
    return database


def concept_of(database: Database, item: AnAd) -> str | None:
    found = concept_of_ad(database, LOCAL_PRINCIPAL, item.ad_id)
    return found.concept_id if found else None


def test_variants_stand_with_the_reason_and_the_distances(show: ShowPage, stored: Database) -> None:
    said = texts(show("creatives", ad=TWO.ad_id))
    for expected in ("Variants of this concept", "2 ads in 2 variants", SAID, "Nearest to: Copy 1"):
        assert expected in said, expected


def test_an_ad_that_is_not_grouped_yet_says_so(show: ShowPage, database: Database) -> None:
    store(database, ONE)
    assert "isn't grouped yet" in texts(show("creatives", ad=ONE.ad_id))


def test_a_variant_is_split_off_and_put_back(show: ShowPage, stored: Database) -> None:
    page = show("creatives", ad=ONE.ad_id)
    page.button(key=f"split_{TWO.ad_id}").click().run()
    assert concept_of(stored, TWO) not in (concept_of(stored, ONE), None)
    page = show("creatives", ad=TWO.ad_id)
    assert "1 ad in 1 variant" in texts(page)
    page.button(key=f"back_{TWO.ad_id}").click().run()
    assert concept_of(stored, TWO) == concept_of(stored, ONE)


def test_merged_concepts_are_parted_where_they_stand(show: ShowPage, stored: Database) -> None:
    merge_concepts(stored, LOCAL_PRINCIPAL, OTHER.ad_id, into=ONE.ad_id)
    page = show("creatives", ad=ONE.ad_id)
    assert "2 ads" not in texts(page)
    page.button(key=f"part_{OTHER.ad_id}").click().run()
    assert concept_of(stored, OTHER) == OTHER.ad_id


def test_a_viewer_sees_why_and_changes_nothing(
    show: ShowPage, stored: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in_as(monkeypatch, Principal(LOCAL_ORGANISATION, Role.VIEWER))
    page = show("creatives", ad=ONE.ad_id)
    assert SAID in texts(page)
    assert not [button for button in page.button if (button.key or "").startswith(("split_", "merge_", "back_"))]


def test_copies_of_variants_are_shown_as_they_are(show: ShowPage, database: Database) -> None:
    hostile = [AnAd(str(number), copy=copy) for number, copy in enumerate(HOSTILE_TEXTS[:12])]
    store(database, *hostile)
    store_concepts(database, tuple(hostile))
    page = show("creatives", ad=hostile[0].ad_id)
    assert not page.exception
    assert "](https" not in texts(page).replace("\\](", "")
