"""What a model wrote of an ad: a description and open attributes. Nobody has checked them, and all of it is data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.access.rights import require
from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad
from core.ai.methods.description import Attribute
from core.domain.ad import DESCRIPTION_COLLECTION, description_id
from core.domain.label import Modality, Outcome
from core.domain.principal import SHARED_SCOPE, Permission, Principal
from core.errors import NotFoundError
from core.ports import DocumentStore


@dataclass(frozen=True, slots=True)
class AdDescription:
    """Of what the ad says now; a brand's ads of one scope that say the same share it. ``text`` is there where the
    outcome is ok.

    ``reason`` says why there is none, or what was left out. ``provenance`` is empty where no model answered;
    ``described_at`` is None of what was written before that was kept. ``is_of_another_picture``: the model saw one
    that stood beside the same words, and isn't this ad's cover now.
    """

    ad_id: str
    outcome: Outcome
    text: str | None
    attributes: tuple[Attribute, ...]
    reason: str
    provenance: Mapping[str, Any]
    described_at: datetime | None
    is_of_another_picture: bool


def ad_description(database: Database, principal: Principal, documents: DocumentStore, ad_id: str) -> AdDescription:
    """Raises NotFoundError: for the ad, or where no model was asked about what it says."""
    require(principal, Permission.READ)
    visible = ad.c.scope.in_((SHARED_SCOPE, principal.scope))  # the document store asks for a scope and no principal
    asked = select(ad.c.scope, ad.c.brand_slug, ad.c.content_id, ad.c.cover_sha256)
    statement = asked.where(ad.c.ad_id == ad_id, visible)
    with database.reader(principal) as connection:
        row = connection.execute(statement.prefix_with("/* ad_description */")).one_or_none()
    if row is None:
        raise NotFoundError("there is no such ad, or it isn't yours to see")
    try:
        body = documents.get(row.scope, DESCRIPTION_COLLECTION, description_id(row.brand_slug, row.content_id))
    except NotFoundError:
        raise NotFoundError("no model has described this ad: one may once its brand is analysed") from None
    return _description(ad_id, row.cover_sha256, body)


def _description(ad_id: str, cover_sha256: str | None, body: Mapping[str, Any]) -> AdDescription:
    described_at = body.get("described_at")
    return AdDescription(
        ad_id=ad_id,
        outcome=Outcome(body["outcome"]),
        text=body.get("description"),
        attributes=tuple(
            Attribute(each["name"], each["value"], Modality(each["read_in"])) for each in body.get("attributes", ())
        ),
        reason=body.get("reason") or "",
        provenance=body.get("provenance") or {},
        described_at=datetime.fromisoformat(described_at) if described_at else None,
        is_of_another_picture=body.get("picture_sha256") not in (None, cover_sha256),
    )
