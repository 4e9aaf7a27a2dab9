"""What models have cost the organisation, and its budget."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field, RootModel

from core.curation.budgets import MOST_USD, put_budget
from core.queries.spending import BudgetView, By, Spending, SpendingRow, cost_of_ad, get_budget, get_spending
from daemon.api.ads import AdPath
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import Body, Query

blueprint = APIBlueprint("spending", __name__, url_prefix="/api/v1", abp_tags=[{"name": "account"}])


class SpendingQuery(Query):
    """What to sum up."""

    group: Annotated[By, Field(description="What a row is of")] = "day"
    days: Annotated[int, Field(ge=1, le=366, description="How many days, today (UTC) among them")] = 30


class BudgetBody(Body):
    """What may be spent on models a day (UTC)."""

    usd_per_day: Annotated[float, Field(ge=0, le=MOST_USD, description="0 stops every call that costs")]


class SpendingAnswer(RootModel[Spending]):
    """Rows and their total, in USD."""


class CostOfAd(RootModel[SpendingRow]):
    """Of all calls that read what the ad says and shows."""


class Budget(RootModel[BudgetView]):
    """The budget of today."""


@blueprint.get("/account/spending", responses={200: SpendingAnswer, 400: ErrorAnswer})
def spending(query: SpendingQuery) -> Response:
    """What models have cost: by day, brand, method, model, outcome or ad."""
    now = services().clock.now()
    found = get_spending(services().database, current_principal(), now=now, by=query.group, days=query.days)
    return json_response(found)


@blueprint.get("/ads/<string:ad_id>/cost", responses={200: CostOfAd, 404: ErrorAnswer})
def ad_cost(path: AdPath) -> Response:
    """What reading an ad has cost the organisation; ads that say the same share it."""
    return json_response(cost_of_ad(services().database, current_principal(), path.ad_id))


@blueprint.get("/account/budget", responses={200: Budget})
def budget() -> Response:
    """What may be spent today (UTC), and what is left of it."""
    return json_response(_budget())


@blueprint.put("/account/budget", responses={200: Budget, 400: ErrorAnswer})
def changed_budget(body: BudgetBody) -> Response:
    """Set the budget. What waits for it goes on within a minute."""
    settings = services().settings
    put_budget(
        services().database,
        current_principal(),
        usd_per_day=body.usd_per_day,
        default_usd_per_day=settings.ai_budget_usd_per_day,
    )
    return json_response(_budget())


def _budget() -> BudgetView:
    usd_per_day = services().settings.ai_budget_usd_per_day
    return get_budget(services().database, current_principal(), usd_per_day=usd_per_day)
