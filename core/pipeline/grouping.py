"""Ads to variants to concepts. Local and free; what was joined once is never moved by a machine.

Exactly the same words and cover are one variant, at once and set by set. Variants are compared when their vectors are
there, brand by brand, each with those that came before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from core.adapters.postgres.engine import Connection, Database
from core.adapters.postgres.variant_store import (
    Models,
    StoredLook,
    group_ads,
    hold_brand,
    looks_of,
    members,
    store_joinings,
    store_simhashes,
    waiting_variants,
)
from core.ai.concepts import Concepts, Look, Sizes
from core.ai.simhash import simhash
from core.errors import RetryableError

_ADS_BATCH = 5_000
_VARIANTS_BATCH = 2_000  # of one transaction; what others have compared in between is read again before the next
_COMPARED_AT_ONCE = 128  # rows of the matrices: with 20,000 columns 10 MB each


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups the ads of a brand. ``is_stopping`` ends the work between two steps when the process must end."""

    database: Database
    models: Models
    sizes: Sizes
    is_stopping: Callable[[], bool] = lambda: False

    def form_variants(self, scope: str, brand_slug: str) -> int:
        """Every ad without a variant gets the one of its words and cover; returns how many ads."""
        done = 0
        while True:
            with self.database.worker(scope) as connection:
                count = group_ads(connection, scope=scope, brand_slug=brand_slug, limit=_ADS_BATCH)
            done += count
            if count < _ADS_BATCH:
                return done
            self._go_on()

    def join_concepts(self, scope: str, brand_slug: str, keep_alive: Callable[[], None] = lambda: None) -> int:
        """Compare every new variant once and give it a concept; returns how many. Twice does the work once.

        ``keep_alive`` is called between two steps. Raises RetryableError when the process ends in between.
        """
        done = 0
        for count in self._batches(scope, brand_slug):
            done += count
            self._go_on()
            keep_alive()
        return done

    def _batches(self, scope: str, brand_slug: str) -> Iterator[int]:
        key = {"scope": scope, "brand_slug": brand_slug}
        while True:
            with self.database.worker(scope) as connection:
                if not waiting_variants(connection, **key, limit=1):
                    return
                hold_brand(connection, **key)
                waiting = waiting_variants(connection, **key, limit=_VARIANTS_BATCH)
                known = members(connection, self.models, **key)
                concepts = Concepts([(_look(stored), stored.concept_id) for stored in known], sizes=self.sizes)
                for start in range(0, len(waiting), _COMPARED_AT_ONCE):
                    some = waiting[start : start + _COMPARED_AT_ONCE]
                    looks = looks_of(connection, self.models, **key, variant_ids=some)
                    self._join(connection, scope, concepts, looks)
            yield len(waiting)

    @staticmethod
    def _join(connection: Connection, scope: str, concepts: Concepts, stored: list[StoredLook]) -> None:
        hashes = {look.content_id: simhash(look.text) for look in stored if look.content_id and look.text}
        store_simhashes(connection, scope=scope, hashes=hashes)
        looks = [_look(replace(look, simhash=hashes.get(look.content_id or "", look.simhash))) for look in stored]
        joined = (
            (it.variant_id, it.concept_id, it.joined_by, it.joined_to, it.distances) for it in concepts.join(looks)
        )
        store_joinings(connection, scope=scope, joinings=joined)

    def _go_on(self) -> None:
        if self.is_stopping():
            raise RetryableError("this worker stops; another one goes on")


def _look(stored: StoredLook) -> Look:
    return Look(
        stored.variant_id, stored.cover, stored.picture_hash, stored.visual, stored.text_hash, stored.simhash,
        stored.words,
    )  # fmt: skip
