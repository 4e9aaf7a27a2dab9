"""R1 and R7: what is counted, what is compared with what, and when a goal is met."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.pipeline import r1, r7
from benchmarks.pipeline.media_host import picture, sha256_of
from benchmarks.pipeline.r1 import Cost, cost_of
from benchmarks.pipeline.r7 import Slow
from benchmarks.pipeline.sides import Outcome, check
from benchmarks.pipeline.sqs import calls, total

URL_QUEUE = {
    "SendMessageBatch": 10,
    "ReceiveMessage": 12,
    "DeleteMessageBatch": 10,
    "GetQueueAttributes": 1,
    "sent": 100,
    "received": 100,
    "deleted": 100,
}
OTHER_QUEUE = {"ReceiveMessage": 7, "received": 0}
QUEUES = {"urls": URL_QUEUE, "other": OTHER_QUEUE}


def cost(url_queue: float) -> Cost:
    return Cost(url_queue, all_queues=url_queue + 0.1, operations={}, seconds=1.0)


# --- R1


def test_calls_are_counted_and_the_messages_in_them_are_not() -> None:
    assert calls(URL_QUEUE) == 33
    assert total(QUEUES)["ReceiveMessage"] == 19


def test_a_url_costs_the_calls_on_its_queue_and_beside_it_those_on_all() -> None:
    found = cost_of(QUEUES, "urls", urls=100, seconds=2.0)

    assert (found.url_queue, found.all_queues, found.seconds) == (0.33, 0.40, 2.0)
    assert found.operations == {
        "DeleteMessageBatch": 0.1,
        "GetQueueAttributes": 0.01,
        "ReceiveMessage": 0.12,
        "SendMessageBatch": 0.1,
    }


def test_the_ratio_is_celery_s_calls_by_ours_pair_by_pair() -> None:
    told = r1.figures([cost(0.3), cost(0.35), cost(0.4)], [cost(2.1), cost(2.1), cost(2.0)])

    assert (told["ratio"], told["min"], told["max"]) == pytest.approx((6.0, 5.0, 7.0))


def test_of_ours_the_worst_run_is_told_and_of_celery_the_best() -> None:
    told = r1.figures([cost(0.3), cost(0.4)], [cost(2.1), cost(2.2)])

    assert (told["ours"], told["celery"]) == ("0.400", "2.100")
    assert (told["ours_all_queues"], told["celery_all_queues"]) == ("0.500", "2.200")


@pytest.mark.parametrize(
    ("ours", "celery", "met"),
    [
        (0.40, 2.10, "yes"),
        (0.40, 1.99, "no"),  # less than five times
        (0.41, 2.10, "no"),  # more than 0.4 a URL
    ],
)
def test_r1_wants_five_times_fewer_calls_and_at_most_two_fifths_of_one(ours: float, celery: float, met: str) -> None:
    assert r1.figures([cost(ours)], [cost(celery)])["met"] == met


# --- R7

SLOW = Slow(committed_after_seconds=10.0, executions_until_commit=1.0, executions=1.0, deliveries=1.0, settled=True)
FOUND: dict[str, Any] = {
    "slow": {"ours": SLOW, "Celery": replace(SLOW, executions=5.0, deliveries=12.0)},
    "dead": {"ours": 1, "Celery": 0},
    "killed": {"ours": 12.0, "Celery": None},
}


def test_of_celery_what_it_executed_is_told_and_of_ours_what_it_was_given() -> None:
    slow = FOUND["slow"] | {"ours": replace(SLOW, executions=1.0, deliveries=1.04)}

    told = r7.figures(**{**FOUND, "slow": slow})

    assert (told["executions_per_url"], told["celery_executions_per_url"]) == (1.04, 5.0)


def test_a_brand_that_is_never_committed_again_is_told_so() -> None:
    told = r7.figures(**FOUND)

    assert (told["recovery_seconds"], told["celery_recovery_seconds"]) == (12.0, "never")


@pytest.mark.parametrize(
    ("part", "ours", "met"),
    [
        ("slow", SLOW, "yes"),
        ("slow", replace(SLOW, deliveries=1.06), "no"),  # beyond one in twenty
        ("slow", replace(SLOW, committed_after_seconds=None), "no"),
        ("slow", replace(SLOW, settled=False), "no"),  # messages that still come
        ("dead", 0, "no"),
        ("dead", 2, "no"),
        ("killed", 15.1, "no"),
        ("killed", None, "no"),
    ],
)
def test_r7_is_met_when_every_part_is(part: str, ours: object, met: str) -> None:
    assert r7.figures(**{**FOUND, part: FOUND[part] | {"ours": ours}})["met"] == met


# --- the record


class RecordOf:
    """A side whose record holds this."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def outcome(self, brands: object) -> Outcome:
        return self._outcome


PICTURES = [f"http://127.0.0.1:1/pictures/{number}.jpg" for number in (1, 2)]
BRANDS = {"veluno": [*PICTURES, "http://127.0.0.1:1/gone/3.jpg"]}
WHOLE = Outcome(committed=1, stored=frozenset(map(sha256_of, PICTURES)), ads=3, failed=1)


def test_a_whole_record_has_every_ad_and_the_hash_of_every_picture_there_is() -> None:
    check(RecordOf(WHOLE), BRANDS, failed=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "outcome",
    [
        replace(WHOLE, ads=2),
        replace(WHOLE, failed=0),
        replace(WHOLE, stored=frozenset([sha256_of(PICTURES[0])])),
    ],
)
def test_a_record_that_is_not_whole_makes_the_run_void(outcome: Outcome) -> None:
    with pytest.raises(SystemExit, match="void"):
        check(RecordOf(outcome), BRANDS, failed=1)  # type: ignore[arg-type]


def test_every_number_is_another_picture_and_always_the_same_one() -> None:
    assert picture(1) != picture(2)
    assert sha256_of("http://a/after/5/7.jpg") == sha256_of("http://b/pictures/7.jpg")
