"""Two processes with a registry over one store in memory, the model beside them, and what holds after every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from core.domain.run import ACTIVE_STATES, Item, ItemKind, ItemResult, ItemState, RunState
from core.errors import AdologyError
from registry.active_brands import ActiveBrands, Answer
from tests.fakes.memory_journal import LEASE_SECONDS, MemoryJournal, MemoryStore, MovableClock, StoredRun
from tests.faults.registry_model import COMMIT, CONFLICT, UNAVAILABLE, WAIT, Key, Model, ModelRun

KEYS: tuple[Key, ...] = (("nike", "shared"), ("nike", "ours"), ("adidas", "shared"))


class ViolationError(AssertionError):
    """``rule`` was broken."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"{rule}: {message}")
        self.rule = rule


def require(holds: bool, rule: str, message: str) -> None:
    if not holds:
        raise ViolationError(rule, message)


class Process:
    """One process with a registry, and which epoch it believes in (None: it doesn't serve)."""

    def __init__(self, store: MemoryStore) -> None:
        self.journal = MemoryJournal(store)
        self.brands = ActiveBrands(self.journal, monotonic=store.clock, lease_seconds=LEASE_SECONDS)
        self.epoch: int | None = None
        self.looked_at = 0.0
        self.asked_at: dict[Key, float] = {}


