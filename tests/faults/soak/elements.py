"""The elements of a record: what one asking must leave behind, known from what was asked and from nothing else.

An element is a tuple of texts. The same tuple read twice from the store is a double, none is a loss.

    ("ad", brand, external id)
    ("said", brand, day, external id, text hash)   the ad was seen that day, saying this
    ("medium", external id, url, outcome)          outcome: the SHA-256 of its bytes, or why it can't be had
    ("creative", SHA-256)
    ("text", content id)                           labelled
    ("request", request id, status)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from core.domain.ad import AdRecord
from core.domain.identity import content_identity
from core.sources.brands import slug_for
from core.sources.records import labelled_text, text_hash

Element = tuple[str, ...]
Outcome = Callable[[str], str]
SHA256_CHARACTERS = 64


def elements_of(records: Iterable[AdRecord], outcome: Outcome) -> set[Element]:
    """What a scan with these records must leave behind; ``outcome`` tells what a URL gives."""
    return {element for record in records for element in _of_ad(record, outcome)}


def _of_ad(record: AdRecord, outcome: Outcome) -> Iterator[Element]:
    brand = slug_for(record.brand_name)
    yield ("ad", brand, record.external_id)
    for version in record.versions:
        text = labelled_text(version)
        yield ("said", brand, record.scanned_on.isoformat(), record.external_id, text_hash(text))
        yield ("text", content_identity(text_hash(text), version.cta))
    for medium in record.media:
        assert medium.url is not None
        found = outcome(medium.url)
        yield ("medium", record.external_id, medium.url, found)
        if len(found) == SHA256_CHARACTERS:
            yield ("creative", found)
