"""What every vector index promises. A further home is added as a parameter of ``index``."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from core.adapters.faiss_index import FaissVectorIndex
from core.errors import BadInputError
from core.ports import Vector, VectorIndex

DIMENSION = 16


@pytest.fixture(params=["faiss"])
def index(request: pytest.FixtureRequest) -> VectorIndex:
    homes = {"faiss": lambda: FaissVectorIndex("test-model", DIMENSION)}
    return homes[request.param]()


def unit_vectors(count: int, seed: int = 0) -> Vector:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def names(count: int, prefix: str = "s") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def test_an_empty_index_answers_nothing(index: VectorIndex) -> None:
    assert index.search(["shared"], unit_vectors(1)[0], limit=5) == []
    index.add("shared", [], np.empty((0, DIMENSION), dtype=np.float32))
    assert index.search(["shared"], unit_vectors(1)[0], limit=5) == []


def test_the_answer_is_exact_and_best_first(index: VectorIndex) -> None:
    vectors, query = unit_vectors(500), unit_vectors(1, seed=1)[0]
    index.add("shared", names(500), vectors)

    found = index.search(["shared"], query, limit=10)

    cosines = vectors @ query
    assert [neighbour.subject for neighbour in found] == [f"s{row}" for row in np.argsort(-cosines)[:10]]
    assert [neighbour.score for neighbour in found] == pytest.approx(np.sort(cosines)[::-1][:10], abs=1e-5)


def test_a_vector_is_its_own_nearest_with_cosine_one(index: VectorIndex) -> None:
    vectors = unit_vectors(20)
    index.add("shared", names(20), vectors)

    assert index.search(["shared"], vectors[7], limit=1)[0].score == pytest.approx(1.0, abs=1e-5)


def test_a_scope_not_asked_for_is_never_seen(index: VectorIndex) -> None:
    vectors = unit_vectors(40)
    index.add("acme", names(20, "private"), vectors[:20])
    index.add("shared", names(20), vectors[20:])

    assert all(n.subject.startswith("s") for n in index.search(["shared"], vectors[0], limit=100))
    assert index.search(["rival"], vectors[0], limit=100) == []
    assert index.search([], vectors[0], limit=100) == []


def test_the_limit_is_filled_although_other_scopes_lie_nearer(index: VectorIndex) -> None:
    query = unit_vectors(1)[0]
    index.add("rival", names(200, "near"), np.repeat(query[None, :], 200, axis=0))
    index.add("acme", names(10), unit_vectors(10, seed=2))

    assert len(index.search(["acme"], query, limit=10)) == 10


def test_only_candidates_are_found_and_the_limit_is_filled_with_them(index: VectorIndex) -> None:
    vectors, query = unit_vectors(300), unit_vectors(1, seed=1)[0]
    index.add("shared", names(300), vectors)
    worst = [f"s{row}" for row in np.argsort(vectors @ query)[:40]]

    found = index.search(["shared"], query, limit=15, among={*worst, "nobody"})

    assert [neighbour.subject for neighbour in found] == worst[:24:-1]
    assert [n.subject for n in index.search(["shared"], query, limit=99, among=worst[:3])] == worst[2::-1]
    assert index.search(["shared"], query, limit=5, among=[]) == []
    assert index.search(["shared"], query, limit=5, among=["nobody"]) == []


def test_candidates_of_a_scope_not_asked_for_stay_unseen(index: VectorIndex) -> None:
    vectors = unit_vectors(4)
    index.add("acme", names(2, "private"), vectors[:2])
    index.add("shared", names(2), vectors[2:])

    found = index.search(["shared"], vectors[0], limit=9, among=["private0", "s1"])

    assert [neighbour.subject for neighbour in found] == ["s1"]


def test_candidates_are_found_after_others_were_replaced(index: VectorIndex) -> None:
    vectors = unit_vectors(6)
    index.add("shared", names(5), vectors[:5])
    index.add("shared", ["s1", "s9"], vectors[[5, 1]])

    for subject, row in {"s0": 0, "s1": 5, "s2": 2, "s4": 4, "s9": 1}.items():
        (best,) = index.search(["shared"], vectors[row], limit=1, among=[subject])
        assert (best.subject, best.score) == (subject, pytest.approx(1.0, abs=1e-5))


def test_what_is_missing_is_told_by_scope_until_it_is_forgotten(index: VectorIndex) -> None:
    index.add("shared", names(3), unit_vectors(3))
    index.add("acme", ["s1"], unit_vectors(1))

    assert index.missing("shared", ["s0", "s2", "s7"]) == {"s7"}
    assert index.missing("acme", ["s0", "s1"]) == {"s0"}
    assert index.missing("rival", ["s0"]) == {"s0"}
    assert index.size() == 4
    index.clear()
    assert (index.size(), index.missing("shared", ["s0"])) == (0, {"s0"})
    assert index.search(["shared"], unit_vectors(1)[0], limit=5) == []


def test_scopes_asked_together_are_merged_best_first(index: VectorIndex) -> None:
    vectors, query = unit_vectors(60), unit_vectors(1, seed=1)[0]
    index.add("shared", names(30), vectors[:30])
    index.add("acme", names(30, "p"), vectors[30:])

    found = index.search(["shared", "acme", "shared"], query, limit=15)

    assert [n.score for n in found] == pytest.approx(np.sort(vectors @ query)[::-1][:15], abs=1e-5)
    assert len({n.subject for n in found}) == 15


def test_adding_a_subject_again_replaces_its_vector(index: VectorIndex) -> None:
    vectors = unit_vectors(10)
    index.add("shared", names(5), vectors[:5])
    index.add("shared", ["s1", "s3", "s9"], vectors[[6, 7, 8]])

    assert sorted(n.subject for n in index.search(["shared"], vectors[0], limit=99)) == [
        "s0",
        "s1",
        "s2",
        "s3",
        "s4",
        "s9",
    ]
    for subject, row in {"s0": 0, "s1": 6, "s2": 2, "s3": 7, "s4": 4, "s9": 8}.items():
        best = index.search(["shared"], vectors[row], limit=1)[0]
        assert (best.subject, best.score) == (subject, pytest.approx(1.0, abs=1e-5))
    for replaced in (1, 3):
        assert index.search(["shared"], vectors[replaced], limit=1)[0].score < 0.99


def test_the_last_of_a_subject_repeated_in_one_call_counts(index: VectorIndex) -> None:
    vectors = unit_vectors(2)
    index.add("shared", ["s", "s"], vectors)

    found = index.search(["shared"], vectors[1], limit=5)
    assert [(n.subject, n.score) for n in found] == [("s", pytest.approx(1.0, abs=1e-5))]


@pytest.mark.parametrize("limit", [0, -1])
def test_no_limit_left_means_no_answer(index: VectorIndex, limit: int) -> None:
    index.add("shared", names(3), unit_vectors(3))

    assert index.search(["shared"], unit_vectors(1)[0], limit=limit) == []


def test_vectors_of_another_kind_are_refused_and_change_nothing(index: VectorIndex) -> None:
    good = unit_vectors(2)
    long, empty, nan = good * 2, good * 0, good.copy()
    nan[1, 0] = np.nan
    for bad in (good[:, :8], np.hstack([good, good]), good[:1], good[0], long, empty, nan):
        with pytest.raises(BadInputError, match="test-model"):
            index.add("shared", ["a", "b"], bad)
    for bad_query in (good, good[0][:8], long[0], nan[1]):
        with pytest.raises(BadInputError, match="test-model"):
            index.search(["shared"], bad_query, limit=1)

    assert index.search(["shared"], good[0], limit=5) == []


def test_searching_while_others_add_is_safe(index: VectorIndex) -> None:
    vectors = unit_vectors(2000)
    done = threading.Event()

    def add() -> None:
        for start in range(0, 2000, 50):
            index.add("shared", [f"s{row % 700}" for row in range(start, start + 50)], vectors[start : start + 50])
        done.set()

    def search() -> None:
        while not done.is_set():
            found = index.search(["shared"], vectors[0], limit=20)
            assert len({n.subject for n in found}) == len(found)

    with ThreadPoolExecutor(4) as pool:
        for work in [pool.submit(add), *(pool.submit(search) for _ in range(3))]:
            work.result()

    assert len(index.search(["shared"], vectors[0], limit=5000)) == 700
