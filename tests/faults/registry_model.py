"""What the registry must answer, written a second time from its contract: sets, a clock and nothing of its code.

The model is told what happened and says which outcomes are right: ``commit`` (asked to commit), ``wait`` (not asked),
or the name of an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field

COMMIT, WAIT = "commit", "wait"
NOT_FOUND, STALE, CONFLICT, UNAVAILABLE = "NotFoundError", "StaleError", "ConflictError", "UnavailableError"
Key = tuple[str, str]  # (brand, scope)


@dataclass
class ModelRun:
    """A run. ``known``: its items; ``results``: the first result of each; ``over`` once it is committed."""

    batch_id: str
    key: Key
    expected: int
    known: set[str] = field(default_factory=set)
    learns: bool = False
    results: dict[str, str] = field(default_factory=dict)
    fence: int = 0
    lease_until: float = float("-inf")
    over: bool = False
    was_started: bool = False
    changed_unheard: bool = False  # a sweep or a committer changed the store; the registry may know less

    @property
    def is_complete(self) -> bool:
        return len(self.known) >= self.expected and self.known <= set(self.results)

    @property
    def is_open(self) -> bool:
        return not self.over and self.fence == 0


class Model:
    """The runs and the time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.runs: dict[str, ModelRun] = {}

    def add(self, run: ModelRun) -> ModelRun:
        self.runs[run.batch_id] = run
        return run

    def active(self, key: Key) -> ModelRun | None:
        return next((run for run in self.runs.values() if run.key == key and not run.over), None)

    def is_leasable(self, run: ModelRun) -> bool:
        return run.is_complete and not run.over and run.lease_until < self.now

    def grant(self, run: ModelRun, lease_seconds: float) -> int:
        run.fence, run.lease_until = run.fence + 1, self.now + lease_seconds
        return run.fence

    # --- what each call must come to

    def submit(self, key: Key, item: str, state: str, batch_id: str | None) -> tuple[ModelRun | None, set[str]]:
        run, refusals = self._meant(key, batch_id)
        if run is None:
            return None, refusals
        if item not in run.known and not self._learn(run, item):
            return None, {CONFLICT if run.learns else NOT_FOUND}
        run.results.setdefault(item, state)
        return run, self._offer(run)

    def start(self, key: Key, expected: int, batch_id: str | None) -> tuple[ModelRun | None, set[str]]:
        run, refusals = self._meant(key, batch_id, starts=True)
        if run is None:
            return None, refusals
        if run.expected != expected:
            return run, {CONFLICT} | ({WAIT} if run.changed_unheard else set())
        run.was_started = True
        return run, self._offer(run) | ({CONFLICT} if run.changed_unheard else set())

    def _meant(self, key: Key, batch_id: str | None, *, starts: bool = False) -> tuple[ModelRun | None, set[str]]:
        if batch_id is None:
            run = self.active(key)
            # A registry that hasn't heard of the end may still answer a duplicate.
            unheard = {WAIT} if not starts and any(run.key == key for run in self.runs.values()) else set()
            return run, {NOT_FOUND} | unheard
        run = self.runs.get(batch_id)
        if run is None or run.key != key:
            return None, {NOT_FOUND}
        return (None, {STALE} if starts else {STALE, WAIT}) if run.over else (run, set())

    def _learn(self, run: ModelRun, item: str) -> bool:
        if not run.learns or not run.is_open or len(run.known) >= run.expected:
            return False
        run.known.add(item)
        return True

    def _offer(self, run: ModelRun) -> set[str]:
        if not self.is_leasable(run):
            return {WAIT}
        return {COMMIT, WAIT} if run.changed_unheard else {COMMIT}
