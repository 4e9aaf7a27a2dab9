"""What comes in. Text that PostgreSQL can't hold (NUL, half a surrogate pair) is refused here."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from core.queries.pages import MAX_PAGE


def _storable(value: Any) -> Any:
    match value:
        case str():
            if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
                raise ValueError("holds characters that are no text")
        case dict():
            for key, item in value.items():
                _storable(key), _storable(item)
        case list():
            for item in value:
                _storable(item)
    return value


_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)


def _written(value: Any) -> Any:
    """A bare number would pass as seconds since 1970."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("give a time with its offset, as in 2026-01-31T09:00:00Z")
    return value


DEFAULT_PAGE: Final = 50
STORABLE = AfterValidator(_storable)
Name = Annotated[str, Field(min_length=1, max_length=200), STORABLE]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Cursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,1000}$")]
Json = Annotated[Any, STORABLE]
Moment = Annotated[AwareDatetime, BeforeValidator(_written)]


class Body(BaseModel):
    """Unknown fields are refused: a misspelt one would be ignored silently."""

    model_config = ConfigDict(extra="forbid")


class Query(BaseModel):
    """What stands in a query string. Every call asks for its schema, which takes longer to make than most answers."""

    @classmethod
    def model_json_schema(cls, *arguments: Any, **options: Any) -> dict[str, Any]:
        """As pydantic makes it; the plain one is made once."""
        return super().model_json_schema(*arguments, **options) if arguments or options else _schema_of(cls)


@cache
def _schema_of(model: type[Query]) -> dict[str, Any]:
    return super(Query, model).model_json_schema()


class Paging(Query):
    """``cursor`` is ``next_cursor`` of the page before."""

    cursor: Annotated[Cursor | None, Field(description="`next_cursor` of the page before; none: the first page")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE, description="How many items at most")] = DEFAULT_PAGE


class IngestBody(Body):
    """Ask the sources for a brand's ads."""

    brand: Annotated[Name, Field(description="Its slug or name", examples=["kestrun"])]
    source: Annotated[
        Name | None, Field(description="One source; none: every source that knows the brand", examples=["sample"])
    ] = None


class NotifyBody(Body):
    """What became of a request, told by one of our own processes."""

    model_config = ConfigDict(extra="ignore")

    request_id: Identifier
    status: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
    result: Json = None


BrandNames = Annotated[list[Name], Field(max_length=200)]


class BrandspaceBody(Body):
    """A new brandspace; brands by slug or by name in any script."""

    name: Annotated[str, Field(min_length=1, max_length=100), STORABLE]
    primary: Name | None = None
    competitors: BrandNames = []
    followed: BrandNames = []


class BrandspaceEditBody(Body):
    """What to change; what is left out stays. A list replaces the one there was; ``primary`` null takes it away."""

    name: Annotated[str, Field(min_length=1, max_length=100), STORABLE] = ""
    primary: Name | None = None
    competitors: BrandNames = []
    followed: BrandNames = []


class LabelBody(Body):
    """The values of a dimension, of the taxonomy; ``["unknown"]``: nothing in the text decides."""

    values: Annotated[list[Name], Field(min_length=1, max_length=50)]


class BrandNameBody(Body):
    """What the organisation calls a brand."""

    name: Annotated[str, Field(min_length=1, max_length=100), STORABLE]


class Queued(BaseModel):
    """Long work was queued; follow it by its id."""

    request_id: str
    status: str = "processing"
    message: str = "Your task has been queued."
