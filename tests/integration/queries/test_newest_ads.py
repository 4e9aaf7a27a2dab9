"""What is new: ads that the newest scan of their source brought, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from core.adapters.postgres.engine import Database
from core.curation.brandspaces import create_brandspace
from core.domain.principal import Principal
from core.queries.newest_ads import newest_pictured
from tests.builders import DAY, AnAd, store, store_scan

US = Principal("ours")
PICTURE = "a" * 64
LATER = DAY + timedelta(days=30)
OLD, NEW = AnAd("old", sha256=PICTURE), AnAd("new", sha256=PICTURE, first_seen=DAY - timedelta(days=90))


def newest(database: Database, brandspace: str = "all") -> Sequence[str]:
    return [card.ad_id for card in newest_pictured(database, US, brandspace)]


def test_what_a_scan_before_has_shown_is_not_new_whatever_the_source_says_of_its_dates(database: Database) -> None:
    store(database, OLD)
    store_scan(database, DAY, shows=[OLD], new=1)
    assert newest(database) == [OLD.ad_id]
    store(database, NEW)
    store_scan(database, LATER, shows=[OLD, NEW], new=1, seen_again=1)
    assert newest(database) == [NEW.ad_id]


def test_a_source_that_brought_nothing_new_shows_nothing(database: Database) -> None:
    store(database, OLD)
    store_scan(database, DAY, shows=[OLD], new=1)
    store_scan(database, LATER, shows=[OLD], new=0, seen_again=1)
    assert newest(database) == []


def test_an_ad_without_a_picture_has_no_place(database: Database) -> None:
    plain = replace(OLD, sha256=None, media_status="none_declared")
    store(database, plain)
    store_scan(database, DAY, shows=[plain], new=1)
    assert newest(database) == []


def test_the_latest_scan_comes_first_and_each_source_has_its_own(database: Database) -> None:
    rival = AnAd("rival", "rival", sha256=PICTURE)
    theirs = AnAd("theirs", "coda", "theirs", sha256=PICTURE)
    store(database, OLD, rival, theirs)
    store_scan(database, DAY, shows=[OLD], new=1)
    store_scan(database, LATER, brand="rival", shows=[rival], new=1)
    store_scan(database, LATER, brand="coda", scope="theirs", shows=[theirs], new=1)
    assert newest(database) == [rival.ad_id, OLD.ad_id]
    ours = create_brandspace(database, US, name="Ours", competitors=["acme"]).brandspace_id
    assert newest(database, ours) == [OLD.ad_id]
