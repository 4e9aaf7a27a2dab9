"""The filters of a list of ads: the same for the pages' query string, the API and every chart."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

from core.domain.ad import AdFormat
from core.domain.media import MediaStatus
from core.errors import BadInputError
from core.queries.status import AdStatus

UNKNOWN_VALUE = "unknown"  # a filterable value of country, language, format, CTA, landing domain and every label
MAX_VALUES = 50  # of one filter
MAX_TEXT = 200  # characters of one value
MAX_WORDS = 8

_CLOSED: Mapping[str, Collection[str]] = {
    "formats": [item.value for item in AdFormat],
    "statuses": [item.value for item in AdStatus],
    "media_statuses": [item.value for item in MediaStatus],
}
_LISTS = ("brands", "channels", "countries", "languages", "formats", "statuses", "media_statuses", "ctas")
_DATES = ("first_seen_from", "first_seen_to", "last_seen_from", "last_seen_to")
_TEXTS = ("words", "landing_domain", "unit")
_DIMENSION = re.compile(r"[a-z][a-z_]{0,39}")


@dataclass(frozen=True, slots=True)
class AdFilters:
    """What to keep. Values of one filter are alternatives (of labels: within a dimension); filters all hold.

    ``words``: every word must occur in the text of the current version. Dates are inclusive.
    Raises BadInputError naming what is accepted.
    """

    brands: tuple[str, ...] = ()  # slugs
    channels: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    media_statuses: tuple[str, ...] = ()
    ctas: tuple[str, ...] = ()  # as declared by the source
    labels: tuple[tuple[str, str], ...] = ()  # (dimension, value)
    words: str = ""
    first_seen_from: date | None = None
    first_seen_to: date | None = None
    last_seen_from: date | None = None
    last_seen_to: date | None = None
    landing_domain: str = ""
    unit: str = "ads"

    def __post_init__(self) -> None:
        for name in _LISTS:
            _check_values(name, getattr(self, name))
        _check_values("labels", [value for _, value in self.labels])
        for dimension, value in self.labels:
            if not (_DIMENSION.fullmatch(dimension) and value):
                raise BadInputError("labels: write dimension:value, for example hook:question")
        _check_values("words", self.words.split(), most=MAX_WORDS)
        _check_values("landing_domain", [self.landing_domain] if self.landing_domain else [])
        if self.unit != "ads":
            raise BadInputError("unit: use ads")

    def to_params(self) -> dict[str, list[str]]:
        """For a query string, repeated names for several values; ``from_params`` reads it back equal."""
        params = {name: list(getattr(self, name)) for name in _LISTS}
        params["labels"] = [f"{dimension}:{value}" for dimension, value in self.labels]
        for name in (*_DATES, *_TEXTS):
            value = getattr(self, name)
            params[name] = [str(value)] if value and value != "ads" else []
        return {name: values for name, values in params.items() if values}

    @classmethod
    def from_params(cls, params: Mapping[str, str | Sequence[str]], *, ignore: Collection[str] = ()) -> AdFilters:
        """Read a query string. ``ignore`` names the caller's own parameters; any other is refused."""
        given = {name: _as_list(values) for name, values in params.items() if name not in ignore}
        accepted = [field.name for field in fields(cls)]
        if unexpected := sorted(set(given) - set(accepted)):
            raise BadInputError(f"there is no filter {unexpected[0][:40]!r}; use {', '.join(accepted)}")
        lists = {name: tuple(given.get(name, ())) for name in _LISTS}
        dates = {name: _date(name, given[name]) for name in _DATES if given.get(name)}
        texts = {name: _single(name, given[name]) for name in _TEXTS if given.get(name)}
        labels = tuple(_label(value) for value in given.get("labels", ()))
        return cls(**lists, **dates, **texts, labels=labels)  # type: ignore[arg-type]  # checked by name above


def clean_text(name: str, value: str) -> str:
    """The value, if PostgreSQL can hold it. Raises BadInputError."""
    if len(value) > MAX_TEXT:
        raise BadInputError(f"{name}: at most {MAX_TEXT} characters")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise BadInputError(f"{name}: contains characters that aren't text")
    return value


def _check_values(name: str, values: Sequence[str], *, most: int = MAX_VALUES) -> None:
    if len(values) > most:
        raise BadInputError(f"{name}: at most {most} values")
    accepted = _CLOSED.get(name)
    for value in values:
        clean_text(name, value)
        if accepted is not None and value not in accepted:
            raise BadInputError(f"{name}: {value[:40]!r} is none of {', '.join(accepted)}")


def _as_list(values: str | Sequence[str]) -> list[str]:
    return [value for value in ([values] if isinstance(values, str) else values) if value]


def _single(name: str, values: Sequence[str]) -> str:
    if len(values) > 1:
        raise BadInputError(f"{name}: give it once")
    return values[0]


def _date(name: str, values: Sequence[str]) -> date:
    try:
        return date.fromisoformat(_single(name, values))
    except ValueError:
        raise BadInputError(f"{name}: write a date like 2026-03-31") from None


def _label(value: str) -> tuple[str, str]:
    dimension, _, label_value = value.partition(":")
    return dimension, label_value
