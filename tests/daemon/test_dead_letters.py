"""What becomes of a dead letter that can't be closed."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from core.errors import NotFoundError, RetryableError
from core.messages import GATHER_QUEUE, GatherMessage
from core.ports import ReceivedMessage
from daemon.handlers.dead_letters import DeadLetterHandler
from tests.fakes.memory_run_store import MemoryRunStore

LETTER = ReceivedMessage(f"{GATHER_QUEUE}-dlq", "m1", "receipt", GatherMessage(brand="acme").to_body(), 4)


@dataclass
class Handler:
    """Can't give up, by ``error``."""

    error: Exception | None = None
    given_up: list[str] = field(default_factory=list)
    queue: str = GATHER_QUEUE

    def handle(self, message: ReceivedMessage) -> None:
        raise AssertionError("its worker died of it")

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        if self.error is not None:
            raise self.error
        self.given_up.append(message.message_id)


def filed(store: MemoryRunStore) -> list[str]:
    return [row["reason"] for row in store.tables["dead_letter"].values()]


@pytest.fixture
def store() -> MemoryRunStore:
    return MemoryRunStore(lambda: 0.0)


def test_a_letter_given_up_is_closed_before_it_is_filed(store: MemoryRunStore) -> None:
    handler = Handler()

    DeadLetterHandler(handler, GATHER_QUEUE, store).give_up(LETTER, "too often")

    assert (handler.given_up, filed(store)) == (["m1"], ["too often"])


def test_a_letter_that_can_not_be_closed_yet_is_not_filed(store: MemoryRunStore) -> None:
    with pytest.raises(RetryableError):
        DeadLetterHandler(Handler(RetryableError("away")), GATHER_QUEUE, store).give_up(LETTER, "too often")

    assert filed(store) == []


@pytest.mark.parametrize("error", [NotFoundError("no run"), ValueError("a fault of ours")])
def test_a_letter_that_never_can_be_closed_is_filed(store: MemoryRunStore, error: Exception) -> None:
    DeadLetterHandler(Handler(error), GATHER_QUEUE, store).give_up(LETTER, "too often")

    assert [reason.startswith("too often") for reason in filed(store)] == [True]
