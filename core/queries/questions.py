"""One comparison of brands, as it is asked: by whoever looks at the page, calls the API or freezes the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from core.adapters.postgres.engine import Database
from core.ai.taxonomy import Taxonomy
from core.domain.ad import AdFormat
from core.domain.label import LANGUAGE
from core.domain.principal import Principal
from core.errors import BadInputError
from core.insights.mixes import Comparison, compare
from core.queries.brandspaces import ALL_BRANDS, find_brandspace
from core.queries.comparison import FORMAT, label_mix
from core.queries.filters import UNKNOWN_VALUE, AdFilters
from core.queries.label_quality import label_verdicts

CONFIDENCES = (0.8, 0.9, 0.95, 0.99)
_OWN = {LANGUAGE: "The language of the copy, as a detector found it.", FORMAT: "The format that the source declares."}
NO_FOCAL = "none"  # where nobody is to be held against the brandspace's own brand


@dataclass(frozen=True, slots=True)
class Question:
    """``focal`` None: the primary brand of the brandspace; ``NO_FOCAL``: none. The unit is that of the filters.

    Raises BadInputError naming what is accepted.
    """

    brandspace: str
    dimension: str
    filters: AdFilters
    focal: str | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.confidence not in CONFIDENCES:
            raise BadInputError(f"confidence: use {', '.join(map(str, CONFIDENCES))}")

    def to_json(self) -> dict[str, Any]:
        """``from_json`` reads it back equal; filters that aren't set are left out."""
        filters = {name: values for name, values in self.filters.to_params().items() if values}
        own = {name: getattr(self, name) for name in ("brandspace", "dimension", "focal", "confidence")}
        return own | {"unit": self.filters.unit, "filters": filters}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Question:
        """Raises BadInputError."""
        filters = AdFilters.from_params(dict(body["filters"]))
        return cls(body["brandspace"], body["dimension"], filters, body["focal"], body["confidence"])


@dataclass(frozen=True, slots=True)
class BrandComparison(Comparison):
    """A comparison, and why not to trust the labels it rests on: that ``below_bar``, or those of single values."""

    definition: str = ""
    below_bar: str | None = None
    values_below_bar: Mapping[str, str] = field(default_factory=dict)


def dimensions_of(taxonomy: Taxonomy) -> tuple[str, ...]:
    """By what brands can be compared."""
    return (*taxonomy.dimensions, LANGUAGE, FORMAT)


def values_of(taxonomy: Taxonomy, dimension: str) -> tuple[str, ...]:
    """Every value that an ad could show; none of a dimension that isn't closed. Raises BadInputError."""
    if dimension not in dimensions_of(taxonomy):  # else it would look as if nothing had been read yet
        raise BadInputError(f"dimension: use {', '.join(dimensions_of(taxonomy))}")
    if dimension == FORMAT:
        return tuple(item.value for item in AdFormat if item.value != UNKNOWN_VALUE)
    return () if dimension == LANGUAGE else taxonomy.values(dimension)


def definition_of(taxonomy: Taxonomy, dimension: str) -> str:
    """What the dimension asks."""
    return _OWN.get(dimension) or taxonomy.definition(dimension)


def compare_brands(database: Database, principal: Principal, taxonomy: Taxonomy, question: Question) -> BrandComparison:
    """Every brand's own shares, their differences from the focal brand, unused values, and whether labels are to be
    trusted. Raises NotFoundError (brandspace) and BadInputError (dimension).
    """
    allowed = values_of(taxonomy, question.dimension)
    asked = (database, principal, question.brandspace, question.dimension, question.filters)
    found = compare(
        label_mix(*asked, allowed=allowed),
        confidence=question.confidence,
        focal=_focal(database, principal, question),
    )
    quality = label_verdicts(database, principal, question.dimension)
    return BrandComparison(
        **{item.name: getattr(found, item.name) for item in fields(Comparison)},
        definition=definition_of(taxonomy, question.dimension),
        below_bar=quality.dimension.reason if quality.dimension.is_below else None,
        values_below_bar=_below(found.values, quality.values),
    )


def _below(values: Sequence[str], verdicts: Mapping[str, Any]) -> dict[str, str]:
    return {value: verdicts[value].reason for value in values if value in verdicts and verdicts[value].is_below}


def _focal(database: Database, principal: Principal, question: Question) -> str | None:
    if question.focal is not None or question.brandspace == ALL_BRANDS:
        return question.focal if question.focal != NO_FOCAL else None
    with database.reader(principal) as connection:
        return find_brandspace(connection, principal, question.brandspace).primary_brand
