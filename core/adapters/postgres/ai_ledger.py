"""What models cost: the most a call can cost is reserved before it, what it did cost is booked after it.

All reservations of an organisation and day go through the lock of one row, so that spent + reserved never passes the
budget, however many processes ask. Whoever dies between the two leaves a reservation behind: when it has expired, the
most is booked as spent, for the vendor may have billed it. Time and day are the database's.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from decimal import ROUND_UP, Decimal
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, text

from core.adapters.postgres.engine import Database
from core.domain.spending import Purpose, Reservation, Room, Settlement
from core.errors import BudgetSpentError

_TODAY: Final = "CAST(now() AT TIME ZONE 'utc' AS date)"
_CENT_FRACTION: Final = Decimal("0.00000001")  # what the columns hold


@dataclass(frozen=True, slots=True)
class PostgresAiLedger:
    """The tables ``ai_call``, ``ai_spending`` and ``ai_reservation``. ``usd_per_day``: of who has no budget set."""

    database: Database
    usd_per_day: float

    def reserve(
        self, purpose: Purpose, *, provider: str, model: str, prices: str, most_usd: float, lasting_seconds: float
    ) -> Reservation:
        """Put aside what the call can cost at most. Raises BudgetSpentError where that would pass the budget."""
        most = exact(most_usd)
        call = {**asdict(purpose), "provider": provider, "model": model, "prices": prices}
        with self.database.machinery() as connection:
            _lock_today(connection, purpose.organisation_id)
            book_lost(connection, purpose.organisation_id)
            room = room_today(connection, purpose.organisation_id, self.usd_per_day)
            if most > room.left_usd:
                raise BudgetSpentError(_spent(room, most))
            return _insert(connection, call, most, lasting_seconds)

    def settle(self, reservation: Reservation, purpose: Purpose, settlement: Settlement, **call: str) -> None:
        """Book what the call cost; ``call`` names its provider, model and prices.

        Where the most was booked meanwhile, the row corrects that.
        """
        with self.database.machinery() as connection:
            _lock(connection, reservation)
            taken = text("DELETE FROM ai_reservation WHERE reservation_id = :id")
            is_held = connection.execute(taken, {"id": reservation.reservation_id}).rowcount == 1
            cost = settlement.cost_usd if is_held else settlement.cost_usd - reservation.most_usd
            _book(connection, reservation, cost)
            row = {**asdict(purpose), **call, **asdict(settlement), "cost_usd": cost}
            _append(connection, row | {"called_at": reservation.called_at})

    def release(self, reservation: Reservation) -> None:
        """Give back what was put aside for a call that wasn't made."""
        with self.database.machinery() as connection:
            statement = text("DELETE FROM ai_reservation WHERE reservation_id = :id")
            connection.execute(statement, {"id": reservation.reservation_id})

    def room(self, organisation_id: str) -> Room:
        """What the organisation may still spend today."""
        with self.database.machinery() as connection:
            return room_today(connection, organisation_id, self.usd_per_day)


def exact(usd: float | Decimal) -> Decimal:
    """An amount as the ledger holds it, rounded up."""
    return Decimal(str(usd)).quantize(_CENT_FRACTION, ROUND_UP)


def room_today(connection: Connection, organisation_id: str, usd_per_day: float) -> Room:
    """The budget, what is spent and what is reserved today (UTC). The connection may be a reader's."""
    statement = text(
        "SELECT coalesce((SELECT usd_per_day FROM ai_budget WHERE organisation_id = :organisation), :usd_per_day),"  # noqa: S608
        " EXISTS (SELECT FROM ai_budget WHERE organisation_id = :organisation),"
        " coalesce((SELECT spent_usd FROM ai_spending"
        f"   WHERE organisation_id = :organisation AND day = {_TODAY}), 0),"
        " coalesce((SELECT sum(most_usd) FROM ai_reservation"
        f"   WHERE organisation_id = :organisation AND day = {_TODAY}), 0) /* room_today */"
    )
    values = {"organisation": organisation_id, "usd_per_day": exact(usd_per_day)}
    return Room(*connection.execute(statement, values).one())


def set_budget(connection: Connection, organisation_id: str, usd_per_day: float, set_by: str) -> None:
    """What the organisation may spend a day from now on; what is reserved stays reserved."""
    statement = text(
        "INSERT INTO ai_budget (organisation_id, usd_per_day, set_by) VALUES (:organisation, :usd, :actor)"
        " ON CONFLICT (organisation_id) DO UPDATE"
        " SET usd_per_day = excluded.usd_per_day, set_by = excluded.set_by, set_at = now()"
    )
    connection.execute(statement, {"organisation": organisation_id, "usd": exact(usd_per_day), "actor": set_by})


