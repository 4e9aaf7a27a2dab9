"""Frozen comparisons: made, listed, and given again as the very bytes they were."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, RootModel

from core.curation.frozen_comparisons import delete_frozen, freeze
from core.pipeline.comparison_csv import comparison_csv
from core.queries.filters import AdFilters
from core.queries.frozen import FrozenView, get_frozen, list_frozen
from core.queries.pages import Page
from core.queries.questions import Question
from daemon.api.ads import FilterParams
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import STORABLE, Body, Identifier, Paging

blueprint = APIBlueprint(
    "comparisons", __name__, url_prefix="/api/v1/comparisons/frozen", abp_tags=[{"name": "comparisons"}]
)

_TEXT: Final = {"schema": {"type": "string"}}
_JSON: Final = {"schema": {"type": "object"}}


class FrozenFilters(FilterParams, Body):
    """The filters of a comparison."""


class FreezeBody(Body):
    """What to compare and to keep. ``focal``: see ``/comparison``."""

    brandspace: Identifier
    dimension: Annotated[str, Field(max_length=40), STORABLE]
    filters: FrozenFilters = FrozenFilters()
    focal: Identifier | None = None
    confidence: float = 0.95
    name: Annotated[str, Field(max_length=100), STORABLE] = ""


class FrozenPath(BaseModel):
    """A frozen comparison by its id."""

    frozen_id: Identifier


class OneFrozen(RootModel[FrozenView]):
    """A frozen comparison without its answer."""


class FrozenComparisons(RootModel[Page[FrozenView]]):
    """Newest first."""


@blueprint.post("", responses={201: OneFrozen, 400: ErrorAnswer, 404: ErrorAnswer})
def freeze_comparison(body: FreezeBody) -> Response:
    """Keep a comparison as it is now. The same answer frozen twice is one, under its first name."""
    filters = AdFilters.from_params(body.filters.model_dump(exclude_defaults=True))
    question = Question(body.brandspace, body.dimension, filters, body.focal, body.confidence)
    kept = freeze(services().database, current_principal(), services().taxonomy, question, name=body.name)
    return json_response(kept, 201)


@blueprint.get("", responses={200: FrozenComparisons, 400: ErrorAnswer})
def frozen_comparisons(query: Paging) -> Response:
    """List what was frozen."""
    page = list_frozen(services().database, current_principal(), cursor=query.cursor, limit=query.limit)
    return json_response(page)


@blueprint.get(
    "/<string:frozen_id>",
    responses={
        200: {"description": "Canonical JSON, as frozen", "content": {"application/json": {}}},
        404: ErrorAnswer,
    },
)
def frozen_comparison(path: FrozenPath) -> Response:
    """The very bytes that were frozen: the comparison, its coverage, and what else the page showed."""
    view, body = get_frozen(services().database, current_principal(), path.frozen_id)
    response = Response(body, mimetype="application/json")
    response.headers["Content-Disposition"] = f'inline; filename="adology-comparison-{view.frozen_id[:8]}.json"'
    return response


@blueprint.get(
    "/<string:frozen_id>/csv",
    responses={200: {"description": "The cells and the coverage", "content": {"text/csv": _TEXT}}, 404: ErrorAnswer},
)
def frozen_table(path: FrozenPath) -> Response:
    """The cells of a frozen comparison as a table, and its coverage."""
    view, body = get_frozen(services().database, current_principal(), path.frozen_id)
    response = Response(comparison_csv(body), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="adology-comparison-{view.frozen_id[:8]}.csv"'
    return response


@blueprint.delete("/<string:frozen_id>", responses={200: OneFrozen, 404: ErrorAnswer})
def delete_comparison(path: FrozenPath) -> Response:
    """Delete a frozen comparison: its address leads nowhere from now on."""
    view, _ = get_frozen(services().database, current_principal(), path.frozen_id)
    delete_frozen(services().database, current_principal(), path.frozen_id)
    return json_response(view)
