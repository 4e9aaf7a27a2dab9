"""What comes in. Text that PostgreSQL can't hold (NUL, half a surrogate pair) is refused here."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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


STORABLE = AfterValidator(_storable)
Name = Annotated[str, Field(min_length=1, max_length=200), STORABLE]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Cursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,1000}$")]
Json = Annotated[Any, STORABLE]


class Body(BaseModel):
    """Unknown fields are refused: a misspelt one would be ignored silently."""

    model_config = ConfigDict(extra="forbid")


class Paging(BaseModel):
    """``cursor`` is ``next_cursor`` of the page before."""

    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50


class IngestBody(Body):
    """Ask the sources for a brand's ads."""

    brand: Name
    source: Name | None = None


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


class Queued(BaseModel):
    """Long work was queued; follow it by its id."""

    request_id: str
    status: str = "processing"
    message: str = "Your task has been queued."
