"""A call to a model as the ledger of spending knows it, before it is made and after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from core.domain.label import Outcome


@dataclass(frozen=True, slots=True)
class Purpose:
    """Who pays for a call, and what it is for. ``request_id``: the request that waits for it, if one does."""

    organisation_id: str
    scope: str
    method: str
    brand_slug: str | None = None
    content_id: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money put aside for one call, until it is settled or expires."""

    reservation_id: str
    organisation_id: str
    day: date  # UTC
    most_usd: Decimal
    called_at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a call. ``cost_usd`` is 0 where the vendor bills nothing, or has no price that we know.

    Raises ValueError for less: no call gives room to a budget.
    """

    outcome: Outcome
    cost_usd: Decimal
    seconds: float
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    vendor_request_id: str | None = None

    def __post_init__(self) -> None:
        if not self.cost_usd >= 0:
            raise ValueError(f"a call can't cost {self.cost_usd} USD")


@dataclass(frozen=True, slots=True)
class Room:
    """The budget of an organisation today (UTC): ``spent`` for good, ``reserved`` for calls that are under way."""

    budget_usd: Decimal
    is_own: bool  # the organisation's; else the system's
    spent_usd: Decimal
    reserved_usd: Decimal

    @property
    def left_usd(self) -> Decimal:
        """What may still be reserved; never below 0."""
        return max(self.budget_usd - self.spent_usd - self.reserved_usd, Decimal(0))
