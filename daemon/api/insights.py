"""What a brandspace can be asked in numbers. Each question takes the filters of its ads."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field

from core.domain.label import LANGUAGE
from core.errors import BadInputError
from core.insights.launches import Period
from core.insights.mixes import Comparison, LabelMix, compare
from core.insights.voice import ShareOfVoice
from core.queries import comparison, concepts, longevity, overview
from core.queries import coverage as coverage_queries
from daemon.api.ads import FilterParams
from daemon.api.answers import dated, dated_page, dated_response, filters_of
from daemon.api.brandspaces import BrandspacePath
from daemon.api.context import current_principal, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import Paging

blueprint = APIBlueprint(
    "insights", __name__, url_prefix="/api/v1/brandspaces/<string:brandspace_id>", abp_tags=[{"name": "insights"}]
)


class DimensionQuery(FilterParams):
    """Filters and what to tell apart."""

    dimension: Annotated[str, Field(description="hook, offer, cta, tone, theme, audience, language or format")]


class TimelineQuery(FilterParams):
    """Filters and how fine the axis is. Weeks start on Monday."""

    period: Annotated[Period, Field(description="How long one bar is")] = Period.MONTH


@blueprint.get("/label-mix", responses={200: dated(LabelMix), 400: ErrorAnswer, 404: ErrorAnswer})
def label_mix(path: BrandspacePath, query: DimensionQuery) -> Response:
    """Count each brand's ads by the values of one dimension; pending, unknown and silent ones apart."""
    return dated_response(_mix(path, query))


@blueprint.get("/comparison", responses={200: dated(Comparison), 400: ErrorAnswer, 404: ErrorAnswer})
def brand_comparison(path: BrandspacePath, query: DimensionQuery) -> Response:
    """Compare the brands: shares (0 to 1) of each brand's own read ads, with n and Wilson intervals."""
    return dated_response(compare(_mix(path, query)))


@blueprint.get("/share-of-voice", responses={200: dated(ShareOfVoice), 400: ErrorAnswer, 404: ErrorAnswer})
def share_of_voice(path: BrandspacePath, query: FilterParams) -> Response:
    """How much of what is said comes from each brand: of different texts, and of stored ads; not of money."""
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


@blueprint.get("/coverage", responses={200: dated(coverage_queries.Coverage), 400: ErrorAnswer, 404: ErrorAnswer})
def coverage(path: BrandspacePath, query: FilterParams) -> Response:
    """How many of the ads have been read: stored = labelled + without_text + pending."""
    return dated_response(
        coverage_queries.labelling_coverage(
            services().database, current_principal(), path.brandspace_id, filters_of(query)
        )
    )


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
    known = (*services().taxonomy.dimensions, LANGUAGE, comparison.FORMAT)
    if query.dimension not in known:  # else it would look as if nothing had been read yet
        raise BadInputError(f"dimension: use {', '.join(known)}")
    return comparison.label_mix(
        services().database, current_principal(), path.brandspace_id, query.dimension, filters_of(query)
    )
