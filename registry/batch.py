"""One brand's batch: which items there are and which have their result. Pure; no clock, no lock, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.run import ItemState, RunSnapshot
from core.errors import ConflictError, NotFoundError


@dataclass(slots=True)
class Batch:
    """The state in memory. A count is never kept: it is the number of items with a terminal state."""

    batch_id: str
    brand: str
    scope: str
    expected_count: int
    learns: bool
    items: dict[str, ItemState] = field(default_factory=dict)

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

    def must_learn(self, item_id: str) -> bool:
        """Whether the item is new to a batch that learns. Raises for an item that doesn't belong here."""
        if item_id in self.items:
            return False
        if not self.learns:
            raise NotFoundError(f"item {item_id} is not of batch {self.batch_id}")
        if len(self.items) >= self.expected_count:
            raise self.one_too_many()
        return True

    def one_too_many(self) -> ConflictError:
        """The refusal of an item beyond those expected."""
        return ConflictError(f"{self.brand!r} expects {self.expected_count} URLs; this would be one more")

    def is_settled(self, item_id: str) -> bool:
        """Whether the item has its result: the first one stands, whatever comes later."""
        return self.items.get(item_id, ItemState.PENDING) is not ItemState.PENDING
