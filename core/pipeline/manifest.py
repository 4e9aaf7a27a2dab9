"""From the records of a scan to the manifest of a run: its ads and its distinct items. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from core.domain.ad import AdRecord
from core.domain.identity import ad_identity, identity
from core.domain.media import MediaRef, MediaStatus
from core.domain.run import Item, ItemKind
from core.messages import MAX_URL_CHARACTERS, UrlMessage
from core.sources.records import labelled_text, record_to_json, text_hash

_SIGNED_HOSTS = (".fbcdn.net", ".cdninstagram.com")  # their query is a signature that changes with every scrape
_MAX_TEXT_CHARACTERS = 5_000
_NO_ADDRESS = "missing:///"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The ads in order, each with the ids of its items, and the items by id."""

    entries: list[tuple[str, dict[str, Any], list[str]]] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)


def build_manifest(records: Iterable[AdRecord], scope: str) -> Manifest:
    """Ads point to items many-to-many; an ad without media is one item of kind text."""
    manifest = Manifest()
    for record in records:
        ad_id = ad_identity(scope, record.channel, record.account, record.external_id)
        items = [_media_item(ref) for ref in record.media] or [_text_item(record, ad_id)]
        for item in items:
            manifest.items.setdefault(item.item_id, item)
        manifest.entries.append((ad_id, record_to_json(record), [item.item_id for item in items]))
    return manifest


def repair_manifest(failed: Iterable[Item]) -> Manifest:
    """The media of an earlier run that may be had by now: those with an address. No ads: they are stored."""
    manifest = Manifest()
    for item in failed:
        if not item.url.startswith(_NO_ADDRESS):
            metadata = {"kind": ItemKind.MEDIA.value, "role": item.role}
            manifest.items[item.item_id] = replace(item, metadata=metadata)
    return manifest


def _media_item(ref: MediaRef) -> Item:
    # What can't be had has no address; its reason names it, and no two of them are one item.
    url = ref.url or f"{_NO_ADDRESS}{quote(ref.local_path or ref.reason or 'media')}"
    metadata: dict[str, Any] = {"kind": ItemKind.MEDIA.value, "role": ref.role.value}
    if ref.problem is not None:
        metadata |= {"problem": ref.problem.value, "reason": ref.reason or ref.problem.value}
    elif ref.url is None:
        metadata |= {"problem": "not_attempted", "reason": "the source names no address for this medium"}
    elif len(url) > MAX_URL_CHARACTERS:
        metadata |= {"problem": MediaStatus.BLOCKED.value, "reason": f"its address has {len(url):,} characters"}
    item_id = item_identity(url, ref.role.value)
    return Item(item_id, ItemKind.MEDIA, ref.role.value, url[:MAX_URL_CHARACTERS], metadata)


def _text_item(record: AdRecord, ad_id: str) -> Item:
    url = (record.library_url or f"ad://{ad_id}")[:MAX_URL_CHARACTERS]
    text = labelled_text(record.versions[0]) if record.versions else ""
    metadata = {"kind": ItemKind.TEXT.value, "text_hash": text_hash(text), "text": text[:_MAX_TEXT_CHARACTERS]}
    return Item(item_identity(url, ItemKind.TEXT.value), ItemKind.TEXT, ItemKind.TEXT.value, url, metadata)


def item_identity(url: str, role: str) -> str:
    """hash(normalised URL, role). A signed link keeps its identity when its signature is renewed."""
    return identity("item", normalised_url(url), role)


def normalised_url(url: str) -> str:
    """Lower-case scheme and host, no fragment, no signature."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    host = parts.netloc.lower()
    query = "" if host.endswith(_SIGNED_HOSTS) else parts.query
    return urlunsplit((parts.scheme.lower(), host, parts.path, query, ""))


def url_message(item: Item, *, brand: str, scope: str, batch_id: str, request_id: str | None) -> str:
    """The body of the item's message on the URL queue."""
    return UrlMessage(
        brand=brand,
        url=item.url,
        metadata=dict(item.metadata),
        scope=scope,
        batch_id=batch_id,
        item_id=item.item_id,
        request_id=request_id,
    ).to_body()
