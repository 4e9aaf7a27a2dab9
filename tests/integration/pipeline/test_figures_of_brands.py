"""The figures beside each brand are what counting its ads says, whatever was imported in which order."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import create_engine, pool, text

from core.adapters.postgres.brand_figures import recount
from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from core.domain.ad import AdRecord
from core.domain.principal import SHARED_SCOPE
from tests.builders import DAY, AnAd, store
from tests.running_system import System, an_ad

WEEK = timedelta(days=7)
STATES = ("active", "stopped", "not_seen")
Figures = dict[str, Counter[str]]


def a_scan(chance: random.Random) -> list[AdRecord]:
    """Ads of a few ids only, so that they come again, under another brand, too."""
    day, brand = DAY + chance.randrange(4) * WEEK, chance.choice(["Acme", "Bolt"])
    return [
        an_ad(
            str(number),
            f"Text {number}.",
            brand_name=brand,
            scanned_on=day,
            run_end=chance.choice([None, day - WEEK, day + WEEK]),
            source_says_active=chance.choice([None, None, True, False]),
        )
        for number in chance.sample(range(8), chance.randint(1, 5))
    ]


def counted(system: System) -> Figures:
    """From the ads and scans alone, by the words of the glossary."""
    newest: dict[Any, Any] = {}
    for scan in system.rows("scan"):
        newest[group(scan)] = max(scan["scanned_on"], newest.get(group(scan), scan["scanned_on"]))
    found: Figures = {row["slug"]: Counter() for row in system.rows("brand")}
    for ad in system.rows("ad"):
        last = newest.get(group(ad), ad["last_scanned_on"])
        ended = ad["source_says_active"] is False or (ad["run_end"] is not None and ad["run_end"] < last)
        status = "stopped" if ended else "not_seen" if ad["last_scanned_on"] < last else "active"
        found[ad["brand_slug"]].update(["ads", status])
    return found


def group(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in ("scope", "brand_slug", "channel", "account"))


def stored(system: System) -> Figures:
    return {row["slug"]: +Counter({name: row[name] for name in ("ads", *STATES)}) for row in system.rows("brand")}


@pytest.mark.parametrize("seed", range(3))
def test_after_any_scans_the_figures_are_what_counting_says(system: System, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(6):
        system.ingest(*a_scan(chance))
        assert stored(system) == counted(system)


def test_another_brands_scan_counts_the_brand_its_ad_stays_with(system: System) -> None:
    system.ingest(an_ad("1", "A.", brand_name="Acme"), an_ad("2", "B.", brand_name="Acme"))

    system.ingest(an_ad("1", "A.", brand_name="Bolt", source_says_active=False, scanned_on=DAY + WEEK))

    assert stored(system)["acme"] == {"ads": 2, "active": 1, "stopped": 1}
    assert stored(system)["bolt"] == {}


def test_the_migration_counts_what_was_there_before_it(system: System, cluster: Cluster) -> None:
    chance = random.Random(4)
    for _ in range(6):
        system.ingest(*a_scan(chance))
    engine = create_engine(cluster.owner, poolclass=pool.NullPool)
    with engine.begin() as owner:
        owner.execute(text("UPDATE brand SET ads = 0, active = 0, stopped = 0, not_seen = 0"))
        owner.execute(text(import_module("core.migrations.versions.0004_figures_of_brands").COUNT))

    assert stored(system) == counted(system)


def test_of_two_who_count_at_once_the_second_sees_what_the_first_wrote(database: Database) -> None:
    first, second = AnAd("1"), AnAd("2", copy="Other.")
    store(database, first, second)
    end = text("UPDATE ad SET source_says_active = false WHERE ad_id = :id")

    def stop(item: AnAd) -> None:
        with database.worker(SHARED_SCOPE) as connection:
            connection.execute(end, {"id": item.ad_id})
            recount(connection, SHARED_SCOPE, "acme", [item.ad_id])

    with database.worker(SHARED_SCOPE) as connection:
        connection.execute(end, {"id": first.ad_id})
        recount(connection, SHARED_SCOPE, "acme", [first.ad_id])
        other = threading.Thread(target=stop, args=(second,))
        other.start()
        wait_until_somebody_waits(database)
    other.join()

    with database.worker(SHARED_SCOPE) as connection:
        assert connection.execute(text("SELECT stopped FROM brand")).scalar_one() == 2


def wait_until_somebody_waits(database: Database) -> None:
    statement = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while True:
        with database.machinery() as connection:
            if connection.execute(statement).scalar_one():
                return
