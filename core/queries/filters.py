"""The filters of a list of ads: the same for the pages' query string, the API and every chart."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Final, Literal

from core.domain.ad import AdFormat
from core.domain.media import MediaStatus
from core.errors import BadInputError
from core.queries.status import AdStatus

UNKNOWN_VALUE = "unknown"  # a filterable value of all that a source may leave out, and of every label
KNOWN_VALUE = "known"
MAX_VALUES = 50  # of one filter
MAX_TEXT = 200  # characters of one value
MAX_WORDS = 8
Unit = Literal["ads", "concepts"]  # what can be counted; ``core.queries.units`` says how
ADS: Final[Unit] = "ads"
CONCEPTS: Final[Unit] = "concepts"
UNITS: Final[tuple[Unit, ...]] = (ADS, CONCEPTS)

_CLOSED: Mapping[str, Collection[str]] = {
    "formats": [item.value for item in AdFormat],
    "statuses": [item.value for item in AdStatus],
    "media_statuses": [item.value for item in MediaStatus],
    "run_dates": (KNOWN_VALUE, UNKNOWN_VALUE),
    "impressions": (KNOWN_VALUE, UNKNOWN_VALUE),
}
_LISTS = (
    "brands", "channels", "platforms", "countries", "languages", "formats", "statuses", "media_statuses", "ctas",
    "run_dates", "spend_currencies", "impressions", "concepts", "themes",
)  # fmt: skip
_DATES = ("first_seen_from", "first_seen_to", "last_seen_from", "last_seen_to", "run_from", "run_to")
_NUMBERS = (
    "days_seen_min", "days_seen_max", "days_shown_min", "days_shown_max", "spend_min", "spend_max",
    "impressions_min", "impressions_max",
)  # fmt: skip
MAX_NUMBER = 10**15
_CURRENCY = re.compile(r"[A-Z]{3}")
_TEXTS = ("words", "on_screen_words", "landing_domain", "unit")
_DIMENSION = re.compile(r"[a-z][a-z_]{0,39}")


@dataclass(frozen=True, slots=True)
class AdFilters:
    """What to keep. Values of one filter are alternatives (of labels: within a dimension); filters all hold.

    ``words``: every word must occur in the text of the current version; ``on_screen_words``: in what was read on the
    cover picture. What is spoken isn't read. Dates and numbers are inclusive. What a source gave as a range (spend,
    impressions) passes if it overlaps the one asked for. Ads of which a source doesn't say it are *unknown*: no range
    holds them. Raises BadInputError naming what is accepted.
    """

    brands: tuple[str, ...] = ()  # slugs
    channels: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()  # of the current version: "facebook", "audience_network"
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    media_statuses: tuple[str, ...] = ()
    ctas: tuple[str, ...] = ()  # as declared by the source
    labels: tuple[tuple[str, str], ...] = ()  # (dimension, value)
    words: str = ""
    on_screen_words: str = ""
    first_seen_from: date | None = None
    first_seen_to: date | None = None
    last_seen_from: date | None = None
    last_seen_to: date | None = None
    # Run dates are the source's. Without an end an ad has run until it was last seen, as far as anybody knows.
    run_dates: tuple[str, ...] = ()  # known | unknown
    run_from: date | None = None  # it ran on this day or later …
    run_to: date | None = None  # … and on this day or earlier
    days_seen_min: int | None = None  # from first to last seen, both counted: seen is not shown
    days_seen_max: int | None = None
    days_shown_min: int | None = None  # from the first to the last day of its run, both counted
    days_shown_max: int | None = None
    spend_currencies: tuple[str, ...] = ()  # in which the source gives it: "EUR"
    spend_min: int | None = None  # in units of the one currency named
    spend_max: int | None = None
    impressions: tuple[str, ...] = ()  # known | unknown
    impressions_min: int | None = None
    impressions_max: int | None = None
    landing_domain: str = ""
    concepts: tuple[str, ...] = ()  # as the organisation sees them; of an ad not grouped yet: its id
    themes: tuple[str, ...] = ()  # of the organisation's brandspaces, by id
    unit: Unit = ADS  # what is counted: ads | concepts. A list of ads stays one

    def __post_init__(self) -> None:
        for name in _LISTS:
            _check_values(name, getattr(self, name))
        _check_values("labels", [value for _, value in self.labels])
        for dimension, value in self.labels:
            if not (_DIMENSION.fullmatch(dimension) and value):
                raise BadInputError("labels: write dimension:value, for example hook:question")
        for name in ("words", "on_screen_words"):
            _check_values(name, getattr(self, name).split(), most=MAX_WORDS)
        _check_values("landing_domain", [self.landing_domain] if self.landing_domain else [])
        self._check_numbers()
        if self.unit not in UNITS:
            raise BadInputError(f"unit: use {', '.join(UNITS)}")

    def _check_numbers(self) -> None:
        for name in _NUMBERS:
            if not 0 <= (getattr(self, name) or 0) <= MAX_NUMBER:
                raise BadInputError(f"{name}: give a whole number from 0 to {MAX_NUMBER}")
        for currency in self.spend_currencies:
            if currency != UNKNOWN_VALUE and not _CURRENCY.fullmatch(currency):
                raise BadInputError("spend_currencies: write the code of a currency like EUR, or unknown")
        asks_spend = self.spend_min is not None or self.spend_max is not None
        if asks_spend and (len(self.spend_currencies) != 1 or UNKNOWN_VALUE in self.spend_currencies):
            raise BadInputError("spend_min, spend_max: name the one currency they are in as spend_currencies")

    def to_params(self) -> dict[str, list[str]]:
        """For a query string, repeated names for several values; ``from_params`` reads it back equal."""
        params = {name: list(getattr(self, name)) for name in _LISTS}
        params["labels"] = [f"{dimension}:{value}" for dimension, value in self.labels]
        for name in (*_DATES, *_NUMBERS, *_TEXTS):
            value = getattr(self, name)
            params[name] = [] if value in (None, "", "ads") else [str(value)]
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
        numbers = {name: _number(name, given[name]) for name in _NUMBERS if given.get(name)}
        texts = {name: _single(name, given[name]) for name in _TEXTS if given.get(name)}
        labels = tuple(_label(value) for value in given.get("labels", ()))
        return cls(**lists, **dates, **numbers, **texts, labels=labels)  # type: ignore[arg-type]  # checked by name above


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


def _number(name: str, values: Sequence[str]) -> int:
    written = _single(name, values)
    if not (written.isascii() and written.isdecimal() and len(written) <= len(str(MAX_NUMBER))):
        raise BadInputError(f"{name}: give a whole number from 0 to {MAX_NUMBER}")
    return int(written)


def _label(value: str) -> tuple[str, str]:
    dimension, _, label_value = value.partition(":")
    return dimension, label_value
