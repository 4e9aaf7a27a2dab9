"""What a brandspace can be asked in numbers. Each question takes the filters of its ads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field

from core.insights.launches import Period
from core.insights.mixes import LabelMix
from core.insights.voice import ShareOfVoice
from core.queries import comparison, concepts, longevity, overview, questions
from core.queries import coverage as coverage_queries
from core.queries import deltas as delta_queries
from core.queries.filters import AdFilters
from daemon.api.ads import FilterParams
from daemon.api.answers import dated, dated_page, dated_response, filters_of
from daemon.api.brandspaces import BrandspacePath
from daemon.api.context import current_principal, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import Identifier, Paging

blueprint = APIBlueprint(
    "insights", __name__, url_prefix="/api/v1/brandspaces/<string:brandspace_id>", abp_tags=[{"name": "insights"}]
)


class DimensionQuery(FilterParams):
    """Filters and what to tell apart."""

    dimension: Annotated[str, Field(description="Of the taxonomy, as hook or visual_style; language or format")]


class ComparisonQuery(DimensionQuery):
    """Filters, what to tell apart, and against whom."""

    focal: Annotated[
        Identifier | None,
        Field(description="The slug of the brand all others are held against; none: the brandspace's own; or `none`"),
    ] = None
    confidence: Annotated[float, Field(description=f"Of intervals: {', '.join(map(str, questions.CONFIDENCES))}")] = (
        0.95
    )


class CoverageQuery(FilterParams):
    """Filters, and of which dimension."""

    dimension: Annotated[str, Field(description="One dimension; none: all of the words together")] = ""


class TurnoverQuery(DimensionQuery):
    """Filters, what to tell apart, and two dates: each stands for the newest scan up to it."""

    since: Annotated[date | None, Field(description="The earlier date; none: the scan before")] = None
    until: Annotated[date | None, Field(description="The later date; none: the newest scan")] = None


@dataclass(frozen=True, slots=True)
class ScanDates:
    """The newest 400 days on which the brands were scanned, newest first."""

    dates: tuple[date, ...]


class TimelineQuery(FilterParams):
    """Filters and how fine the axis is. Weeks start on Monday."""

    period: Annotated[Period, Field(description="How long one bar is")] = Period.MONTH


@blueprint.get("/label-mix", responses={200: dated(LabelMix), 400: ErrorAnswer, 404: ErrorAnswer})
def label_mix(path: BrandspacePath, query: DimensionQuery) -> Response:
    """Count each brand's ads by the values of one dimension; pending, unknown and silent ones apart."""
    return dated_response(_mix(path, query))


@blueprint.get("/comparison", responses={200: dated(questions.BrandComparison), 400: ErrorAnswer, 404: ErrorAnswer})
def brand_comparison(path: BrandspacePath, query: ComparisonQuery) -> Response:
    """Compare the brands: shares (0 to 1) of each brand's own read ads or concepts with n and Wilson intervals, and
    whether a difference from the focal brand is shown."""
    question = questions.Question(path.brandspace_id, query.dimension, filters_of(query), query.focal, query.confidence)
    return dated_response(
        questions.compare_brands(services().database, current_principal(), services().taxonomy, question)
    )


@blueprint.get("/share-of-voice", responses={200: dated(ShareOfVoice), 400: ErrorAnswer, 404: ErrorAnswer})
def share_of_voice(path: BrandspacePath, query: FilterParams) -> Response:
    """How much of what is said comes from each brand: of concepts, different texts and stored ads; not of money."""
    return dated_response(
        concepts.voices(services().database, current_principal(), path.brandspace_id, filters_of(query))
    )


@blueprint.get("/timeline", responses={200: dated(comparison.Launches), 400: ErrorAnswer, 404: ErrorAnswer})
def timeline(path: BrandspacePath, query: TimelineQuery) -> Response:
    """Ads started per month or week and brand; a run start where the source says it, else first seen."""
    return dated_response(
        comparison.launches(
            services().database, current_principal(), path.brandspace_id, query.period, filters_of(query)
        )
    )


