"""What is counted: ads or concepts. A concept is seen once, as its organisation sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import insert, select

from core.adapters.postgres import schema
from core.adapters.postgres.engine import Database
from core.domain.principal import Principal
from core.queries.ads import count_ads
from core.queries.concepts import list_concepts
from core.queries.conditions import matching
from core.queries.facets import facets
from core.queries.filters import AdFilters, Unit
from core.queries.pages import AnyRow
from core.queries.units import concept_mix, count_units, units_of
from tests.builders import DAY, AnAd, store, store_concepts, store_scan

US, OTHERS = Principal("ours"), Principal("others")
NONE = AdFilters()
LATER = DAY + timedelta(days=9)


def split(database: Database, who: Principal, item: AnAd, concept_id: str) -> None:
    with database.writer(who) as connection:
        row = {"organisation_id": who.organisation_id, "scope": item.scope, "variant_id": item.ad_id}
        connection.execute(
            insert(schema.concept_split).values(row | {"concept_id": concept_id, "corrected_by": "tests"})
        )


def merge(database: Database, who: Principal, concept_id: str, into: str) -> None:
    with database.writer(who) as connection:
        row = {"organisation_id": who.organisation_id, "concept_id": concept_id, "corrected_by": "tests"}
        connection.execute(insert(schema.concept_merge).values(row | {"merged_into": into, "into_concept_id": into}))


def count(database: Database, who: Principal, unit: Unit, filters: AdFilters = NONE) -> int:
    with database.reader(who) as connection:
        conditions = matching(connection, who, "all", filters)
        return int(connection.execute(count_units(unit, conditions)).scalar_one())


def rows(database: Database, unit: Unit) -> list[AnyRow]:
    with database.reader(US) as connection:
        found = units_of(unit, matching(connection, US, "all", NONE))
        return list(connection.execute(select(found).order_by(found.c.first_seen, found.c.unit_id)))


def mix(database: Database, dimension: str) -> Mapping[tuple[str, str], int]:
    with database.reader(US) as connection:
        conditions = matching(connection, US, "all", NONE)
        return {(row.state, row.value): row.n for row in connection.execute(concept_mix(conditions, dimension))}


def test_ads_of_a_concept_are_one_and_an_ad_not_grouped_is_one(database: Database) -> None:
    one, two, three, alone = (AnAd(name, copy=name) for name in ("1", "2", "3", "4"))
    store(database, one, two, three, alone)
    store_concepts(database, (one, two), (three,))

    assert (count(database, US, "ads"), count(database, US, "concepts")) == (4, 3)
    assert count(database, US, "concepts", AdFilters(concepts=(one.ad_id,))) == 1
    assert count(database, US, "ads", AdFilters(concepts=(one.ad_id,))) == 2
    assert count(database, US, "ads", AdFilters(concepts=(alone.ad_id, three.ad_id))) == 2


def test_a_concept_spans_the_dates_of_its_ads_and_is_active_if_one_is(database: Database) -> None:
    early = AnAd("1", first_seen=DAY, last_seen=DAY, run_start=None)
    late = AnAd("2", first_seen=LATER, last_seen=LATER, last_scanned_on=LATER, run_start=date(2026, 2, 1))
    store(database, early, late)
    store_scan(database, LATER)
    store_concepts(database, (early, late))

    (concept,) = rows(database, "concepts")

    assert (concept.ads, concept.first_seen, concept.last_seen, concept.status) == (2, DAY, LATER, "active")
    assert (concept.run_start, concept.launched_on, concept.launched_by_source) == (
        late.run_start,
        late.run_start,
        True,
    )
    assert [(row.unit_id, row.status) for row in rows(database, "ads")] == [
        (early.ad_id, "not_seen"), (late.ad_id, "active"),
    ]  # fmt: skip


@pytest.mark.parametrize("who", [US, OTHERS])
def test_an_organisation_sees_its_own_splits_and_merges(database: Database, who: Principal) -> None:
    one, two, three = (AnAd(name, copy=name) for name in ("1", "2", "3"))
    store(database, one, two, three)
    store_concepts(database, (one, two), (three,))
    split(database, US, two, "apart")
    merge(database, US, "apart", three.ad_id)

    def in_concept(concept: str) -> int:
        return count(database, who, "ads", AdFilters(concepts=(concept,)))

    seen = (in_concept(one.ad_id), in_concept("apart"), in_concept(three.ad_id))
    assert seen == ((1, 0, 2) if who == US else (2, 0, 1))
    assert count(database, who, "concepts") == 2


def said(name: str, *offers: str) -> AnAd:
    return AnAd(name, copy=name, labels={"offer": offers} if offers else None)


def store_offers(database: Database) -> None:
    """Concepts of every kind: with two values, half read, unknown, pending, without words, and of two that disagree."""
    four = (said("1", "gift", "bundle"), said("2", "gift"), said("3", "unknown"), said("4", "bundle", "price"))
    half_read = (said("5", "gift"), said("6"))  # the other is not read: it says nothing against it
    unknown, pending, silent = (said("7", "unknown"),), (said("8"),), (AnAd("9", copy=""),)
    apart, nothing = (said("10", "none"), said("11", "price")), (said("12", "none"),)
    concepts = (four, half_read, unknown, pending, silent, apart, nothing)
    store(database, *(item for concept in concepts for item in concept))
    store_concepts(database, *concepts)


def test_a_concept_carries_what_half_of_its_read_variants_carry_and_none_stands_alone(database: Database) -> None:
    store_offers(database)

    assert mix(database, "offer") == {
        ("known", ""): 4, ("unknown", ""): 1, ("pending", ""): 1, ("without_text", ""): 1,
        ("=", "gift"): 2, ("=", "bundle"): 1, ("=", "price"): 1, ("=", "none"): 1,
    }  # fmt: skip


def test_a_cell_a_filter_and_a_facet_count_the_same_concepts(database: Database) -> None:
    store_offers(database)
    of_twelve = {"organisation_id": "ours", "scope": "shared", "content_id": said("12").content_id}
    with database.writer(US) as connection:
        connection.execute(
            insert(schema.label_overlay).values(
                of_twelve | {"dimension": "offer", "values": ["gift"], "corrected_by": "us"}
            )
        )
    cells = {value: n for (state, value), n in mix(database, "offer").items() if state == "="}
    counted = facets(database, US, "all", AdFilters(unit="concepts"))["labels.offer"]

    assert cells == {"gift": 3, "bundle": 1, "price": 1} == dict(counted.values)
    for value, wanted in {**cells, "none": 0, "unknown": 3, "nonsense": 0}.items():
        asked = AdFilters(unit="concepts", labels=(("offer", value),))
        assert count_ads(database, US, "all", asked) == wanted, value
        assert len(list_concepts(database, US, "all", asked).items) == wanted, value
    assert (counted.unknown, counted.total) == (3, 7)
    assert count_ads(database, US, "all", AdFilters(labels=(("offer", "none"),))) == 1  # of ads any says it


def test_ads_that_other_filters_leave_out_say_nothing_of_a_concept(database: Database) -> None:
    early, late = replace(said("1", "gift"), first_seen=DAY), replace(said("2", "price"), first_seen=LATER)
    later = replace(said("3", "price"), first_seen=LATER)
    store(database, early, late, later)
    store_concepts(database, (early, late, later))

    of_all = AdFilters(unit="concepts", labels=(("offer", "gift"),))
    assert count_ads(database, US, "all", of_all) == 0
    assert count_ads(database, US, "all", replace(of_all, first_seen_to=DAY)) == 1
