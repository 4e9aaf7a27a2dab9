"""Ads with links to their media: signed, for a while, and only for ads that were listed for this principal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core.bootstrap import Services
from core.queries.ad_detail import AdDetail, MediaDetail
from core.queries.ads import AdCard
from core.queries.concept_detail import ConceptDetail, Variant
from core.queries.concepts import Concept, Concepts
from core.queries.creatives import Creative, Creatives
from core.queries.similar import SimilarText, SimilarTexts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LinkedCard(AdCard):
    """An ad of a list; ``cover_url`` shows its cover until the link expires."""

    cover_url: str | None = None


@dataclass(frozen=True, slots=True)
class LinkedMedia(MediaDetail):
    """A medium; ``media_url`` gives the stored file, ``url`` is where the source had it."""

    media_url: str | None


@dataclass(frozen=True, slots=True)
class LinkedAd(AdDetail):
    """One ad with everything known of it; ``truncated`` where older versions are left out to keep the answer small."""

    media: tuple[LinkedMedia, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class LinkedCreative(Creative):
    """A file; ``media_url`` gives it until the link expires."""

    media_url: str | None


@dataclass(frozen=True, slots=True)
class LinkedCreatives(Creatives):
    """A page of files. Of ``total_ads`` that pass the filters ``ads_with_file`` have at least one that is stored."""

    items: tuple[LinkedCreative, ...]


@dataclass(frozen=True, slots=True)
class LinkedConcept(Concept):
    """What one brand says, with one of its ads."""

    example: LinkedCard


@dataclass(frozen=True, slots=True)
class LinkedConcepts(Concepts):
    """A page of concepts. Every one of ``total_ads`` is in one; ``ads_without_text`` of them say nothing.

    ``grouping`` says what makes ads one concept: "pictures and words" that are near, and what people corrected.
    """

    items: tuple[LinkedConcept, ...]


@dataclass(frozen=True, slots=True)
class LinkedVariant(Variant):
    """A set of words and cover, why the machine put it where it is, and one of its ads."""

    example: LinkedCard


@dataclass(frozen=True, slots=True)
class LinkedConceptDetail(ConceptDetail):
    """A concept as the organisation sees it, over all its visible ads; the variants seen first come first."""

    variants: tuple[LinkedVariant, ...]


@dataclass(frozen=True, slots=True)
class LinkedSimilarText(SimilarText):
    """A text near the one asked about, with one of the ads that carry it."""

    example: LinkedCard


@dataclass(frozen=True, slots=True)
class LinkedSimilarTexts(SimilarTexts):
    """Different texts, nearest first. ``measure`` says what the cosine means.

    The ``total_ads`` others that pass the filters carry ``texts_searched`` + ``texts_without_vector`` different texts;
    the latter can't be compared yet. ``ads_without_text`` of them say nothing.
    """

    items: tuple[LinkedSimilarText, ...]


def linked_cards(services: Services, cards: Sequence[AdCard]) -> tuple[LinkedCard, ...]:
    """The cards with links to their covers."""
    return tuple(
        LinkedCard(**_values(card), cover_url=_link(services, card.cover_sha256, card.cover_type)) for card in cards
    )


def linked_ad(services: Services, ad: AdDetail) -> LinkedAd:
    """The ad with links to its stored media."""
    media = tuple(
        LinkedMedia(**_values(medium), media_url=_link(services, medium.sha256, medium.content_type))
        for medium in ad.media
    )
    return LinkedAd(**{**_values(ad), "media": media})


def linked_creatives(services: Services, page: Creatives) -> LinkedCreatives:
    """The files with links to them."""
    items = tuple(
        LinkedCreative(**_values(item), media_url=_link(services, item.sha256, item.content_type))
        for item in page.items
    )
    return LinkedCreatives(**{**_values(page), "items": items})


def linked_concepts(services: Services, page: Concepts) -> LinkedConcepts:
    """The concepts with links to the covers of their examples."""
    return LinkedConcepts(**{**_values(page), "items": _with_examples(services, LinkedConcept, page.items)})


def linked_concept(services: Services, found: ConceptDetail) -> LinkedConceptDetail:
    """The concept with links to the covers of its variants."""
    variants = _with_examples(services, LinkedVariant, found.variants)
    return LinkedConceptDetail(**{**_values(found), "variants": variants})


def linked_similar_texts(services: Services, found: SimilarTexts) -> LinkedSimilarTexts:
    """The texts with links to the covers of their examples."""
    return LinkedSimilarTexts(**{**_values(found), "items": _with_examples(services, LinkedSimilarText, found.items)})


def _with_examples(
    services: Services, kind: type[T], items: Sequence[Concept] | Sequence[SimilarText] | Sequence[Variant]
) -> tuple[T, ...]:
    examples = linked_cards(services, [item.example for item in items])
    return tuple(kind(**{**_values(item), "example": card}) for item, card in zip(items, examples, strict=True))


def _link(services: Services, sha256: str | None, content_type: str | None) -> str | None:
    """What was read along with an ad or file that the principal may see is his to see: nobody has to be asked again."""
    if sha256 is None or content_type is None:
        return None
    seconds = services.settings.media_link_seconds
    return services.objects.link(sha256, content_type=content_type, expires_in_seconds=seconds)


def _values(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__dataclass_fields__}
