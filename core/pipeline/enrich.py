"""Phase 3: read the brand's new content. Local and free: rules first, then vectors and prototypes, then concepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.adapters.postgres.content_store import (
    Unlabelled,
    decided_dimensions,
    mark_labelled,
    store_labels,
    store_vectors,
    unfinished,
    unlabelled,
    vectors_of,
)
from core.adapters.postgres.engine import Database
from core.adapters.postgres.variant_store import Models
from core.adapters.visual_embedder import VISUAL_DIMENSION, VISUAL_MODEL
from core.ai.concepts import Sizes
from core.ai.labelling import OpenText, TextLabeller
from core.domain.run import Run
from core.errors import RetryableError
from core.messages import AiPhaseMessage
from core.observability.logs import get_logger
from core.pipeline.ai_phase import AiPhase, KeepAlive
from core.pipeline.grouping import Grouping
from core.ports import TextEmbedder, Vector

_log = get_logger(__name__)
_RULES_BATCH = 500
_VECTORS_BATCH = 128  # a few seconds of the model: progress shows, and little is lost with the process


@dataclass(frozen=True, slots=True)
class Enricher:
    """Enrich with its ports. ``is_stopping`` ends the work between two batches when the process must end."""

    database: Database
    phase: AiPhase
    labeller: TextLabeller
    embedder: TextEmbedder
    is_stopping: Callable[[], bool] = lambda: False

    def read_by_rules(self, message: AiPhaseMessage) -> int:
        """What rules tell of every new content of the brand, at once: no label waits for a vector.

        Ads get their variant first, so that what is exactly the same counts once from the beginning.
        """
        self._grouping.form_variants(message.scope, message.brand)
        done = 0
        for contents in self._waiting_for_rules(message.scope, message.brand):
            if self.is_stopping():
                raise RetryableError("this worker stops; another one goes on")
            self._apply_rules(message.scope, contents)
            done += len(contents)
        return done

    def read_closely(self, message: AiPhaseMessage) -> int:
        """Vectors, the labels that examples decide, and concepts; returns how many contents. Twice does the work once.

        Raises RetryableError when the process ends in between: what is labelled stays, the rest comes again.
        """
        if message.batch_id is None:
            return self._apply_all_prototypes(message.scope, message.brand, lambda: None)
        return self.phase.read(message.batch_id, self._read_run)

    def read_batches(self, scope: str, brand_slug: str) -> Iterator[int]:
        """The same without a claim, batch by batch: how many contents each time, until none is left."""
        for contents in self._waiting_for_vectors(scope, brand_slug):
            if self.is_stopping():
                raise RetryableError("this worker stops; another one goes on")
            self._apply_prototypes(scope, contents)
            yield len(contents)

    def _read_run(self, run: Run, keep_alive: KeepAlive) -> int:
        done = self._apply_all_prototypes(run.scope, run.brand_slug, keep_alive)
        _log.info("brand read", brand=run.brand_slug, batch_id=run.batch_id, contents=done)
        return done

    def _apply_all_prototypes(self, scope: str, brand_slug: str, keep_alive: KeepAlive) -> int:
        done = 0
        for count in self.read_batches(scope, brand_slug):
            done += count
            keep_alive()
        self._grouping.form_variants(scope, brand_slug)  # those of a run that was committed in between
        self._grouping.join_concepts(scope, brand_slug, keep_alive)
        return done

    @property
    def _grouping(self) -> Grouping:
        models = Models(visual=VISUAL_MODEL, words=self.embedder.model)
        sizes = Sizes(visual=VISUAL_DIMENSION, words=self.embedder.dimension)
        return Grouping(self.database, models, sizes, self.is_stopping)

    def _waiting_for_rules(self, scope: str, brand_slug: str) -> Iterator[Sequence[Unlabelled]]:
        while True:
            with self.database.worker(scope) as connection:
                contents = unlabelled(connection, scope=scope, brand_slug=brand_slug, limit=_RULES_BATCH)
            if not contents:
                return
            yield contents

    def _waiting_for_vectors(self, scope: str, brand_slug: str) -> Iterator[Sequence[Unlabelled]]:
        while True:
            with self.database.worker(scope) as connection:
                contents = unfinished(connection, scope=scope, brand_slug=brand_slug, limit=_VECTORS_BATCH)
            if not contents:
                return
            yield contents

    def _apply_rules(self, scope: str, contents: Sequence[Unlabelled]) -> None:
        labels = {item.content_id: self.labeller.label_by_rules(item.text, item.cta) for item in contents}
        with self.database.worker(scope) as connection:
            store_labels(connection, scope=scope, labels=labels)

    def _apply_prototypes(self, scope: str, contents: Sequence[Unlabelled]) -> None:
        vectors = self._vectors(scope, contents)
        ids = [item.content_id for item in contents]
        decided = self._decided(scope, ids)
        unread = [item for item in contents if item.content_id not in decided]
        if unread:  # another run of the brand has committed them in between
            self._apply_rules(scope, unread)
            decided = self._decided(scope, ids)
        left = [
            OpenText(item.text, self._open_dimensions(decided.get(item.content_id, set())), vectors[item.text_hash])
            for item in contents
        ]
        labels = dict(zip(ids, self.labeller.close(left), strict=True))
        with self.database.worker(scope) as connection:
            store_labels(connection, scope=scope, labels=labels)
            mark_labelled(connection, scope=scope, content_ids=ids, taxonomy_version=self.labeller.taxonomy.version)

    def _decided(self, scope: str, content_ids: Sequence[str]) -> dict[str, set[str]]:
        with self.database.worker(scope) as connection:
            return decided_dimensions(connection, scope=scope, content_ids=content_ids)

    def _open_dimensions(self, decided: set[str]) -> list[str]:
        return [name for name in self.labeller.taxonomy.of_words if name not in decided]

    def _vectors(self, scope: str, contents: Sequence[Unlabelled]) -> dict[str, Vector]:
        """The vector of each text: stored, or made now and stored before anything else can fail."""
        texts = {item.text_hash: item.text for item in contents}
        with self.database.worker(scope) as connection:
            vectors = vectors_of(connection, scope=scope, subjects=list(texts), model=self.embedder.model)
        missing = [digest for digest in texts if digest not in vectors]
        if missing:
            made = self.embedder.embed([texts[digest] for digest in missing])
            vectors |= dict(zip(missing, made, strict=True))
            with self.database.worker(scope) as connection:
                store_vectors(
                    connection,
                    scope=scope,
                    model=self.embedder.model,
                    vectors=((digest, vectors[digest].astype("<f4").tobytes()) for digest in missing),
                    dimension=self.embedder.dimension,
                )
        return vectors
