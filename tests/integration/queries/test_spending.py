"""What models cost, told by the ledger: one's own, by whatever it is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from core.adapters.postgres.ai_ledger import PostgresAiLedger
from core.adapters.postgres.engine import Database
from core.ai.prices import Price, Prices
from core.ai.taxonomy import Taxonomy, load_taxonomy
from core.curation.budgets import put_budget
from core.domain.label import Outcome
from core.domain.principal import LOCAL_PRINCIPAL as US
from core.domain.principal import Principal, Role
from core.domain.spending import Purpose, Settlement
from core.errors import BadInputError, NotAllowedError, NotFoundError
from core.pipeline.quoting import Quote, Quoter
from core.queries.spending import By, cost_of_ad, get_budget, get_spending
from tests.builders import AnAd, store

NOW = datetime.now(UTC)
ACME = AnAd("1", "acme", copy="Fresh coffee", labels={})
SAME = AnAd("2", "acme", copy="Fresh coffee", labels={})
BOLT = AnAd("3", "bolt", copy="Strong bolts, for ever. " * 40, labels={})
CALL = {"provider": "openai", "model": "small", "prices": "2026-11-21"}


def call(
    database: Database, item: AnAd, cost: str, *, method: str = "labels", outcome: Outcome = Outcome.OK,
    payer: str = US.organisation_id,
) -> None:  # fmt: skip
    ledger = PostgresAiLedger(database, usd_per_day=100.0)
    purpose = Purpose(payer, item.scope, method, brand_slug=item.brand, content_id=item.content_id)
    held = ledger.reserve(purpose, most_usd=float(cost), lasting_seconds=60, **CALL)
    ledger.settle(held, purpose, Settlement(outcome, Decimal(cost), 0.5, 1_000, 0, 100), **CALL)


@pytest.fixture
def spent(database: Database) -> Database:
    store(database, ACME, SAME)
    store(database, BOLT)
    call(database, ACME, "0.5")
    call(database, ACME, "0.25", method="description")
    call(database, BOLT, "1.0", outcome=Outcome.REFUSED)
    call(database, BOLT, "7", payer="theirs")
    return database


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("day", [(NOW.date().isoformat(), 3, 1.75)]),
        ("brand", [("bolt", 1, 1.0), ("acme", 2, 0.75)]),
        ("method", [("labels", 2, 1.5), ("description", 1, 0.25)]),
        ("model", [("openai/small", 3, 1.75)]),
        ("outcome", [("refused", 1, 1.0), ("ok", 2, 0.75)]),
    ],
)
def test_ones_own_spending_by_what_is_asked_for(
    spent: Database, by: By, expected: list[tuple[str, int, float]]
) -> None:
    found = get_spending(spent, US, now=NOW, by=by)
    assert [(row.name, row.calls, row.cost_usd) for row in found.rows] == expected
    assert (found.total.calls, found.total.cost_usd, found.total.input_tokens) == (3, 1.75, 3_000)


def test_ads_that_say_the_same_share_what_reading_it_cost(spent: Database) -> None:
    by_ad = {row.name: row.cost_usd for row in get_spending(spent, US, now=NOW, by="ad").rows}
    assert by_ad == {ACME.ad_id: 0.75, SAME.ad_id: 0.75, BOLT.ad_id: 1.0}
    assert cost_of_ad(spent, US, SAME.ad_id).cost_usd == 0.75
    assert cost_of_ad(spent, Principal("theirs"), BOLT.ad_id).cost_usd == 7
    with pytest.raises(NotFoundError):
        cost_of_ad(spent, US, "nobody")


def test_days_that_are_over_are_left_out(spent: Database) -> None:
    assert get_spending(spent, US, now=NOW + timedelta(days=3), days=3).total.calls == 0


def test_owners_set_a_budget_and_it_is_written_who_did(spent: Database) -> None:
    before = get_budget(spent, US, usd_per_day=5)
    assert (before.usd_per_day, before.is_own, before.left_usd) == (5, False, 3.25)

    put_budget(spent, US, usd_per_day=1, default_usd_per_day=5)

    after = get_budget(spent, US, usd_per_day=5)
    assert (after.usd_per_day, after.is_own, after.left_usd) == (1, True, 0)
    with spent.reader(US) as connection:
        row = connection.execute(text("SELECT action, details FROM audit")).one()
    assert (row.action, row.details) == ("budget.set", {"usd": 1, "usd_before": 5})
    assert get_budget(spent, Principal("theirs"), usd_per_day=5).usd_per_day == 5


def test_nobody_else_sets_one_and_no_odd_one_is_set(spent: Database) -> None:
    with pytest.raises(NotAllowedError):
        put_budget(spent, Principal("local", Role.ANALYST), usd_per_day=1, default_usd_per_day=5)
    for odd in (-1, float("nan"), float("inf"), 1e9):
        with pytest.raises(BadInputError):
            put_budget(spent, US, usd_per_day=odd, default_usd_per_day=5)


# --- quotes


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy()


def quote(database: Database, taxonomy: Taxonomy, brand: str, *, price: Price | None, again: bool = False) -> Quote:
    prices = Prices(NOW.date(), (price,) if price else ())
    return Quoter(database, taxonomy, prices, ("openai", "small"), 5.0).quote(US, brand, again=again)


PRICE = Price(provider="openai", model="small", input=1.0, output=4.0)


def test_a_quote_counts_what_no_model_has_read(database: Database, taxonomy: Taxonomy) -> None:
    store(database, ACME, SAME)
    store(database, BOLT)
    acme = quote(database, taxonomy, "acme", price=PRICE)
    assert (acme.brand, acme.texts, acme.calls) == ("acme", 1, 2)  # labels and a description
    assert 0 < (acme.usd_low or 0) < (acme.usd_high or 0)
    assert acme.left_usd_today == 5
    assert quote(database, taxonomy, "bolt", price=PRICE).input_tokens > acme.input_tokens

    with database.worker("shared") as connection:
        connection.execute(text("UPDATE content SET asked_at = now(), outcome = 'ok'"))
    assert quote(database, taxonomy, "acme", price=PRICE).calls == 0
    assert quote(database, taxonomy, "acme", price=PRICE, again=True).calls == 1  # what is described is described


def test_a_model_without_a_price_has_no_range(database: Database, taxonomy: Taxonomy) -> None:
    store(database, ACME)
    unknown = quote(database, taxonomy, "acme", price=None)
    assert (unknown.usd_low, unknown.usd_high, unknown.calls) == (None, None, 2)


def test_without_a_model_reading_is_free(database: Database, taxonomy: Taxonomy) -> None:
    store(database, ACME)
    free = Quoter(database, taxonomy, Prices(NOW.date(), ()), None, 5.0).quote(US, "acme")
    assert (free.calls, free.usd_low, free.usd_high, free.model) == (0, 0.0, 0.0, None)
