"""Exact similarity in process with FAISS: one flat inner-product index per scope.

PostgreSQL holds the vectors; this is rebuilt from there and never written to disk.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Sequence

import faiss
import numpy as np

from core.errors import BadInputError
from core.ports import Neighbour, Vector

_LENGTH_TOLERANCE = 1e-3


class _Shelf:
    """The vectors of one scope; row n of the index belongs to ``subjects[n]``."""

    def __init__(self, dimension: int) -> None:
        self.subjects: list[str] = []
        self._index = faiss.IndexFlatIP(dimension)

    def put(self, vectors: dict[str, Vector]) -> None:
        replaced = [row for row, subject in enumerate(self.subjects) if subject in vectors]
        if replaced:
            self._index.remove_ids(
                faiss.IDSelectorBatch(np.asarray(replaced, dtype=np.int64))
            )  # the rest keeps its order
            self.subjects = [subject for subject in self.subjects if subject not in vectors]
        self._index.add(np.stack(list(vectors.values())))
        self.subjects.extend(vectors)

    def nearest(self, query: Vector, limit: int) -> list[Neighbour]:
        faiss.omp_set_num_threads(1)  # of this thread; two make one query slower (15 ms, not 10, at 100k × 512)
        scores, rows = self._index.search(query[None, :], min(limit, len(self.subjects)))
        return [Neighbour(self.subjects[row], float(score)) for row, score in zip(rows[0], scores[0], strict=True)]


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

    def search(self, scopes: Sequence[str], query: Vector, *, limit: int) -> list[Neighbour]:
        """The nearest subjects of the given scopes, best first, a subject once; equal scores by subject."""
        self._check(query, (self.dimension,))
        if limit < 1:
            return []
        query = np.asarray(query, dtype=np.float32)
        best: dict[str, Neighbour] = {}
        with self._lock:
            shelves = [self._shelves[scope] for scope in set(scopes) if scope in self._shelves]
            for found in (neighbour for shelf in shelves for neighbour in shelf.nearest(query, limit)):
                if found.subject not in best or best[found.subject].score < found.score:
                    best[found.subject] = found
        return heapq.nsmallest(limit, best.values(), key=lambda neighbour: (-neighbour.score, neighbour.subject))

    def _check(self, vectors: Vector, shape: tuple[int, ...]) -> None:
        if vectors.shape != shape:
            raise BadInputError(f"{self.model} vectors here have the shape {shape}, not {vectors.shape}")
        lengths = np.linalg.norm(vectors, axis=-1)
        if not np.all(np.abs(lengths - 1.0) < _LENGTH_TOLERANCE):  # also refuses NaN
            raise BadInputError(f"{self.model} vectors must have unit length; normalise them first")
