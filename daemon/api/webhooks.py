"""Webhooks: what becomes of requests, told to servers of the organisation."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, RootModel

from core.queries.pages import Page
from core.queries.webhooks import DeliveryView, WebhookView, get_delivery, get_webhook, list_deliveries, list_webhooks
from core.webhooks.manage import OVER, STATUSES, Webhooks
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import STORABLE, Body, Identifier, Paging

blueprint = APIBlueprint("webhooks", __name__, url_prefix="/api/v1/webhooks", abp_tags=[{"name": "webhooks"}])

_MOST_ID = 2**63 - 1
Url = Annotated[
    str, Field(min_length=1, max_length=2_000, description="A public https address, without a password"), STORABLE
]
Statuses = Annotated[
    list[Annotated[str, Field(pattern=f"^({'|'.join(STATUSES)})$")]],
    Field(min_length=1, max_length=len(STATUSES), description="Of requests, of which it is told"),
]


class WebhookPath(BaseModel):
    """A webhook of this organisation."""

    webhook_id: Identifier


class DeliveryPath(WebhookPath):
    """What was sent to it, or will be."""

    delivery_id: Annotated[int, Field(ge=1, le=_MOST_ID)]


class WebhookBody(Body):
    """A new webhook."""

    url: Url
    statuses: Statuses = Field(default_factory=lambda: list(OVER))


class WebhookChanges(Body):
    """What is given is changed; enabling forgets the failures."""

    url: Url | None = None
    statuses: Statuses | None = None
    enabled: bool | None = None


class EveryWebhook(RootModel[list[WebhookView]]):
    """Oldest first."""


class OneWebhook(RootModel[WebhookView]):
    """One webhook."""


class WebhookSecret(BaseModel):
    """``secret`` signs each delivery, as "Standard Webhooks" has it. It can't be shown again."""

    webhook_id: str
    secret: str


class Deliveries(RootModel[Page[DeliveryView]]):
    """Newest first."""


class OneDelivery(RootModel[DeliveryView]):
    """One delivery."""


@blueprint.get("", responses={200: EveryWebhook, 403: ErrorAnswer})
def webhooks() -> Response:
    """List the webhooks."""
    return json_response(list_webhooks(services().database, current_principal()))


@blueprint.post("", responses={201: WebhookSecret, 400: ErrorAnswer, 403: ErrorAnswer, 409: ErrorAnswer})
def new_webhook(body: WebhookBody) -> Response:
    """Make a webhook and show its secret, this once."""
    made = _webhooks().create(current_principal(), url=body.url, statuses=body.statuses)
    return json_response(WebhookSecret(webhook_id=made.webhook_id, secret=made.secret), 201)


@blueprint.get("/<string:webhook_id>", responses={200: OneWebhook, 403: ErrorAnswer, 404: ErrorAnswer})
def webhook(path: WebhookPath) -> Response:
    """One webhook."""
    return json_response(get_webhook(services().database, current_principal(), path.webhook_id))


@blueprint.patch(
    "/<string:webhook_id>", responses={200: OneWebhook, 400: ErrorAnswer, 403: ErrorAnswer, 404: ErrorAnswer}
)
def change_webhook(path: WebhookPath, body: WebhookChanges) -> Response:
    """Change a webhook, switch it off or on."""
    _webhooks().change(
        current_principal(), path.webhook_id, url=body.url, statuses=body.statuses, is_enabled=body.enabled
    )
    return json_response(get_webhook(services().database, current_principal(), path.webhook_id))


@blueprint.delete("/<string:webhook_id>", responses={204: None, 403: ErrorAnswer, 404: ErrorAnswer})
def delete_webhook(path: WebhookPath) -> Response:
    """Delete a webhook with its deliveries; what waits is not sent."""
    _webhooks().delete(current_principal(), path.webhook_id)
    return Response(status=204)


@blueprint.post("/<string:webhook_id>/secret", responses={201: WebhookSecret, 403: ErrorAnswer, 404: ErrorAnswer})
def rotate_secret(path: WebhookPath) -> Response:
    """Sign with a new secret from now on; what a receiver refuses until it knows it is tried again."""
    made = _webhooks().rotate_secret(current_principal(), path.webhook_id)
    return json_response(WebhookSecret(webhook_id=made.webhook_id, secret=made.secret), 201)


@blueprint.post(
    "/<string:webhook_id>/test", responses={202: OneDelivery, 403: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer}
)
def send_test(path: WebhookPath) -> Response:
    """Send something to try the receiver with: its status is ``test``."""
    delivery_id = _webhooks().send_test(current_principal(), path.webhook_id)
    return _queued(path.webhook_id, delivery_id)


@blueprint.get(
    "/<string:webhook_id>/deliveries", responses={200: Deliveries, 400: ErrorAnswer, 403: ErrorAnswer, 404: ErrorAnswer}
)
def deliveries(path: WebhookPath, query: Paging) -> Response:
    """List what was sent, and what waits; kept for a week."""
    page = list_deliveries(
        services().database, current_principal(), path.webhook_id, cursor=query.cursor, limit=query.limit
    )
    return json_response(page)


@blueprint.post(
    "/<string:webhook_id>/deliveries/<int:delivery_id>/retry",
    responses={202: OneDelivery, 403: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer},
)
def retry(path: DeliveryPath) -> Response:
    """Send a delivery that is over once more, under its own id."""
    _webhooks().retry(current_principal(), path.webhook_id, path.delivery_id)
    return _queued(path.webhook_id, path.delivery_id)


def _queued(webhook_id: str, delivery_id: int) -> Response:
    found = get_delivery(services().database, current_principal(), webhook_id, delivery_id)
    return json_response(found, 202)


def _webhooks() -> Webhooks:
    ports = services()
    return Webhooks(ports.database, ports.secrets, ports.webhook_sender, ports.clock)
