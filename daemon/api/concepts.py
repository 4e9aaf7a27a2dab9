"""Concepts: one with its variants and why each is in it; split, merged and put back by the organisation, for itself."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, RootModel

from core.curation.concepts import (
    MAX_VARIANTS,
    Corrected,
    merge_concepts,
    split_concept,
    take_merge_back,
    take_split_back,
)
from core.errors import NotFoundError
from core.queries.concept_detail import concept_of_ad, get_concept
from daemon.api.ads import AdPath
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.links import LinkedConceptDetail, linked_concept
from daemon.api.schemas import Body, Identifier

blueprint = APIBlueprint("concepts", __name__, url_prefix="/api/v1", abp_tags=[{"name": "concepts"}])


class ConceptPath(BaseModel):
    """A concept by its id."""

    concept_id: Identifier


class SplitBody(Body):
    """Variants to take out of a concept, into a new one or into another of the same brand."""

    variants: Annotated[list[Identifier], Field(min_length=1, max_length=MAX_VARIANTS)]
    into: Annotated[Identifier | None, Field(description="A concept's id; none: a new one")] = None


class MergeBody(Body):
    """The concept that this one becomes a part of."""

    into: Identifier


class UndoBody(Body, BaseModel):  # twice, for linters that look no further than this file
    """What to take back: where these variants were put, or without any, that this concept was merged."""

    variants: Annotated[list[Identifier], Field(max_length=MAX_VARIANTS)] = []


class OneConcept(RootModel[LinkedConceptDetail]):
    """A concept with its variants; ``distances`` are bits of 64 and cosines, of what both variants have."""


class CorrectedConcept(RootModel[Corrected]):
    """The concept that holds what was moved, and its variants now. Of variants put back: those that were elsewhere."""


@blueprint.get("/concepts/<string:concept_id>", responses={200: OneConcept, 404: ErrorAnswer})
def concept(path: ConceptPath) -> Response:
    """One concept, as your organisation sees it."""
    found = get_concept(services().database, current_principal(), path.concept_id)
    return json_response(linked_concept(services(), found))


@blueprint.get("/ads/<string:ad_id>/concept", responses={200: OneConcept, 404: ErrorAnswer})
def ad_concept(path: AdPath) -> Response:
    """The concept that an ad is in."""
    found = concept_of_ad(services().database, current_principal(), path.ad_id)
    if found is None:
        raise NotFoundError("this ad is not grouped yet: it counts as a concept of its own until its brand is read")
    return json_response(linked_concept(services(), found))


@blueprint.post(
    "/concepts/<string:concept_id>/split",
    responses={200: CorrectedConcept, 400: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer},
)
def split(path: ConceptPath, body: SplitBody) -> Response:
    """Take variants out of a concept. No later scan puts them back."""
    made = split_concept(
        services().database, current_principal(), path.concept_id, variant_ids=body.variants, into=body.into
    )
    return json_response(made)


@blueprint.post(
    "/concepts/<string:concept_id>/merge",
    responses={200: CorrectedConcept, 400: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer},
)
def merge(path: ConceptPath, body: MergeBody) -> Response:
    """Make a concept part of another of the same brand. What comes to it later goes there, too."""
    return json_response(merge_concepts(services().database, current_principal(), path.concept_id, into=body.into))


@blueprint.post(
    "/concepts/<string:concept_id>/undo", responses={200: CorrectedConcept, 400: ErrorAnswer, 404: ErrorAnswer}
)
def undo(path: ConceptPath, body: UndoBody) -> Response:
    """Put variants of this concept back where the machine has them, or part it from the one it was merged into."""
    database, principal = services().database, current_principal()
    if not body.variants:
        return json_response(take_merge_back(database, principal, path.concept_id))
    return json_response(take_split_back(database, principal, path.concept_id, variant_ids=body.variants))
