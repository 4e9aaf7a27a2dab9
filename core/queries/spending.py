"""What models have cost an organisation, and what it may spend: its own rows of the ledger, nobody else's.

A row of the ledger is a call, answered or not. Whole days are UTC's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Date, cast, func, select

from core.access.rights import require
from core.adapters.postgres.ai_ledger import room_today
from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, ad_version, ai_call
from core.domain.principal import SHARED_SCOPE, Permission, Principal
from core.errors import NotFoundError
from core.queries.pages import AnySelect

By = Literal["day", "brand", "method", "model", "outcome", "ad"]
MOST_ROWS: Final = 200

_DAY: ColumnElement[Any] = cast(func.timezone("UTC", ai_call.c.called_at), Date)
_NAMES: Mapping[str, ColumnElement[Any]] = {
    "day": _DAY,
    "brand": ai_call.c.brand_slug,
    "method": ai_call.c.method,
    "model": ai_call.c.provider + "/" + ai_call.c.model,
    "outcome": ai_call.c.outcome,
}


@dataclass(frozen=True, slots=True)
class SpendingRow:
    """``name``: a day, the slug of a brand (none: unknown), a method, provider/model, an outcome or the id of an ad."""

    name: str | None
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Spending:
    """Days newest first, everything else dearest first; at most 200 rows. ``total`` is of all.

    ``by`` ad, a call counts for each ad that shows what was read: the rows may sum to more than the total.
    """

    by: str
    since: date
    rows: tuple[SpendingRow, ...]
    total: SpendingRow


@dataclass(frozen=True, slots=True)
class BudgetView:
    """Today (UTC), in USD. ``is_own``: set by the organisation; else it is the system's.

    ``reserved_usd`` is put aside for calls under way; ``left_usd`` is what further calls may cost.
    """

    usd_per_day: float
    is_own: bool
    spent_usd: float
    reserved_usd: float
    left_usd: float


def get_budget(database: Database, principal: Principal, *, usd_per_day: float) -> BudgetView:
    """``usd_per_day``: of who has none of its own."""
    require(principal, Permission.READ)
    with database.reader(principal) as connection:
        room = room_today(connection, principal.organisation_id, usd_per_day)
    return BudgetView(
        usd_per_day=float(room.budget_usd),
        is_own=room.is_own,
        spent_usd=float(room.spent_usd),
        reserved_usd=float(room.reserved_usd),
        left_usd=float(room.left_usd),
    )


def get_spending(
    database: Database, principal: Principal, *, now: datetime, by: By = "day", days: int = 30
) -> Spending:
    """Of the last ``days`` days, today among them."""
    require(principal, Permission.READ)
    since = now.date() - timedelta(days=days - 1)
    midnight = datetime.combine(since, time.min, UTC)
    ours = (ai_call.c.organisation_id == principal.organisation_id, ai_call.c.called_at >= midnight)
    grouped = _by_ad(*ours) if by == "ad" else _by_name(by, *ours)
    with database.reader(principal) as connection:
        rows = [_row(*row) for row in connection.execute(grouped.limit(MOST_ROWS).prefix_with("/* get_spending */"))]
        total = select(*_SUMS).where(*ours).prefix_with("/* total_spending */")
        return Spending(by, since, tuple(rows), _row(None, *connection.execute(total).one()))


def cost_of_ad(database: Database, principal: Principal, ad_id: str) -> SpendingRow:
    """What reading the ad has cost the organisation, ever: its words (every version) and its cover.

    Other ads that say or show the same were read by the same calls. Raises NotFoundError.
    """
    require(principal, Permission.READ)
    with database.reader(principal) as connection:
        visible = (SHARED_SCOPE, principal.scope)
        known = select(ad.c.scope).where(ad.c.ad_id == ad_id, ad.c.scope.in_(visible))
        if connection.execute(known).one_or_none() is None:
            raise NotFoundError("there is no such ad")
        statement = select(*_SUMS).where(
            ai_call.c.organisation_id == principal.organisation_id,
            ai_call.c.scope == known.scalar_subquery(),
            ai_call.c.content_id.in_(
                select(ad_version.c.content_id)
                .where(ad_version.c.ad_id == ad_id)
                .union_all(select(ad.c.cover_sha256).where(ad.c.ad_id == ad_id, ad.c.cover_sha256.is_not(None)))
            ),
        )
        return _row(ad_id, *connection.execute(statement.prefix_with("/* cost_of_ad */")).one())


_SUMS = (
    func.count(),
    func.coalesce(func.sum(ai_call.c.input_tokens), 0),
    func.coalesce(func.sum(ai_call.c.output_tokens), 0),
    func.coalesce(func.sum(ai_call.c.cost_usd), 0),
)


def _by_name(by: By, *ours: ColumnElement[bool]) -> AnySelect:
    name = _NAMES[by]
    order = name.desc() if by == "day" else _SUMS[3].desc()
    return select(name, *_SUMS).where(*ours).group_by(name).order_by(order, name)


def _by_ad(*ours: ColumnElement[bool]) -> AnySelect:
    """Ads by what they say now and show; one content may be read for many of them."""
    shows = (ad.c.scope == ai_call.c.scope) & (
        (ad.c.content_id == ai_call.c.content_id) | (ad.c.cover_sha256 == ai_call.c.content_id)
    )
    name = ad.c.ad_id
    return (
        select(name, *_SUMS).join_from(ai_call, ad, shows).where(*ours).group_by(name).order_by(_SUMS[3].desc(), name)
    )


def _row(name: Any, calls: int, input_tokens: int, output_tokens: int, cost_usd: Any) -> SpendingRow:
    return SpendingRow(
        None if name is None else str(name), calls, int(input_tokens), int(output_tokens), float(cost_usd)
    )
