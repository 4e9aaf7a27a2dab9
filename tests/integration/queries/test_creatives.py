"""The files of ads: each once, whoever shows it, and only where an ad that may be seen does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from core.adapters.postgres import schema
from core.adapters.postgres.engine import Database
from core.domain.principal import Principal
from core.errors import NotFoundError
from core.queries.creatives import list_creatives
from core.queries.filters import AdFilters
from core.queries.groups import GROUP_SORTS, GroupPage
from tests.builders import DAY, AnAd, store

US = Principal("ours")
NONE = AdFilters()
RED, BLUE, GREEN = "a" * 64, "b" * 64, "c" * 64


def test_a_file_comes_once_with_the_ads_and_brands_that_show_it(database: Database) -> None:
    store(database, AnAd("1", sha256=RED), AnAd("2", sha256=RED, last_seen=DAY + timedelta(9)), AnAd("3", copy="none"))
    store(database, AnAd("4", "zeta", sha256=RED), AnAd("5", sha256=BLUE))

    found = list_creatives(database, US, "all", NONE)

    assert (found.total_creatives, found.total_ads, found.ads_with_file) == (2, 5, 4)
    red, blue = found.items
    assert (red.sha256, red.ads, red.brands) == (RED, 3, 2)
    assert (red.first_seen, red.last_seen) == (DAY, DAY + timedelta(9))
    assert (red.content_type, red.size_bytes, red.width_pixels, red.height_pixels) == ("image/png", 10, 1, 1)
    assert (blue.sha256, blue.ads) == (BLUE, 1)


def test_only_ads_that_pass_the_filters_count(database: Database) -> None:
    store(database, AnAd("1", sha256=RED), AnAd("2", "zeta", sha256=RED), AnAd("3", "zeta", sha256=BLUE))

    found = list_creatives(database, US, "all", AdFilters(brands=("acme",)))

    assert [(item.sha256, item.ads, item.brands) for item in found.items] == [(RED, 1, 1)]
    with pytest.raises(NotFoundError):
        list_creatives(database, US, "nobody's", NONE)


def test_a_file_that_only_others_ads_show_is_not_there(database: Database) -> None:
    store(
        database, AnAd("1", sha256=RED), AnAd("1", scope="theirs", sha256=RED), AnAd("2", scope="theirs", sha256=BLUE)
    )

    (found,) = list_creatives(database, US, "all", NONE).items

    assert (found.sha256, found.ads) == (RED, 1)


def test_the_picture_of_a_page_is_no_creative(database: Database) -> None:
    store(database, AnAd("1", sha256=RED), AnAd("2", sha256=BLUE))
    with database.worker("shared") as connection:
        avatar = update(schema.ad_media).values(role="page_avatar").where(schema.ad_media.c.sha256 == BLUE)
        connection.execute(avatar)

    assert [item.sha256 for item in list_creatives(database, US, "all", NONE).items] == [RED]


def test_an_ad_that_shows_a_file_twice_counts_once(database: Database) -> None:
    ad = AnAd("1", sha256=RED)
    store(database, ad)
    again = {"ad_id": ad.ad_id, "item_id": "second", "scope": ad.scope, "sha256": RED, "role": "image", "position": 1}
    with database.worker("shared") as connection:
        connection.execute(insert(schema.ad_media).values(again | {"status": "ok"}))

    (found,) = list_creatives(database, US, "all", NONE).items

    assert found.ads == 1


@pytest.mark.parametrize("sort", GROUP_SORTS)
def test_every_file_comes_once_through_the_cursors_in_order(database: Database, sort: str) -> None:
    files = [RED, RED, RED, BLUE, BLUE, GREEN]
    store(database, *(AnAd(str(n), sha256=sha256, first_seen=DAY - timedelta(n)) for n, sha256 in enumerate(files)))
    seen, cursor = [], None
    while True:
        page = list_creatives(database, US, "all", NONE, GroupPage(cursor, 1, sort))
        seen += page.items
        if (cursor := page.next_cursor) is None:
            break

    assert sorted(item.sha256 for item in seen) == [RED, BLUE, GREEN]
    if sort == "most_ads":
        assert [item.ads for item in seen] == [3, 2, 1]
