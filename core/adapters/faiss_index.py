"""Exact similarity in process with FAISS: one flat inner-product index per scope.

PostgreSQL holds the vectors; this is rebuilt from there and never written to disk.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Collection, Sequence

import faiss
import numpy as np

from core.errors import BadInputError
from core.ports import Neighbour, Vector

_LENGTH_TOLERANCE = 1e-3


class _Shelf:
    """The vectors of one scope; row n of the index belongs to ``subjects[n]``."""

    def __init__(self, dimension: int) -> None:
        self.subjects: list[str] = []
        self.rows: dict[str, int] = {}
        self._index = faiss.IndexFlatIP(dimension)

    def put(self, vectors: dict[str, Vector]) -> None:
        replaced = [self.rows[subject] for subject in vectors if subject in self.rows]
        if replaced:
            self._index.remove_ids(_selector(replaced))  # the rest keeps its order
            self.subjects = [subject for subject in self.subjects if subject not in vectors]
            self.rows = {subject: row for row, subject in enumerate(self.subjects)}
        self.rows.update(zip(vectors, range(len(self.subjects), len(self.subjects) + len(vectors)), strict=True))
        self._index.add(np.stack(list(vectors.values())))
        self.subjects.extend(vectors)

    def nearest(self, query: Vector, limit: int, among: Collection[str] | None) -> list[Neighbour]:
        faiss.omp_set_num_threads(1)  # of this thread; two make one query slower (15 ms, not 10, at 100k × 512)
        chosen, possible = faiss.SearchParameters(), len(self.subjects)
        candidates = self.rows.values() if among is None else {self.rows[name] for name in among if name in self.rows}
        if len(candidates) < possible:  # choosing all would cost five times as much
            selector, possible = _selector(candidates), len(candidates)
            chosen.sel = selector  # FAISS holds a bare pointer: the name keeps it alive
        if not possible:
            return []
        scores, rows = self._index.search(query[None, :], min(limit, possible), params=chosen)
        return [Neighbour(self.subjects[row], float(score)) for row, score in zip(rows[0], scores[0], strict=True)]


def _selector(rows: Collection[int]) -> faiss.IDSelector:
    return faiss.IDSelectorBatch(np.fromiter(rows, np.int64, len(rows)))


class FaissVectorIndex:
    """Vector index of one model; scopes that aren't asked for aren't searched. Safe for several threads."""

    def __init__(self, model: str, dimension: int) -> None:
        """``model`` names what made the vectors; another model or dimension needs another index."""
        self.model = model
        self.dimension = dimension
        self._shelves: dict[str, _Shelf] = {}
        self._lock = threading.Lock()

    def add(self, scope: str, subjects: Sequence[str], vectors: Vector) -> None:
        """Add or replace; the last of a repeated subject counts. Raises BadInputError on vectors of another kind."""
        self._check(vectors, (len(subjects), self.dimension))
        if not subjects:
            return
        unique = dict(zip(subjects, np.asarray(vectors, dtype=np.float32), strict=True))
        with self._lock:
            self._shelves.setdefault(scope, _Shelf(self.dimension)).put(unique)

    def search(
        self, scopes: Sequence[str], query: Vector, *, limit: int, among: Collection[str] | None = None
    ) -> list[Neighbour]:
        """The nearest subjects of the given scopes, best first, a subject once; equal scores by subject."""
        self._check(query, (self.dimension,))
        if limit < 1:
            return []
        query = np.asarray(query, dtype=np.float32)
        best: dict[str, Neighbour] = {}
        with self._lock:
            shelves = [self._shelves[scope] for scope in set(scopes) if scope in self._shelves]
            for found in (neighbour for shelf in shelves for neighbour in shelf.nearest(query, limit, among)):
                if found.subject not in best or best[found.subject].score < found.score:
                    best[found.subject] = found
        return heapq.nsmallest(limit, best.values(), key=lambda neighbour: (-neighbour.score, neighbour.subject))

    def missing(self, scope: str, subjects: Collection[str]) -> set[str]:
        """Those of the subjects that the scope doesn't hold."""
        with self._lock:
            shelf = self._shelves.get(scope)
            return set(subjects) if shelf is None else {subject for subject in subjects if subject not in shelf.rows}

    def size(self) -> int:
        """How many vectors are held, over all scopes."""
        with self._lock:
            return sum(len(shelf.subjects) for shelf in self._shelves.values())

    def clear(self) -> None:
        """Forget every vector."""
        with self._lock:
            self._shelves.clear()

    def _check(self, vectors: Vector, shape: tuple[int, ...]) -> None:
        if vectors.shape != shape:
            raise BadInputError(f"{self.model} vectors here have the shape {shape}, not {vectors.shape}")
        lengths = np.linalg.norm(vectors, axis=-1)
        if not np.all(np.abs(lengths - 1.0) < _LENGTH_TOLERANCE):  # also refuses NaN
            raise BadInputError(f"{self.model} vectors must have unit length; normalise them first")
