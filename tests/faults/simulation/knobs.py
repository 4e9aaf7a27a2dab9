"""What a seed draws: how hostile the world is, and how small its margins are."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Knobs:
    """One seed's world. Probabilities are per step or per call; each is zero in many seeds, so that rare faults
    are also met alone."""

    # sizes
    workers: int
    registries: int
    schedulers: int
    brands: int
    requests: int
    threads: int
    fault_seconds: float
    # margins
    lease_seconds: float
    ai_lease_seconds: float
    visibility_seconds: int
    max_receive_count: int
    sweep_seconds: float
    request_timeout_seconds: float
    # processes
    crash: float
    stall: float
    stall_seconds: float
    step_seconds: float
    slow_step: float
    crash_at: str  # a crash point at which processes die now and then
    # queue
    duplicated: float
    resurrected: float  # a deleted message that comes again, perhaps after its run is over
    throttled: float
    send_lost_reply: float
    receive_lost_reply: float
    delete_failed: float
    # store
    store_away: float
    commit_lost: float  # refused before COMMIT
    commit_unknown: float  # carried out, but the answer is lost
    commit_late: float  # carried out after the caller was told that it failed
    place_lost: float
    # network
    request_lost: float
    reply_lost: float
    # people
    cancelled: float


def draw(seed: int, crash_points: tuple[str, ...]) -> Knobs:
    """The knobs of a seed."""
    dice = random.Random(f"knobs {seed}")

    def some(most: float, *, often: float = 0.5) -> float:
        return dice.random() ** 2 * most if dice.random() < often else 0.0

    def one_of(*values: Any) -> Any:
        return dice.choice(values)

    return Knobs(
        workers=one_of(1, 2, 2, 3),
        registries=one_of(1, 1, 2),
        schedulers=one_of(1, 1, 2),
        brands=one_of(1, 1, 2, 3),
        requests=one_of(1, 2, 3, 4, 5),
        threads=one_of(1, 3, 10),
        fault_seconds=one_of(20.0, 60.0, 150.0),
        lease_seconds=one_of(3.0, 10.0, 60.0),
        ai_lease_seconds=one_of(3.0, 30.0),
        visibility_seconds=one_of(3, 10, 30),
        max_receive_count=one_of(3, 5),
        sweep_seconds=one_of(1.0, 5.0, 15.0),
        request_timeout_seconds=one_of(2.0, 10.0, 30.0),
        crash=some(0.02),
        stall=some(0.01),
        stall_seconds=one_of(5.0, 30.0, 90.0),
        step_seconds=one_of(0.005, 0.05, 0.5),
        slow_step=some(0.02),
        crash_at=one_of("", *crash_points),
        duplicated=some(0.5),
        resurrected=some(0.3),
        throttled=some(0.2),
        send_lost_reply=some(0.2),
        receive_lost_reply=some(0.2),
        delete_failed=some(0.3),
        store_away=some(0.03),
        commit_lost=some(0.1),
        commit_unknown=some(0.1),
        commit_late=some(0.1),
        place_lost=some(0.2, often=0.3),
        request_lost=some(0.2),
        reply_lost=some(0.2),
        cancelled=some(0.8, often=0.4),
    )
