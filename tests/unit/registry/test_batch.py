"""A batch in memory: what counts as complete."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.run import ItemState, RunSnapshot, RunState
from core.errors import ConflictError, NotFoundError
from registry.batch import ActiveBatchError, Batch

PENDING, OK, FAILED = ItemState.PENDING, ItemState.OK, ItemState.FAILED


def a_batch(expected: int, items: dict[str, ItemState], *, learns: bool = False) -> Batch:
    return Batch("b1", "acme", "shared", expected, learns, items)


@pytest.mark.parametrize(
    ("expected", "items", "complete"),
    [
        (0, {}, True),  # nothing to wait for
        (1, {}, False),  # not learned yet
        (1, {"a": PENDING}, False),
        (1, {"a": OK}, True),
        (2, {"a": OK, "b": FAILED}, True),  # a failed item is a result
        (2, {"a": OK, "b": PENDING}, False),
        (2, {"a": OK}, False),
    ],
)
def test_complete_when_every_expected_item_has_a_result(
    expected: int, items: dict[str, ItemState], complete: bool
) -> None:
    assert a_batch(expected, items).is_complete is complete


@given(st.lists(st.sampled_from("abcdef")))
def test_results_that_repeat_count_once(submitted: list[str]) -> None:
    batch = a_batch(6, dict.fromkeys("abcdef", PENDING))

    for item_id in submitted:
        batch.items[item_id] = OK

    assert len(list(filter(batch.is_settled, batch.items))) == len(set(submitted))
    assert batch.is_complete is (set(submitted) == set("abcdef"))


def test_a_manifest_takes_no_stranger() -> None:
    batch = a_batch(2, {"a": OK})

    assert not batch.may_learn
    assert isinstance(batch.refusal("stranger"), NotFoundError)


def test_a_learning_batch_takes_new_items_until_it_has_what_it_expects() -> None:
    batch = a_batch(2, {"a": OK}, learns=True)
    assert batch.may_learn

    batch.items["b"] = PENDING

    assert not batch.may_learn
    assert isinstance(batch.refusal("c"), ConflictError)


def test_what_the_store_knows_is_taken_over_and_undoes_nothing() -> None:
    batch = a_batch(3, {"a": OK, "b": PENDING}, learns=True)

    batch.catch_up(RunSnapshot("b1", "acme", "shared", RunState.OPEN, 2, True, {"a": PENDING, "b": FAILED}))

    assert (batch.items, batch.expected_count) == ({"a": OK, "b": FAILED}, 2)


def test_another_count_means_another_batch() -> None:
    a_batch(2, {}).require_count(2)

    with pytest.raises(ActiveBatchError) as refused:
        a_batch(2, {}).require_count(3)

    assert refused.value.batch_id == "b1"
