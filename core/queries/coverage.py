"""What an answer rests on, in sums that hold: what was seen and stored, how far it is read, what no source shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, and_, func, select

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, image_reading, rejected_row, request_run, run
from core.domain.principal import Principal
from core.domain.run import RunState
from core.queries.brandspaces import brandspace_slugs
from core.queries.comparison import unit_mix
from core.queries.conditions import Condition, matching
from core.queries.filters import AdFilters
from core.queries.label_states import FAILED, KNOWN, NOT_ASKED, PENDING, REFUSED, UNKNOWN, WITHOUT
from core.queries.pages import AnySelect
from core.queries.status import counted_ads
from core.queries.units import VALUE_MARK, reading

UNREAD: Final = "not_read"  # a picture that nobody has looked at yet
NO_PICTURE: Final = "no_picture"

# What no scan of a channel can bring, whatever is asked of it. In words, for people who read a chart.
_SEEN_ONLY = "An ad that began and ended between two scans, or before the first, was never seen."
CANNOT_SHOW: Final[Mapping[str, tuple[str, ...]]] = {
    "meta": (
        "Commercial ads carry no spend and no impressions; reach in the EU is an estimate, and may be missing.",
        "Spend and impressions of political ads are ranges, and stay ranges.",
        "Only ads that ran in the EU or the UK, or are about politics, can be had after they ended.",
        _SEEN_ONLY,
    ),
    "google": (
        "The list shows no ad copy, no spend and no impressions of commercial ads.",
        "The advertiser's legal name stands for the brand.",
        "Ads that need a sign-in or an age check never appear.",
        _SEEN_ONLY,
    ),
    "customer": ("What the file leaves out: nothing is added to a customer's own data.",),
    "sample": ("Anything of the real market: sample data is made up.", _SEEN_ONLY),
}
_OF_OTHERS = ("What this source leaves out isn't known.", _SEEN_ONLY)


@dataclass(frozen=True, slots=True)
class Rows:
    """What sources gave for the brands, whatever the other filters: ``seen`` = ``stored`` + ``rejected``, in rows.

    An ad has a row in every file or scan that shows it. Rejected rows name no brand for certain: they are those of
    your imports that brought these brands. What other organisations' imports of shared sources rejected isn't known,
    nor what ``runs_unfinished`` have seen so far and ``runs_failed`` had seen: neither is in any sum.
    """

    seen: int
    stored: int
    rejected: int
    runs_unfinished: int
    runs_failed: int


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """A channel of which there are ads among those asked for, and what it can't show."""

    channel: str
    ads: int
    cannot_show: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """``stored`` = ``labelled`` + ``refused`` + ``failed`` + ``pending`` + ``not_asked`` + ``without_text``; in units.

    With a ``dimension`` all is told of that one, and ``unknown`` of the labelled were read without finding a value;
    without one ``labelled`` means that every dimension of the words is decided. A text (of a visual dimension: a
    picture) that isn't there never gets a label. ``not_asked``: read by a taxonomy that lacked the dimension.
    ``media`` and ``pictures`` count ads by the status of their media, and by what became of reading their cover.
    """

    stored: int
    labelled: int
    without_text: int
    pending: int
    unit: str = "ads"
    dimension: str | None = None
    refused: int = 0
    failed: int = 0
    not_asked: int = 0
    unknown: int | None = None
    rows: Rows = Rows(0, 0, 0, 0, 0)
    media: Mapping[str, int] = field(default_factory=dict)
    pictures: Mapping[str, int] = field(default_factory=dict)
    sources: tuple[SourceLimits, ...] = ()


def labelling_coverage(
    database: Database, principal: Principal, brandspace: str, filters: AdFilters, *, dimension: str | None = None
) -> Coverage:
    """The whole ledger of the ads that pass. Raises NotFoundError (brandspace)."""
    with database.reader(principal) as connection:
        conditions = matching(connection, principal, brandspace, filters)
        slugs = _brands(brandspace_slugs(connection, principal, brandspace), filters)
        states = _states(connection, conditions, filters, dimension)
        return Coverage(
            stored=sum(states.values()),
            labelled=states.get(KNOWN, 0) + states.get(UNKNOWN, 0),
            without_text=states.get(WITHOUT, 0),
            pending=states.get(PENDING, 0),
            unit=filters.unit,
            dimension=dimension,
            refused=states.get(REFUSED, 0),
            failed=states.get(FAILED, 0),
            not_asked=states.get(NOT_ASKED, 0),
            unknown=None if dimension is None else states.get(UNKNOWN, 0),
            rows=_rows(connection, principal, slugs),
            media=_by(connection, ad.c.media_status, conditions, "media_coverage"),
            pictures=_pictures(connection, conditions),
            sources=_sources(_by(connection, ad.c.channel, conditions, "channel_coverage")),
        )


