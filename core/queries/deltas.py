"""What a brandspace showed on one date and on another: what is new, what goes on, what is no longer seen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from sqlalchemy import CTE, ColumnElement, Date, and_, func, literal, or_, select

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, observation, scan
from core.domain.principal import Principal
from core.errors import BadInputError
from core.insights.deltas import Turnover, turnover
from core.queries.brandspaces import brandspace_slugs
from core.queries.comparison import read_mix
from core.queries.conditions import Condition, matching
from core.queries.filters import AdFilters, Unit
from core.queries.units import ads_by, unit_id

Group = Literal["new", "continuing", "gone"]
GROUPS: Final[tuple[Group, ...]] = ("new", "continuing", "gone")
MAX_DATES: Final = 400


@dataclass(frozen=True, slots=True)
class TurnoverBetween:
    """What the newest scans up to two dates showed. Not seen isn't stopped: a source may just not have shown it.

    ``sources_left_out`` weren't scanned up to the earlier date: all of theirs would look new.
    """

    since: date
    until: date
    sources: int
    sources_left_out: int
    turnover: Turnover


def deltas_between(
    database: Database,
    principal: Principal,
    brandspace: str,
    dimension: str,
    filters: AdFilters,
    *,
    since: date,
    until: date,
    allowed: Collection[str] = (),
) -> TurnoverBetween:
    """Raises NotFoundError (brandspace), and BadInputError unless ``since`` lies before ``until``."""
    if since >= until:
        raise BadInputError("since: give a date before until")
    with database.reader(principal) as connection:
        conditions = matching(connection, principal, brandspace, filters)
        scans = _scans(brandspace_slugs(connection, principal, brandspace), filters, since, until)
        counted = select(func.count(), func.count().filter(scans.c.before.is_(None))).select_from(scans)
        sources, left_out = connection.execute(counted.prefix_with("/* delta_sources */")).one()
        grouped = _grouped(filters.unit, conditions, scans)
        mixes = [
            read_mix(connection, filters.unit, [*conditions, _in_group(grouped, group)], dimension, allowed=allowed)
            for group in GROUPS
        ]
    return TurnoverBetween(since, until, sources, left_out, turnover(*mixes))


def scan_dates(database: Database, principal: Principal, brandspace: str, filters: AdFilters) -> tuple[date, ...]:
    """The newest 400 days on which the brands were scanned, newest first. Raises NotFoundError (brandspace)."""
    with database.reader(principal) as connection:
        of_brands = _of_brands(brandspace_slugs(connection, principal, brandspace), filters)
        days = select(scan.c.scanned_on).where(*of_brands).distinct()
        newest = days.order_by(scan.c.scanned_on.desc()).limit(MAX_DATES).prefix_with("/* scan_dates */")
        return tuple(connection.execute(newest).scalars())


def _of_brands(slugs: Sequence[str] | None, filters: AdFilters) -> list[Condition]:
    wanted = (slugs, filters.brands or None)
    return [scan.c.brand_slug.in_(brands) for brands in wanted if brands is not None]


def _scans(slugs: Sequence[str] | None, filters: AdFilters, since: date, until: date) -> CTE:
    """Of each source the day of its newest scan up to either date; ``before`` is NULL where there was none yet."""
    source = (scan.c.scope, scan.c.brand_slug, scan.c.channel, scan.c.account)
    before = func.max(scan.c.scanned_on).filter(scan.c.scanned_on <= literal(since, Date))
    now = func.max(scan.c.scanned_on).label("now")
    newest = select(*source, before.label("before"), now).where(scan.c.scanned_on <= literal(until, Date))
    return newest.where(*_of_brands(slugs, filters)).group_by(*source).cte("scans")


def _grouped(unit: Unit, conditions: Sequence[Condition], scans: CTE) -> CTE:
    """(ad_id, was_there, is_there): whether the unit that the ad is of was shown by the scans of either date."""
    same = and_(*(scan.c[name] == scans.c[name] for name in ("scope", "brand_slug", "channel", "account")))
    of_either = or_(scan.c.scanned_on == scans.c.before, scan.c.scanned_on == scans.c.now)
    shown = (
        select(observation.c.ad_id)
        .add_columns(func.bool_or(scan.c.scanned_on == scans.c.before).label("was_there"))
        .add_columns(func.bool_or(scan.c.scanned_on == scans.c.now).label("is_there"))
        .select_from(scans.join(scan, and_(same, of_either)).join(observation, observation.c.scan_id == scan.c.scan_id))
        .where(scans.c.before.isnot(None))
        .group_by(observation.c.ad_id)
        .cte("shown")
    )
    same_unit = (ad.c.brand_slug, unit_id(unit))
    names = ("was_there", "is_there")
    there = (func.bool_or(shown.c[name]).over(partition_by=same_unit).label(name) for name in names)
    source = ads_by(unit).join(shown, shown.c.ad_id == ad.c.ad_id)
    return select(ad.c.ad_id, *there).select_from(source).where(*conditions).cte("grouped")


def _in_group(grouped: CTE, group: Group) -> ColumnElement[bool]:
    wanted = {
        "new": and_(grouped.c.is_there, ~grouped.c.was_there),
        "continuing": and_(grouped.c.is_there, grouped.c.was_there),
        "gone": and_(grouped.c.was_there, ~grouped.c.is_there),
    }[group]
    return ad.c.ad_id.in_(select(grouped.c.ad_id).where(wanted))
