"""What goes wrong in SQS now and then, on demand and seeded."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields
from typing import Any

from tests.fakes.sqs_queues import SqsError


class LostResponseError(Exception):
    """The call was done, and its answer gets lost."""


@dataclass
class Faults:
    """0 switches a fault off; "every n" counts from the moment the faults are set."""

    seed: int = 0
    operations: list[str] = field(default_factory=list)  # only these suffer; empty: all
    duplicate_probability: float = 0.0  # a received message is given to a second receiver, too
    redeliver_probability: float = 0.0  # a deleted message comes again
    fail_every_entry: int = 0  # of batches: this entry stands in Failed[]
    throttle_every_call: int = 0
    throttle_status: int = 400  # 400: RequestThrottled, 503: ServiceUnavailable
    lose_every_response: int = 0  # the call is done, then the connection closes
    max_delay_seconds: float = 0.0  # each answer comes a random time later
    errors: dict[str, str] = field(default_factory=dict)  # operation → code of the error each call ends with

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._counts = {"entry": 0, "call": 0, "response": 0}

    @classmethod
    def parse(cls, given: dict[str, Any]) -> Faults:
        """Raises SqsError for a fault there isn't."""
        known = {item.name for item in fields(cls)}
        if unknown := set(given) - known:
            raise SqsError("InvalidParameterValue", f"no faults {sorted(unknown)}: there are {sorted(known)}")
        return cls(**given)

    def delay_seconds(self) -> float:
        """How much later this call is answered."""
        return self._random.random() * self.max_delay_seconds if self.max_delay_seconds else 0.0

    def before(self, operation: str) -> None:
        """Raises SqsError for a call that doesn't come through."""
        if code := self.errors.get(operation):
            raise SqsError(code, f"{operation} ends with {code}, as it was told", status_of(code))
        if self._hits("call", self.throttle_every_call, operation):
            code = "RequestThrottled" if self.throttle_status == 400 else "ServiceUnavailable"
            raise SqsError(code, "Slow down, as it was told", self.throttle_status)

    def after(self, operation: str) -> None:
        """Raises LostResponseError for a call whose answer gets lost."""
        if self._hits("response", self.lose_every_response, operation):
            raise LostResponseError

    def entry_fails(self, operation: str) -> bool:
        """Whether this entry of a batch stands in Failed[]."""
        return self._hits("entry", self.fail_every_entry, operation)

    def doubles(self) -> bool:
        """Whether a message just received goes to a second receiver."""
        return self._happens(self.duplicate_probability)

    def redelivers(self) -> bool:
        """Whether a message just deleted comes again."""
        return self._happens(self.redeliver_probability)

    def _happens(self, probability: float) -> bool:
        return bool(probability) and self._random.random() < probability

    def _hits(self, what: str, every: int, operation: str) -> bool:
        if not every or (self.operations and operation not in self.operations):
            return False
        self._counts[what] += 1
        return self._counts[what] % every == 0


def status_of(code: str) -> int:
    """The HTTP status AWS sends with an error."""
    return {
        "AccessDeniedException": 403,
        "ExpiredToken": 403,
        "SignatureDoesNotMatch": 403,
        "ServiceUnavailable": 503,
        "InternalFailure": 500,
    }.get(code, 400)
