"""The ledger of what models cost: reserved before, settled after, never past the budget."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from multiprocessing.synchronize import Barrier as ProcessBarrier
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.adapters.postgres import ai_ledger
from core.adapters.postgres.ai_ledger import PostgresAiLedger, book_lost
from core.adapters.postgres.engine import Database, DatabaseUrls
from core.adapters.postgres.roles import Cluster
from core.domain.label import Outcome
from core.domain.spending import Purpose, Reservation, Settlement
from core.errors import BudgetSpentError

PURPOSE = Purpose("ours", "shared", "labels", brand_slug="acme", content_id="c1", request_id="r1")
CALL = {"provider": "openai", "model": "small", "prices": "2026-11-21"}


@pytest.fixture
def ledger(database: Database) -> PostgresAiLedger:
    return PostgresAiLedger(database, usd_per_day=1.0)


def reserve(ledger: PostgresAiLedger, most_usd: float, *, lasting_seconds: float = 60) -> Reservation:
    return ledger.reserve(PURPOSE, most_usd=most_usd, lasting_seconds=lasting_seconds, **CALL)


def settle(ledger: PostgresAiLedger, reservation: Reservation, cost: str, outcome: Outcome = Outcome.OK) -> None:
    ledger.settle(reservation, PURPOSE, Settlement(outcome, Decimal(cost), 0.5, 100, 0, 20, "v1"), **CALL)


def rows(database: Database) -> list[tuple[str, Decimal]]:
    """Outcome and cost of every call booked, as they came."""
    with database.machinery() as connection:
        found = connection.execute(text("SELECT outcome, cost_usd FROM ai_call ORDER BY ai_call_id"))
        return [(row.outcome, row.cost_usd) for row in found]


def spent(database: Database) -> Decimal:
    with database.machinery() as connection:
        found = connection.execute(text("SELECT coalesce(sum(spent_usd), 0) FROM ai_spending"))
        return Decimal(found.scalar_one())


def expire_all(database: Database) -> None:
    with database.machinery() as connection:
        connection.execute(text("UPDATE ai_reservation SET expires_at = now() - interval '1 second'"))


def test_what_is_reserved_counts_until_it_is_settled(ledger: PostgresAiLedger, database: Database) -> None:
    held = reserve(ledger, 0.7)
    with pytest.raises(BudgetSpentError, match=r"budget of 1 USD a day leaves 0\.3000 USD"):
        reserve(ledger, 0.4)

    settle(ledger, held, "0.2")

    reserve(ledger, 0.8)
    room = ledger.room("ours")
    assert (room.spent_usd, room.reserved_usd, room.left_usd) == (Decimal("0.2"), Decimal("0.8"), 0)
    assert rows(database) == [("ok", Decimal("0.2"))]


def test_a_call_that_was_not_made_costs_nothing(ledger: PostgresAiLedger, database: Database) -> None:
    ledger.release(reserve(ledger, 1.0))
    reserve(ledger, 1.0)
    assert rows(database) == []


def test_a_refused_or_failed_call_is_a_row_too(ledger: PostgresAiLedger, database: Database) -> None:
    settle(ledger, reserve(ledger, 0.5), "0.125", Outcome.REFUSED)
    settle(ledger, reserve(ledger, 0.5), "0", Outcome.FAILED)
    assert rows(database) == [("refused", Decimal("0.125")), ("failed", Decimal(0))]
    assert spent(database) == Decimal("0.125")


def test_the_budget_of_an_organisation_goes_before_the_setting(ledger: PostgresAiLedger, database: Database) -> None:
    with database.machinery() as connection:
        connection.execute(text("INSERT INTO ai_budget VALUES ('ours', 3, 'user:u1')"))
    reserve(ledger, 2.5)
    other = Purpose("theirs", "shared", "labels")
    with pytest.raises(BudgetSpentError):
        ledger.reserve(other, most_usd=2.5, lasting_seconds=60, **CALL)


def test_a_call_is_booked_on_the_day_it_was_reserved_for(ledger: PostgresAiLedger, database: Database) -> None:
    """It was answered after midnight (UTC)."""
    held = reserve(ledger, 0.7)
    with database.machinery() as connection:
        connection.execute(text("UPDATE ai_spending SET day = day - 1; UPDATE ai_reservation SET day = day - 1"))
    reserve(ledger, 0.1)  # the new day has its row

    settle(ledger, replace(held, day=held.day - timedelta(days=1)), "0.2")

    with database.machinery() as connection:
        days = connection.execute(text("SELECT day, spent_usd FROM ai_spending ORDER BY day")).all()
    assert [tuple(row) for row in days] == [(held.day - timedelta(days=1), Decimal("0.2")), (held.day, 0)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ai_spending SET spent_usd = -0.01",
        "UPDATE ai_reservation SET most_usd = -0.01",
        "INSERT INTO ai_budget VALUES ('ours', -1, 'x')",
    ],
)
def test_nothing_in_the_ledger_is_below_zero(ledger: PostgresAiLedger, database: Database, statement: str) -> None:
    settle(ledger, reserve(ledger, 0.2), "0.1")
    reserve(ledger, 0.1)
    with pytest.raises(IntegrityError), database.machinery() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("tokens", [(-1, 0, 0), (0, -1, 0), (0, 0, -1)])
def test_tokens_below_zero_are_not_booked(ledger: PostgresAiLedger, tokens: tuple[int, int, int]) -> None:
    with pytest.raises(IntegrityError, match="ck_ai_call_tokens"):
        ledger.settle(reserve(ledger, 0.2), PURPOSE, Settlement(Outcome.OK, Decimal(0), 0.5, *tokens), **CALL)


def test_a_cost_below_zero_is_not_booked(ledger: PostgresAiLedger, database: Database) -> None:
    held = reserve(ledger, 0.2)
    with pytest.raises(ValueError, match=r"-0\.1 USD"):
        settle(ledger, held, "-0.1")
    assert (rows(database), ledger.room("ours").reserved_usd) == ([], Decimal("0.2"))


def test_what_costs_nothing_needs_no_budget(database: Database) -> None:
    reserve(PostgresAiLedger(database, usd_per_day=0.0), 0.0)


def test_the_next_day_has_room_again(ledger: PostgresAiLedger, database: Database) -> None:
    settle(ledger, reserve(ledger, 1.0), "1.0")
    with database.machinery() as connection:
        connection.execute(text("UPDATE ai_spending SET day = day - 1"))
    reserve(ledger, 1.0)


def test_a_call_nobody_settled_is_booked_at_its_most(ledger: PostgresAiLedger, database: Database) -> None:
    """The process died: the vendor may have billed it."""
    reserve(ledger, 0.6)
    expire_all(database)

    with pytest.raises(BudgetSpentError):
        reserve(ledger, 0.5)

    with database.machinery() as connection:
        assert book_lost(connection) == 1  # the refusal took its own booking back
    assert (rows(database), spent(database)) == ([("failed", Decimal("0.6"))], Decimal("0.6"))
    with database.machinery() as connection:
        row = connection.execute(text("SELECT brand_slug, content_id, request_id, model FROM ai_call")).one()
    assert tuple(row) == ("acme", "c1", "r1", "small")


def test_a_call_settled_after_all_corrects_what_was_booked(ledger: PostgresAiLedger, database: Database) -> None:
    late = reserve(ledger, 0.6)
    expire_all(database)
    reserve(ledger, 0.1)

    settle(ledger, late, "0.05")

    assert rows(database) == [("failed", Decimal("0.6")), ("ok", Decimal("-0.55"))]
    assert spent(database) == Decimal("0.05")


def test_whoever_comes_between_the_look_and_the_reservation_waits(
    ledger: PostgresAiLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.release(reserve(ledger, 0.1))  # the day has its row: making it is a lock, too
    first_is_inside, second_is_inside = Event(), Event()
    insert = ai_ledger._insert

    def slowly(*arguments: Any) -> Reservation:
        if first_is_inside.is_set():
            second_is_inside.set()
        first_is_inside.set()
        second_is_inside.wait(0.5)
        return insert(*arguments)

    monkeypatch.setattr(ai_ledger, "_insert", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(reserve, ledger, 0.6)
        assert first_is_inside.wait(10)
        second = pool.submit(reserve, ledger, 0.6)
        assert first.result().most_usd == Decimal("0.6")
        with pytest.raises(BudgetSpentError):
            second.result()


def test_twenty_threads_never_pass_the_budget_together(ledger: PostgresAiLedger, database: Database) -> None:
    together = Barrier(20)

    def ask(_: int) -> int:
        together.wait()
        done = 0
        for _ in range(5):
            try:
                settle(ledger, reserve(ledger, 0.05), "0.05")
                done += 1
            except BudgetSpentError:
                break
        return done

    with ThreadPoolExecutor(20) as pool:
        calls = sum(pool.map(ask, range(20)))

    assert spent(database) == Decimal("0.05") * calls <= 1
    assert spent(database) >= Decimal("0.9")  # nobody was refused while there was room for a few


def test_two_processes_share_a_budget_and_a_killed_one_is_booked(cluster: Cluster, database: Database) -> None:
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(2)
    children = [context.Process(target=_spend_and_die, args=(_addresses(cluster), together)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 137

    expire_all(database)
    with database.machinery() as connection:
        assert book_lost(connection) == 2
    settled = [cost for outcome, cost in rows(database) if outcome == "ok"]
    assert spent(database) == sum(settled) + 2 * Decimal("0.1") <= 1
    assert len(settled) == 8  # 1.00 USD: eight calls of 0.10 and the two that were never settled


def _addresses(cluster: Cluster) -> tuple[str, str, str]:
    urls = (cluster.urls.app, cluster.urls.worker, cluster.urls.operator)
    app, worker, operator = (url.render_as_string(hide_password=False) for url in urls)
    return app, worker, operator


def _spend_and_die(addresses: tuple[str, str, str], together: ProcessBarrier) -> None:
    """One call is under way and never settled; the budget is spent beside it; then the process is killed.

    Nobody spends before both have a call under way: who starts late would find nothing left for its own.
    """
    ledger = PostgresAiLedger(Database(DatabaseUrls.parse(*addresses)), usd_per_day=1.0)
    reserve(ledger, 0.1)
    together.wait(30)
    try:
        while True:
            settle(ledger, reserve(ledger, 0.1), "0.1")
    except BudgetSpentError:
        os._exit(137)