def book_lost(connection: Connection, organisation_id: str | None = None) -> int:
    """Book the most of every call that nobody settled in time, as failed; how many. None: of every organisation."""
    statement = text(
        "WITH lost AS (DELETE FROM ai_reservation WHERE expires_at < now()"
        "   AND (CAST(:organisation AS text) IS NULL OR organisation_id = :organisation) RETURNING *),"
        " booked AS (INSERT INTO ai_call (organisation_id, request_id, scope, brand_slug, content_id, method, provider,"
        "   model, outcome, cost_usd, prices, seconds, called_at)"
        "   SELECT organisation_id, call->>'request_id', call->>'scope', call->>'brand_slug', call->>'content_id',"
        "     call->>'method', call->>'provider', call->>'model', 'failed', most_usd, call->>'prices', 0,"
        "     CAST(call->>'called_at' AS timestamptz) FROM lost),"
        " days AS (INSERT INTO ai_spending (organisation_id, day, spent_usd)"
        "   SELECT organisation_id, day, sum(most_usd) FROM lost GROUP BY organisation_id, day"
        "   ON CONFLICT (organisation_id, day) DO UPDATE SET spent_usd = ai_spending.spent_usd + excluded.spent_usd)"
        " SELECT count(*) FROM lost"
    )
    count: int = connection.execute(statement, {"organisation": organisation_id}).scalar_one()
    return count


def paid_calls(connection: Connection, purpose: Purpose) -> int:
    """How many calls were or may be billed for the purpose since its content was last asked about."""
    statement = text(
        "SELECT count(*) FROM ai_call a JOIN content c USING (scope, content_id)"
        " WHERE a.organisation_id = :organisation_id AND a.scope = :scope AND a.content_id = :content_id"
        " AND a.brand_slug = :brand_slug AND a.method = :method"
        " AND a.called_at >= c.asked_at AND (a.outcome <> 'failed' OR a.cost_usd > 0)"
    )
    count: int = connection.execute(statement, asdict(purpose)).scalar_one()
    return count


def _lock_today(connection: Connection, organisation_id: str) -> None:
    """Everybody else who would reserve or settle for the organisation waits until this transaction ends."""
    values = {"organisation": organisation_id}
    connection.execute(
        text(
            "INSERT INTO ai_spending (organisation_id, day)"  # noqa: S608 - a constant of ours
            f" VALUES (:organisation, {_TODAY}) ON CONFLICT DO NOTHING"
        ),
        values,
    )
    connection.execute(
        text(f"SELECT 1 FROM ai_spending WHERE organisation_id = :organisation AND day = {_TODAY} FOR UPDATE"),  # noqa: S608
        values,
    )


def _lock(connection: Connection, reservation: Reservation) -> None:
    """Before its row is touched: in the order in which reserving locks."""
    statement = text("SELECT 1 FROM ai_spending WHERE organisation_id = :organisation AND day = :day FOR UPDATE")
    connection.execute(statement, {"organisation": reservation.organisation_id, "day": reservation.day})


def _insert(connection: Connection, call: dict[str, Any], most: Decimal, lasting_seconds: float) -> Reservation:
    statement = text(
        "INSERT INTO ai_reservation (reservation_id, organisation_id, day, most_usd, call, expires_at)"  # noqa: S608
        f" VALUES (:id, :organisation, {_TODAY}, :most,"
        " CAST(:call AS jsonb) || jsonb_build_object('called_at', now()), now() + make_interval(secs => :seconds))"
        " RETURNING reservation_id, organisation_id, day, most_usd, now()"
    )
    values = {"id": uuid4().hex, "organisation": call["organisation_id"], "most": most, "seconds": lasting_seconds}
    return Reservation(*connection.execute(statement, values | {"call": json.dumps(call)}).one())


def _book(connection: Connection, reservation: Reservation, cost: Decimal) -> None:
    statement = text(
        "UPDATE ai_spending SET spent_usd = spent_usd + :cost WHERE organisation_id = :organisation AND day = :day"
    )
    values = {"cost": cost, "organisation": reservation.organisation_id, "day": reservation.day}
    connection.execute(statement, values)


def _append(connection: Connection, row: dict[str, Any]) -> None:
    names = ", ".join(row)
    places = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO ai_call ({names}) VALUES ({places})"), row)  # noqa: S608 - fields of ours


def _spent(room: Room, most: Decimal) -> str:
    return (
        f"the budget of {room.budget_usd.normalize():f} USD a day leaves {room.left_usd:.4f} USD today (UTC),"
        " and a call may cost"
        f" {most:.4f} USD: raise it with `./adology budget USD`, or wait for tomorrow"
    )
