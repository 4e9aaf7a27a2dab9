"""One card of the gallery: an ad, or a concept shown by one of its ads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from app.formatting import CHANNELS, MEDIA_STATUSES, STATUSES, counted, day, dimension_name, shorten, value_name, words
from core.queries.ads import AdCard
from core.queries.concepts import Concept
from core.queries.filters import UNKNOWN_VALUE

COPY_WIDTH = 150  # characters of a card
_SHOWN_DIMENSIONS = ("hook", "offer", "tone")
_STATUS_COLOURS: dict[str, Colour] = {"active": "green", "not_seen": "orange", "stopped": "gray"}

Colour = Literal["green", "orange", "gray", "blue", "violet", "primary"]


@dataclass(frozen=True, slots=True)
class Badge:
    """A word or two in a colour, in our words; ``help`` says what it means."""

    text: str
    colour: Colour = "gray"
    help: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """Everything but ``badges`` is data. ``problem`` says why there is no picture."""

    ad_id: str
    brand_name: str
    byline: str
    title: str
    copy: str
    picture: str | None
    problem: tuple[str, str] | None  # (status, reason)
    dates: str
    badges: tuple[Badge, ...]
    labels: tuple[Badge, ...]


def make_card(card: AdCard) -> Card:
    """A card from a query's row."""
    return Card(
        ad_id=card.ad_id,
        brand_name=card.brand_name,
        byline=_byline(card),
        title="" if card.title.casefold() == card.brand_name.casefold() else shorten(card.title, 80),
        copy=shorten(" ".join(card.copy.split()), COPY_WIDTH),
        picture=card.cover_sha256,
        problem=None if card.cover_sha256 else media_problem(card.media_status, card.media_reason),
        dates=dates_line(card),
        badges=(status_badge(card.status), *source_badges(card.channel, card.scope), Badge(words(card.format))),
        labels=_labels(card),
    )


def make_concept_card(concept: Concept) -> Card:
    """The ad of the concept that was seen last stands for it; status, dates and counts are of all that pass."""
    card, example = make_card(concept.example), concept.example
    alike = f"{counted(concept.ads, 'ad')} in {counted(concept.variants, 'variant')}"
    seen = f"Seen {day(concept.first_seen)} to {day(concept.last_seen)}"
    about = (status_badge(concept.status), *source_badges(example.channel, example.scope))
    size = Badge(alike if concept.ads > 1 else "1 ad", "primary" if concept.ads > 1 else "gray")
    return replace(card, dates=seen, badges=(*about, size))


def media_problem(status: str, reason: str | None) -> tuple[str, str]:
    """What became of the creative, and why."""
    return MEDIA_STATUSES.get(status, words(status)), words(reason or "")


def dates_line(card: AdCard) -> str:
    """Seen is not shown: the line never says how long an ad ran."""
    began = f"Started {day(card.run_start)}" if card.run_start else f"First seen {day(card.first_seen)}"
    return f"{began} · seen over {counted(card.days_seen, 'day')}"


def status_badge(status: str) -> Badge:
    """Active, stopped or not seen, with what that means."""
    meanings = {
        "active": "The newest scan of its source shows it.",
        "stopped": "The source says that it has ended.",
        "not_seen": "The newest scan doesn't show it. That isn't proof that it stopped.",
    }
    return Badge(STATUSES.get(status, words(status)), _STATUS_COLOURS.get(status, "gray"), meanings.get(status))


def source_badges(channel: str, scope: str) -> tuple[Badge, ...]:
    """Where the ad comes from; sample data always says so."""
    if channel == "sample":
        return (Badge("Sample data", "violet", "Invented brands and ads, made to try Adology out."),)
    source = Badge(CHANNELS.get(channel, words(channel)), "blue")
    return (source,) if scope == "shared" else (source, Badge("Private", "gray", "Only your organisation sees it."))


def _byline(card: AdCard) -> str:
    by_another = card.page_name and card.page_name.casefold() != card.brand_name.casefold()
    return f"by {card.page_name}" if by_another else ""


def _labels(card: AdCard) -> tuple[Badge, ...]:
    if not card.labels:
        return (Badge("Not labelled yet" if card.has_text else "No text to label"),)
    found = ((name, value) for name in _SHOWN_DIMENSIONS for value in card.labels.get(name, ())[:1])
    return tuple(
        Badge(f"{dimension_name(name)}: {value_name(name, value).lower()}")
        for name, value in found
        if value not in {UNKNOWN_VALUE, "none"}
    )
