"""A batch in memory: what counts as complete."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.run import ItemState
from core.errors import ConflictError, NotFoundError
from registry.batch import Batch

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
    with pytest.raises(NotFoundError):
        a_batch(2, {"a": OK}).must_learn("stranger")


def test_a_learning_batch_takes_new_items_until_it_has_what_it_expects() -> None:
    batch = a_batch(2, {"a": OK}, learns=True)

    assert batch.must_learn("b")
    batch.items["b"] = PENDING
    assert not batch.must_learn("a")
    with pytest.raises(ConflictError, match="expects 2 URLs"):
        batch.must_learn("c")