def pictures_read(database: Database, principal: Principal, brandspace: str) -> dict[str, int]:
    """Ads of a brandspace by what became of reading their cover, most first. Raises NotFoundError (brandspace)."""
    with database.reader(principal) as connection:
        return _pictures(connection, matching(connection, principal, brandspace, AdFilters()))


def _brands(slugs: Sequence[str] | None, filters: AdFilters) -> Collection[str] | None:
    """None: all there are."""
    if slugs is None:
        return filters.brands or None
    return [slug for slug in slugs if slug in filters.brands] if filters.brands else slugs


def _states(
    connection: Connection, conditions: Sequence[Condition], filters: AdFilters, dimension: str | None
) -> dict[str, int]:
    if dimension is None:
        rows = connection.execute(reading(filters.unit, conditions))
        return {state: int(number) for state, number in rows}
    mix = unit_mix(filters.unit, conditions, dimension).subquery("mix")
    states = select(mix.c.state, func.sum(mix.c.n)).where(mix.c.state != VALUE_MARK).group_by(mix.c.state)
    rows = connection.execute(states.prefix_with("/* dimension_coverage */"))
    return {state: int(number) for state, number in rows}


def _rows(connection: Connection, principal: Principal, slugs: Collection[str] | None) -> Rows:
    of_brands = () if slugs is None else (run.c.brand_slug.in_(slugs),)
    stored = func.coalesce(func.sum(run.c.ledger["rows"].as_integer()), 0)
    over = (RunState.COMMITTED.value, RunState.CANCELLED.value, RunState.FAILED.value)
    unfinished, failed = run.c.state.notin_(over), run.c.state == RunState.FAILED.value
    runs = select(stored, func.count().filter(unfinished), func.count().filter(failed)).where(*of_brands)
    rows, open_runs, failed_runs = connection.execute(runs.prefix_with("/* row_coverage */")).one()
    rejected = connection.execute(_rejected(principal, of_brands)).scalar_one()
    return Rows(int(rows) + rejected, int(rows), rejected, open_runs, failed_runs)


def _rejected(principal: Principal, of_brands: tuple[Condition, ...]) -> AnySelect:
    mine = rejected_row.c.organisation_id == principal.organisation_id
    statement = select(func.count()).select_from(rejected_row).where(mine)
    if of_brands:
        brought = select(request_run.c.request_id).join(run, run.c.batch_id == request_run.c.batch_id)
        brought = brought.where(request_run.c.organisation_id == principal.organisation_id, *of_brands)
        statement = statement.where(rejected_row.c.request_id.in_(brought))
    return statement.prefix_with("/* rejected_coverage */")


def _by(connection: Connection, column: Any, conditions: Sequence[Condition], comment: str) -> dict[str, int]:
    statement = select(column, func.count()).select_from(counted_ads).where(*conditions).group_by(column)
    rows = connection.execute(statement.prefix_with(f"/* {comment} */")).all()
    return {value: int(number) for value, number in sorted(rows, key=lambda row: (-row[1], row[0]))}


def _pictures(connection: Connection, conditions: Sequence[Condition]) -> dict[str, int]:
    """Ads by what became of reading their cover."""
    covers = select(ad.c.scope, ad.c.cover_sha256, func.count().label("ads")).select_from(counted_ads)
    covers_of = covers.where(*conditions).group_by(ad.c.scope, ad.c.cover_sha256).cte("covers")
    same = and_(image_reading.c.scope == covers_of.c.scope, image_reading.c.sha256 == covers_of.c.cover_sha256)
    is_there, status = covers_of.c.cover_sha256.isnot(None), image_reading.c.status
    statement = select(is_there, status, func.sum(covers_of.c.ads)).group_by(is_there, status)
    statement = statement.select_from(covers_of.outerjoin(image_reading, same)).prefix_with("/* picture_coverage */")
    rows = [(found or UNREAD if there else NO_PICTURE, int(ads)) for there, found, ads in connection.execute(statement)]
    return dict(sorted(rows, key=lambda row: (-row[1], row[0])))


def _sources(channels: Mapping[str, int]) -> tuple[SourceLimits, ...]:
    return tuple(SourceLimits(name, ads, CANNOT_SHOW.get(name, _OF_OTHERS)) for name, ads in channels.items())
