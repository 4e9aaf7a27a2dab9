"""Labels made again on purpose, by local methods and the taxonomy of today. Nothing else ever changes a label."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.adapters.postgres.asked_contents import labelled_before, replace_labels
from core.adapters.postgres.content_store import Unlabelled
from core.adapters.postgres.engine import Database
from core.ai.labelling import LabelInput, TextLabeller
from core.domain.label import Label
from core.errors import RetryableError

_BATCH = 64  # texts whose sentences are embedded together


@dataclass(frozen=True, slots=True)
class Relabeller:
    """Reads words again. Delivered twice, a re-run is done once: labels newer than its request are left alone."""

    database: Database
    labeller: TextLabeller
    is_stopping: Callable[[], bool] = lambda: False

    def batches(self, scope: str, brand_slug: str, dimensions: Sequence[str], *, since: str) -> Iterator[int]:
        """Batch by batch: how many contents each time, until none is left. ``dimensions`` empty: all of words."""
        asked = tuple(name for name in self.labeller.taxonomy.of_words if not dimensions or name in dimensions)
        while contents := self._waiting(scope, brand_slug, asked, since):
            if self.is_stopping():
                raise RetryableError("this worker stops; another one goes on")
            labels = self._labels(contents, asked)
            with self.database.worker(scope) as connection:
                replace_labels(connection, scope=scope, labels=labels)
            yield len(contents)

    def _waiting(self, scope: str, brand_slug: str, dimensions: Sequence[str], since: str) -> list[Unlabelled]:
        if not dimensions:
            return []
        with self.database.worker(scope) as connection:
            return labelled_before(
                connection, scope=scope, brand_slug=brand_slug, dimensions=dimensions, since=since, limit=_BATCH
            )

    def _labels(self, contents: Sequence[Unlabelled], dimensions: Sequence[str]) -> dict[str, list[Label]]:
        found = self.labeller.label([LabelInput(item.text, item.cta) for item in contents])
        return {
            item.content_id: [label for label in labels if label.dimension in dimensions]
            for item, labels in zip(contents, found, strict=True)
        }
