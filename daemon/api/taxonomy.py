"""What labels can say: the closed, versioned taxonomy with its definitions and examples."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from core.ai.taxonomy import Dimension, Taxonomy
from daemon.api.context import json_response, services

NONE_OF_THE_OTHERS = "The text was read and shows none of the others."

blueprint = APIBlueprint("taxonomy", __name__, url_prefix="/api/v1/taxonomy", abp_tags=[{"name": "taxonomy"}])


class TaxonomyValue(BaseModel):
    """One answer, whether an ad carries it or not. ``not_this``: what looks like it and isn't."""

    value: str
    definition: str
    examples: list[str]
    not_this: list[str]


class TaxonomyDimension(BaseModel):
    """One question. Beside its values every dimension allows ``unknown``: nothing decides.

    ``cardinality``: single or multi. ``reads``: text, opening (the first sentence) or picture. ``measured``: computed
    from the pixels. ``otherwise``: the value of what was read and shows none of the others.
    """

    dimension: str
    definition: str
    cardinality: str
    reads: str
    measured: bool
    otherwise: str | None
    values: list[TaxonomyValue]


class TaxonomyAnswer(BaseModel):
    """All dimensions, in the order they are shown. ``version`` changes with any change."""

    version: str
    dimensions: list[TaxonomyDimension]


@blueprint.get("", responses={200: TaxonomyAnswer})
def taxonomy() -> Response:
    """Every dimension and value that labels can have, with what they mean and examples."""
    return json_response(answer_of(services().taxonomy))


def answer_of(taxonomy: Taxonomy) -> TaxonomyAnswer:
    """The taxonomy as clients read it."""
    dimensions = [
        TaxonomyDimension(
            dimension=name,
            definition=each.definition,
            cardinality=each.cardinality,
            reads=each.reads,
            measured=each.measured,
            otherwise=each.otherwise,
            values=list(_values(each)),
        )
        for name, each in taxonomy.dimensions.items()
    ]
    return TaxonomyAnswer(version=taxonomy.version, dimensions=dimensions)


def _values(dimension: Dimension) -> Iterator[TaxonomyValue]:
    for name in dimension.answers:
        value = dimension.values.get(name)
        yield TaxonomyValue(
            value=name,
            definition=value.definition if value else NONE_OF_THE_OTHERS,
            examples=list(value.shown_examples) if value else [],
            not_this=list(value.not_this) if value else [],
        )