class RegistryWorld(RuleBasedStateMachine):
    """What rules act on; ``steps`` counts them over all examples."""

    steps: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.steps["examples"] += 1
        self.clock = MovableClock()
        self.store = MemoryStore(self.clock)
        self.model = Model()
        self.model.now = self.clock()
        self.processes = [Process(self.store), Process(self.store)]
        self.epoch, self.holder = 0, -1
        self.leases: list[tuple[str, int]] = []  # (batch_id, token) in the hands of committers
        self.tokens: set[tuple[str, int]] = set()
        self.fences: dict[str, int] = {}
        self.look(0)

    # --- who is the registry

    def look(self, number: int) -> None:
        """What each process does every two seconds."""
        process, knew = self.processes[number], self.processes[number].epoch
        process.brands.hold()
        process.looked_at = self.clock()
        if self.holder < 0:
            self.holder, self.epoch = number, self.epoch + 1
        process.epoch = self.epoch if self.holder == number else None
        self.one_process_serves_an_epoch()
        self.steps["woke up in the past"] += knew is not None and process.epoch != knew
        if process.epoch != knew:
            process.asked_at = dict.fromkeys(KEYS, self.clock())

    def current(self) -> int:
        """The process whose epoch it is; some process, when nobody looked since it ended."""
        return next((n for n, process in enumerate(self.processes) if process.epoch == self.epoch), 0)

    # --- asking, and what each answer must be

    def ask(self, key: Key, elsewhere: bool, call: Callable[[ActiveBrands], Any]) -> Any:
        """The answer or the error; None where the model isn't asked, because this process isn't the registry."""
        number = 1 - self.current() if elsewhere else self.current()
        process, before = self.processes[number], self.stored()
        outcome: Any
        try:
            outcome = call(process.brands)
        except AdologyError as error:
            outcome = error
        if process.epoch == self.epoch:
            process.asked_at[key] = self.clock()
            return outcome
        rule = "who isn't the registry changes nothing and asks nobody to commit"
        if process.epoch is None:
            require(name_of(outcome) == UNAVAILABLE, "who isn't the registry says so", name_of(outcome))
        process.asked_at[key] = self.clock()
        require(self.stored() == before, rule, "the store has changed")
        require(name_of(outcome) != COMMIT, rule, "it asked to commit")
        self.steps["asked a standby" if process.epoch is None else "asked a past registry"] += 1
        return None

    def check(self, outcome: Any, expected: tuple[ModelRun | None, set[str]]) -> None:
        run, allowed = expected
        name = name_of(outcome)
        rule = "a complete run is offered" if COMMIT in allowed else "the answer is as the contract says"
        require(name in allowed, rule, f"{name} instead of {sorted(allowed)}: {outcome}")
        self.steps[name] += 1
        if isinstance(outcome, Answer) and run is not None:
            require(outcome.batch_id == run.batch_id, "the answer names its batch", outcome.batch_id)
        if name == COMMIT and run is not None:
            self.take_lease(run, outcome.token)

    def take_lease(self, run: ModelRun, token: int | None) -> None:
        held = [lease for lease in self.leases if lease[0] == run.batch_id]
        require(not held or run.lease_until < self.clock(), "I1 one valid lease a run", f"{run.batch_id}: {held}")
        require((run.batch_id, token or 0) not in self.tokens, "a token is never given twice", f"{token}")
        require(token == self.model.grant(run, LEASE_SECONDS), "tokens count up", f"{token}, not {run.fence}")
        self.tokens.add((run.batch_id, run.fence))
        self.leases.append((run.batch_id, run.fence))

    def any_batch(self, number: int, key: Key, own: bool) -> tuple[str, Key]:
        """A batch, known or not, with its own brand or any."""
        batch_id = pick(["unknown", *self.model.runs], number)
        run = self.model.runs.get(batch_id)
        return batch_id, run.key if own and run is not None else key

    def submit_to(self, key: Key, item: str, state: ItemState, batch_id: str | None, elsewhere: bool) -> None:
        outcome = self.ask(key, elsewhere, lambda brands: submit(brands, key, item, state, batch_id))
        if outcome is None:
            return
        self.check(outcome, self.model.submit(key, item, state, batch_id))

    # --- what holds after every step

    def stored(self) -> dict[str, Any]:
        return {batch_id: described(run) for batch_id, run in self.store.runs.items()}

    @invariant()
    def i1_one_valid_lease_a_run(self) -> None:
        for batch_id, run in self.model.runs.items():
            valid = [token for batch, token in self.leases if batch == batch_id and token == run.fence and not run.over]
            require(len(valid) <= 1, "I1 one valid lease a run", f"{batch_id}: {valid}")

    @invariant()
    def i2_what_is_committed_is_what_was_sealed(self) -> None:
        for batch_id, run in self.model.runs.items():
            stored = self.store.runs[batch_id]
            if stored.state is RunState.COMMITTED:
                ids = sorted(result.item_id for result in stored.results)
                require(ids == sorted(run.known), "I2 committed = sealed", f"{batch_id}: {ids}, not {run.known}")
                require(len(ids) == run.expected, "I2 committed = sealed", f"{batch_id}: {ids}, not {run.expected}")

    @invariant()
    def i3_one_active_run_a_brand_and_scope(self) -> None:
        active = [(run.brand, run.scope) for run in self.store.runs.values() if run.state in ACTIVE_STATES]
        require(len(active) == len(set(active)), "I3 one active run a brand and scope", str(active))
        require(set(self.store.runs) == set(self.model.runs), "no run opens by itself", str(set(self.store.runs)))

    @invariant()
    def i4_repetition_changes_nothing(self) -> None:
        for batch_id, run in self.model.runs.items():
            stored = self.store.runs[batch_id]
            ended = {item: state.value for item, state in stored.items.items() if state is not ItemState.PENDING}
            require(ended == run.results, "I4 the first result of each item stands", f"{ended}, not {run.results}")
            once = sorted(result.item_id for result in stored.results)
            require(once == sorted(ended), "I4 the first result of each item stands", f"{once}, not {sorted(ended)}")
            is_over = stored.state not in ACTIVE_STATES
            require(is_over == run.over, "a run ends by its commit alone", f"{batch_id} is {stored.state}")

    @invariant()
    def i5_memory_holds_active_runs_only(self) -> None:
        for process in self.processes:
            memory = process.brands._batches
            require(process.epoch is not None or not memory, "I5 memory holds active runs only", "while not serving")
            for key, batch in memory.items():
                run = self.model.runs[batch.batch_id]
                is_fresh = process.asked_at.get(key, 0) >= process.looked_at - LEASE_SECONDS
                require(not run.over or is_fresh, "I5 memory holds active runs only", f"{batch.batch_id} is over")

    @invariant()
    def fences_only_grow(self) -> None:
        for batch_id, stored in self.store.runs.items():
            require(stored.fence >= self.fences.get(batch_id, 0), "fences only grow", f"{batch_id}: {stored.fence}")
            require(stored.fence == self.model.runs[batch_id].fence, "fences only grow", "by a lease alone")
            self.fences[batch_id] = stored.fence

    @invariant()
    def one_process_serves_an_epoch(self) -> None:
        serving = [number for number, process in enumerate(self.processes) if process.brands.is_serving]
        believed = [number for number, process in enumerate(self.processes) if process.epoch is not None]
        require(serving == believed, "two registries never both serve", f"{serving}, not {believed}")


def start(brands: ActiveBrands, key: Key, expected: int, batch_id: str | None = None) -> Answer:
    return brands.start(brand=key[0], scope=key[1], expected_count=expected, batch_id=batch_id)


def submit(brands: ActiveBrands, key: Key, item_id: str, state: ItemState, batch_id: str | None) -> Answer:
    url = f"https://example.com/{item_id}"
    item, result = Item(item_id, ItemKind.MEDIA, "image", url), ItemResult(item_id, url, state)
    return brands.submit(brand=key[0], scope=key[1], item=item, result=result, batch_id=batch_id)


def name_of(outcome: Any) -> str:
    if isinstance(outcome, Answer):
        return COMMIT if outcome.should_commit else WAIT
    if isinstance(outcome, AdologyError):
        kinds = [kind.__name__ for kind in type(outcome).__mro__]
        return CONFLICT if CONFLICT in kinds else kinds[0]
    return type(outcome).__name__


def described(run: StoredRun) -> tuple[Any, ...]:
    return (run.state, run.expected_count, run.fence, run.lease_until, dict(run.items), len(run.results))


def pick(choices: list[Any], number: int) -> Any:
    """The newest more often than not: numbers shrink to 0."""
    return choices[-1 - number % len(choices)]
