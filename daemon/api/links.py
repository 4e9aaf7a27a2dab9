"""Ads with links to their media: signed, for a while, and only for ads that were listed for this principal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from core.bootstrap import Services
from core.domain.principal import Principal
from core.queries.ad_detail import AdDetail, MediaDetail
from core.queries.ads import AdCard
from core.queries.media import media_grants


@dataclass(frozen=True, slots=True)
class LinkedCard(AdCard):
    """An ad of a list; ``cover_url`` shows its cover until the link expires."""

    cover_url: str | None


@dataclass(frozen=True, slots=True)
class LinkedMedia(MediaDetail):
    """A medium; ``media_url`` gives the stored file, ``url`` is where the source had it."""

    media_url: str | None


@dataclass(frozen=True, slots=True)
class LinkedAd(AdDetail):
    """One ad with everything known of it."""

    media: tuple[LinkedMedia, ...]


def linked_cards(services: Services, principal: Principal, cards: Sequence[AdCard]) -> tuple[LinkedCard, ...]:
    """The cards with links to their covers."""
    links = _links(services, principal, [card.cover_sha256 for card in cards])
    return tuple(LinkedCard(**_values(card), cover_url=links.get(card.cover_sha256 or "")) for card in cards)


def linked_ad(services: Services, principal: Principal, ad: AdDetail) -> LinkedAd:
    """The ad with links to its stored media."""
    links = _links(services, principal, [medium.sha256 for medium in ad.media])
    media = tuple(LinkedMedia(**_values(medium), media_url=links.get(medium.sha256 or "")) for medium in ad.media)
    return LinkedAd(**{**_values(ad), "media": media})


def _links(services: Services, principal: Principal, hashes: Sequence[str | None]) -> Mapping[str, str]:
    wanted = {sha256 for sha256 in hashes if sha256}
    types = media_grants(services.database, principal, wanted)
    seconds = services.settings.media_link_seconds
    return {
        sha256: services.objects.link(sha256, content_type=content_type, expires_in_seconds=seconds)
        for sha256, content_type in types.items()
    }


def _values(item: Any) -> dict[str, Any]:
    return {field.name: getattr(item, field.name) for field in fields(item)}
