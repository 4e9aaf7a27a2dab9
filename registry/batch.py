"""One brand's batch: which items there are and which have their result. Pure; no clock, no lock, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.run import ItemState, RunSnapshot
from core.errors import ConflictError, NotFoundError


class ActiveBatchError(ConflictError):
    """The brand has another active batch: ``batch_id``."""

    def __init__(self, message: str, *, batch_id: str) -> None:
        super().__init__(message)
        self.batch_id = batch_id


@dataclass(slots=True)
class Batch:
    """The state in memory. A count is never kept: it is the number of items with a terminal state.

    ``lease_until`` and ``used_at`` are seconds of the registry's clock.
    """

    batch_id: str
    brand: str
    scope: str
    expected_count: int
    learns: bool
    items: dict[str, ItemState] = field(default_factory=dict)
    lease_until: float = 0.0
    used_at: float = 0.0

    @classmethod
    def of(cls, snapshot: RunSnapshot) -> Batch:
        """The batch that a store's snapshot describes."""
        return cls(
            snapshot.batch_id,
            snapshot.brand,
            snapshot.scope,
            snapshot.expected_count,
            snapshot.learns,
            dict(snapshot.items),
        )

    @property
    def is_complete(self) -> bool:
        """Every expected item is known and has its result."""
        # Asked at every submit: this stops at the first that is pending, and runs in C.
        return len(self.items) >= self.expected_count and ItemState.PENDING not in self.items.values()

    def require_count(self, expected_count: int) -> None:
        """Raises ActiveBatchError for a start that means another batch than this one."""
        if expected_count != self.expected_count:
            raise ActiveBatchError(
                f"{self.brand!r} is active as batch {self.batch_id} with {self.expected_count} URLs, not"
                f" {expected_count}: start again when it is committed",
                batch_id=self.batch_id,
            )

    @property
    def may_learn(self) -> bool:
        """Whether an item that isn't known yet may be one of those expected."""
        return self.learns and len(self.items) < self.expected_count

    def refusal(self, item_id: str) -> ConflictError | NotFoundError:
        """Why an item that isn't known is not taken."""
        if self.learns:
            return ConflictError(f"{self.brand!r} expects {self.expected_count} URLs; this would be one more")
        return NotFoundError(f"item {item_id} is not of batch {self.batch_id}")

    def is_settled(self, item_id: str) -> bool:
        """Whether the item has its result: the first one stands, whatever comes later."""
        return self.items.get(item_id, ItemState.PENDING) is not ItemState.PENDING

    def catch_up(self, snapshot: RunSnapshot) -> None:
        """Take over what the store knows. What is pending there may have its result here by now."""
        self.expected_count = snapshot.expected_count
        self.items.update((item, state) for item, state in snapshot.items.items() if state is not ItemState.PENDING)