@blueprint.get("/longevity", responses={200: dated(longevity.Longevities), 400: ErrorAnswer, 404: ErrorAnswer})
def longevities(path: BrandspacePath, query: FilterParams) -> Response:
    """Quartiles of the days from first to last seen, by brand: a proxy for how long ads ran."""
    return dated_response(
        longevity.longevities(services().database, current_principal(), path.brandspace_id, filters_of(query))
    )


@blueprint.get("/survival", responses={200: dated(longevity.Survivals), 400: ErrorAnswer, 404: ErrorAnswer})
def survival(path: BrandspacePath, query: FilterParams) -> Response:
    """Kaplan–Meier curves of the days from first to last seen, by brand; what is still seen is censored."""
    return dated_response(
        longevity.survivals(services().database, current_principal(), path.brandspace_id, filters_of(query))
    )


@blueprint.get("/turnover", responses={200: dated(delta_queries.TurnoverBetween), 400: ErrorAnswer, 404: ErrorAnswer})
def turnover(path: BrandspacePath, query: TurnoverQuery) -> Response:
    """What is new, goes on or is no longer seen between two dates, and whether it says something else."""
    filters = filters_of(query)
    since, until = _dates(path, query, filters)
    return dated_response(
        delta_queries.deltas_between(
            services().database, current_principal(), path.brandspace_id, query.dimension, filters,
            since=since, until=until, allowed=questions.values_of(services().taxonomy, query.dimension),
        )
    )  # fmt: skip


@blueprint.get("/scan-dates", responses={200: dated(ScanDates), 400: ErrorAnswer, 404: ErrorAnswer})
def scan_dates(path: BrandspacePath, query: FilterParams) -> Response:
    """On which days the brands were scanned: two of them can be held against each other."""
    found = delta_queries.scan_dates(services().database, current_principal(), path.brandspace_id, filters_of(query))
    return dated_response(ScanDates(found))


@blueprint.get("/coverage", responses={200: dated(coverage_queries.Coverage), 400: ErrorAnswer, 404: ErrorAnswer})
def coverage(path: BrandspacePath, query: CoverageQuery) -> Response:
    """What an answer rests on: what was seen and stored, how far it is read, and what the sources can't show."""
    if query.dimension:
        questions.values_of(services().taxonomy, query.dimension)
    return dated_response(
        coverage_queries.labelling_coverage(
            services().database, current_principal(), path.brandspace_id, filters_of(query),
            dimension=query.dimension or None,
        )
    )  # fmt: skip


@blueprint.get("/deltas", responses={200: dated_page(overview.ScanNews, "Deltas"), 400: ErrorAnswer, 404: ErrorAnswer})
def deltas(path: BrandspacePath, query: Paging) -> Response:
    """What the newest scan of each source brought, against the scan before it."""
    return dated_response(
        overview.whats_new(
            services().database, current_principal(), path.brandspace_id, cursor=query.cursor, limit=query.limit
        )
    )


@blueprint.get(
    "/overview", responses={200: dated_page(overview.BrandOverview, "Overview"), 400: ErrorAnswer, 404: ErrorAnswer}
)
def brands(path: BrandspacePath, query: Paging) -> Response:
    """How each brand stands: its ads by status, and what its newest scans brought."""
    return dated_response(
        overview.brand_overviews(
            services().database, current_principal(), path.brandspace_id, cursor=query.cursor, limit=query.limit
        )
    )


def _mix(path: BrandspacePath, query: DimensionQuery) -> LabelMix:
    return comparison.label_mix(
        services().database, current_principal(), path.brandspace_id, query.dimension, filters_of(query),
        allowed=questions.values_of(services().taxonomy, query.dimension),
    )  # fmt: skip


def _dates(path: BrandspacePath, query: TurnoverQuery, filters: AdFilters) -> tuple[date, date]:
    """As given, else the newest scan and the one before it."""
    days = delta_queries.scan_dates(services().database, current_principal(), path.brandspace_id, filters)
    until = query.until or next(iter(days), services().clock.now().date())
    earlier = (day for day in days if day < until)
    return query.since or next(earlier, until - timedelta(days=1)), until
