"""Two dates beside each other, and how long ads go on being seen: by scans, in ads or in concepts."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from core.adapters.postgres.engine import Database
from core.domain.principal import Principal
from core.errors import BadInputError
from core.queries.deltas import deltas_between, scan_dates
from core.queries.filters import AdFilters
from core.queries.longevity import survivals
from tests.builders import DAY, AnAd, store, store_concepts, store_scan

US = Principal("ours")
ADS, CONCEPTS = AdFilters(), AdFilters(unit="concepts")
LATER = DAY + timedelta(days=10)


def told(name: str, hook: str, brand: str = "acme", **dates: date) -> AnAd:
    return AnAd(name, brand, copy=name, labels={"hook": (hook,)}, **dates)


@pytest.fixture
def two_scans(database: Database) -> Database:
    gone, stays, again, new = (
        told(name, hook) for name, hook in (("1", "claim"), ("2", "story"), ("3", "story"), ("4", "dare"))
    )
    late = told("5", "claim", "zeta")
    store(database, gone, stays, again, new, late)
    store_scan(database, DAY, shows=[gone, stays, again])
    store_scan(database, LATER, shows=[stays, again, new])
    store_scan(database, LATER, brand="zeta", shows=[late])
    store_concepts(database, (gone,), (stays, new), (again,))
    return database


def test_every_ad_of_two_scans_is_new_continuing_or_no_longer_seen(two_scans: Database) -> None:
    found = deltas_between(two_scans, US, "all", "hook", ADS, since=DAY, until=LATER)

    (acme,) = found.turnover.brands
    assert (acme.new, acme.continuing, acme.gone) == (1, 2, 1)
    shares = {row.value: (row.before.count, row.now.count, row.new.count, row.gone.count) for row in acme.values}
    assert shares == {"story": (2, 2, 0, 0), "claim": (1, 0, 0, 1), "dare": (0, 1, 1, 0)}


def test_a_source_that_was_not_scanned_before_is_left_out_and_counted(two_scans: Database) -> None:
    found = deltas_between(two_scans, US, "all", "hook", ADS, since=DAY, until=LATER)

    assert (found.sources, found.sources_left_out) == (2, 1)
    assert [brand.brand for brand in found.turnover.brands] == ["acme"]


def test_a_new_ad_of_a_known_concept_is_no_new_concept(two_scans: Database) -> None:
    found = deltas_between(two_scans, US, "all", "hook", CONCEPTS, since=DAY, until=LATER)

    (acme,) = found.turnover.brands
    assert (acme.new, acme.continuing, acme.gone) == (0, 2, 1)


def test_a_date_stands_for_the_newest_scan_up_to_it(two_scans: Database) -> None:
    days = timedelta(days=3)

    found = deltas_between(two_scans, US, "all", "hook", ADS, since=DAY + days, until=LATER + days)

    (acme,) = found.turnover.brands
    assert (acme.new, acme.continuing, acme.gone) == (1, 2, 1)
    assert scan_dates(two_scans, US, "all", ADS) == (LATER, DAY)
    assert scan_dates(two_scans, US, "all", AdFilters(brands=("zeta",))) == (LATER,)


def test_the_filters_hold_on_both_dates(two_scans: Database) -> None:
    told_story = AdFilters(labels=(("hook", "story"),))

    found = deltas_between(two_scans, US, "all", "hook", told_story, since=DAY, until=LATER)

    assert [(brand.new, brand.continuing, brand.gone) for brand in found.turnover.brands] == [(0, 2, 0)]


def test_dates_the_wrong_way_round_are_refused(database: Database) -> None:
    with pytest.raises(BadInputError, match="since"):
        deltas_between(database, US, "all", "hook", ADS, since=LATER, until=LATER)


def test_what_the_newest_scan_shows_goes_on_and_the_rest_has_ended(database: Database) -> None:
    ended = told("1", "claim", first_seen=DAY, last_seen=DAY + timedelta(days=4), last_scanned_on=DAY)
    on = told("2", "claim", first_seen=DAY, last_seen=LATER, last_scanned_on=LATER)
    alone = told("3", "claim", "zeta", last_scanned_on=LATER)
    store(database, ended, on, alone)
    for day in (DAY, LATER):
        store_scan(database, day)
    store_scan(database, LATER, brand="zeta")

    found = survivals(database, US, "all", ADS)

    acme, zeta = found.brands
    assert (acme.survival.n, acme.survival.ended, acme.survival.still_seen, acme.scan_days) == (2, 1, 1, 2)
    assert [(step.day, step.share) for step in acme.survival.steps] == [(5, 0.5), (11, 0.5)]
    assert (zeta.survival.ended, zeta.survival.median_days, zeta.scan_days) == (0, None, 1)
    assert "proxy" in found.measure


def test_a_brand_scanned_once_is_in_no_test_of_curves(database: Database) -> None:
    for brand in ("acme", "zeta"):
        gone = [told(f"{brand}{n}", "claim", brand, last_scanned_on=DAY) for n in range(3)]
        store(database, *gone, told(f"{brand}on", "claim", brand, last_scanned_on=LATER))
        store_scan(database, LATER, brand=brand)
    store_scan(database, DAY)
    assert survivals(database, US, "all", ADS).log_rank is None

    store_scan(database, DAY, brand="zeta")
    assert survivals(database, US, "all", ADS).log_rank is not None


def test_a_concept_goes_on_as_long_as_one_of_its_ads(database: Database) -> None:
    ended = told("1", "claim", first_seen=DAY, last_seen=DAY, last_scanned_on=DAY)
    on = told("2", "claim", first_seen=LATER, last_seen=LATER, last_scanned_on=LATER)
    store(database, ended, on)
    store_concepts(database, (ended, on))
    for day in (DAY, LATER):
        store_scan(database, day)

    ((acme),) = survivals(database, US, "all", CONCEPTS).brands

    assert (acme.survival.n, acme.survival.still_seen, acme.survival.steps[0].day) == (1, 1, 11)
