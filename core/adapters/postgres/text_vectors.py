"""The vectors of texts in an index of this process, fetched from PostgreSQL when a search is the first to need them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.adapters.postgres.content_store import vectors_of
from core.adapters.postgres.engine import Connection
from core.errors import BadInputError
from core.ports import Neighbour, Vector, VectorIndex

_CHUNK = 5_000  # vectors fetched at once: about 8 MB of 384 numbers each

Texts = Mapping[str, Collection[str]]  # scope → text hashes


@dataclass(frozen=True, slots=True)
class NearestTexts:
    """Best first. ``searched`` of the texts asked about have a vector, ``without_vector`` have none yet."""

    neighbours: Sequence[Neighbour]
    searched: int
    without_vector: int


class TextVectors:
    """Searches among texts that the caller names. Safe for several threads.

    A stored vector never changes, so what is held stays right; what isn't held is asked for at every search, so a new
    one is found at once, whichever transaction brought it. What the caller's connection can't see is never fetched.
    """

    def __init__(self, index: VectorIndex, *, most: int) -> None:
        """``index`` belongs to this from now on. At most ``most`` vectors are held: the others are forgotten."""
        self._index = index
        self._most = most
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        """What made the vectors."""
        return self._index.model

    def vector(self, connection: Connection, scope: str, text_hash: str) -> Vector | None:
        """The vector of one text, or None where it isn't stored yet."""
        return self._fetch(connection, scope, [text_hash]).get(text_hash)

    def nearest(self, connection: Connection, texts: Texts, query: Vector, *, limit: int) -> NearestTexts:
        """The nearest of these texts; ``query`` has unit length. Raises BadInputError for more than can be held."""
        asked = {text for hashes in texts.values() for text in hashes}
        with self._lock:  # nobody may forget what another has just fetched and is about to search
            held = self._hold(connection, texts)
            neighbours = self._index.search(list(texts), query, limit=limit, among=held)
        return NearestTexts(neighbours, len(held), len(asked) - len(held))

    def _hold(self, connection: Connection, texts: Texts) -> set[str]:
        """Fetch what is missing; returns the texts that have a vector."""
        missing = {scope: self._index.missing(scope, hashes) for scope, hashes in texts.items()}
        if self._index.size() + sum(map(len, missing.values())) > self._most:
            missing = self._make_room(texts)
        held: set[str] = set()
        for scope, hashes in texts.items():
            found = self._add(connection, scope, sorted(missing[scope]))
            held |= (set(hashes) - missing[scope]) | found
        return held

    def _make_room(self, texts: Texts) -> dict[str, set[str]]:
        if sum(map(len, texts.values())) > self._most:
            raise BadInputError(f"more than {self._most:,} texts to compare with; choose fewer brands or set filters")
        self._index.clear()
        return {scope: set(hashes) for scope, hashes in texts.items()}

    def _add(self, connection: Connection, scope: str, hashes: Sequence[str]) -> set[str]:
        added: set[str] = set()
        for start in range(0, len(hashes), _CHUNK):
            found = self._fetch(connection, scope, hashes[start : start + _CHUNK])
            if found:
                self._index.add(scope, list(found), np.stack(list(found.values())))
                added |= found.keys()
        return added

    def _fetch(self, connection: Connection, scope: str, hashes: Sequence[str]) -> dict[str, Vector]:
        return vectors_of(connection, scope=scope, subjects=hashes, model=self._index.model)
