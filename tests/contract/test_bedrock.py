"""What Amazon Bedrock has of its own: limits of pictures, settings that no text can heal, Titan's vectors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from boto3 import Session

from core.adapters.bedrock_converse import MAX_IMAGE_BYTES, BedrockConverse
from core.adapters.bedrock_embeddings import BedrockImageEmbedder, BedrockTextEmbedder
from core.adapters.bedrock_runtime import BedrockRuntime
from core.errors import BadInputError, NotAllowedError, TerminalError, ThrottledError
from core.ports import ModelImage, TextEmbedder
from tests.contract.language_models import AWS_ENVIRONMENT, ask, picture, request
from tests.fakes.model_answers import HttpError, Raw, Said, Slow, outage, rate_limited
from tests.fakes.model_server import ModelServer, model_server

TEXT_MODEL, IMAGE_MODEL = "amazon.titan-embed-text-v2:0", "amazon.titan-embed-image-v1"


@pytest.fixture(scope="module")
def vendor() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture(scope="module")
def runtime(vendor: ModelServer) -> Iterator[BedrockRuntime]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in AWS_ENVIRONMENT.items():
            patch.setenv(name, value)
        yield BedrockRuntime("eu-west-1", endpoint=vendor.url, timeout_seconds=20, connections=4, attempts=2)


@pytest.fixture
def server(vendor: ModelServer) -> Iterator[ModelServer]:
    yield vendor
    vendor.reset()


# --- Converse


@pytest.mark.parametrize(
    "images",
    [
        (picture(8_001, 1),),
        (ModelImage(b"\x89PNG" + bytes(MAX_IMAGE_BYTES), "image/png"),),
        (ModelImage(b"no picture", "image/png"),),
        (ModelImage(b"<svg/>", "image/svg+xml"),),
        (picture(),) * 21,
    ],
    ids=["too long a side", "too many bytes", "unreadable", "another kind", "too many"],
)
def test_pictures_beyond_the_limits_are_refused_before_any_call(
    runtime: BedrockRuntime, server: ModelServer, images: tuple[ModelImage, ...]
) -> None:
    with pytest.raises(BadInputError):
        ask(BedrockConverse("m", runtime), request(images=images))
    assert server.asked == []


@pytest.mark.parametrize(
    "words",
    [
        "The provided model identifier is invalid.",
        "Invocation of model ID x with on-demand throughput isn't supported. Retry with an inference profile.",
        "This model doesn't support structured outputs in outputConfig.textFormat.",
    ],
)
def test_a_validation_that_no_text_can_pass_is_for_people_to_set_right(
    runtime: BedrockRuntime, server: ModelServer, words: str
) -> None:
    server.then(HttpError("bad_input", words))

    with pytest.raises(NotAllowedError, match="ADOLOGY_BEDROCK_MODEL"):
        ask(BedrockConverse("m", runtime))


def test_calls_at_once_are_as_many_as_there_are_connections(runtime: BedrockRuntime, server: ModelServer) -> None:
    server.answer = lambda _: Slow(0.05, {"hook": "unknown"})
    model = BedrockConverse("m", runtime)

    async def batch() -> None:
        await asyncio.gather(*(model.answer(request()) for _ in range(12)))

    asyncio.run(batch())

    assert server.most_at_once == 4


def test_a_client_that_takes_long_to_make_takes_nothing_from_the_call(
    runtime: BedrockRuntime, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SlowSession(Session):
        def client(self, *args: Any, **kwargs: Any) -> Any:
            time.sleep(1.1)
            return super().client(*args, **kwargs)

    monkeypatch.setattr("core.adapters.bedrock_runtime.Session", SlowSession)
    hasty = BedrockRuntime("eu-west-1", endpoint=server.url, timeout_seconds=1, connections=1)

    assert ask(BedrockConverse("m", hasty)).text


def test_without_credentials_the_settings_are_named(
    vendor: ModelServer, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    for name in (*AWS_ENVIRONMENT, "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, f"{tmp_path}/none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(NotAllowedError, match="AWS_ACCESS_KEY_ID"):
        ask(BedrockConverse("m", BedrockRuntime("eu-west-1", endpoint=vendor.url, timeout_seconds=5, connections=1)))


# --- vectors


@pytest.fixture
def texts(runtime: BedrockRuntime) -> BedrockTextEmbedder:
    return BedrockTextEmbedder(TEXT_MODEL, runtime, dimension=256)


@pytest.fixture
def pictures(runtime: BedrockRuntime) -> BedrockImageEmbedder:
    return BedrockImageEmbedder(IMAGE_MODEL, runtime, dimension=384)


def test_texts_become_unit_vectors_in_their_order(texts: BedrockTextEmbedder, server: ModelServer) -> None:
    embedder: TextEmbedder = texts
    several = [f"ad {number}" for number in range(9)]

    vectors = embedder.embed(several)

    assert (vectors.shape, vectors.dtype) == ((9, 256), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors[4], embedder.embed(["ad 4"])[0])
    assert server.asked[0].body["dimensions"] == 256


def test_pictures_and_words_become_unit_vectors_of_one_space(
    pictures: BedrockImageEmbedder, server: ModelServer
) -> None:
    of_pictures, of_words = pictures.embed([picture(), picture(9, 9)]), pictures.embed_words(["a shoe"])

    assert (of_pictures.shape, of_words.shape) == ((2, 384), (1, 384))
    # the fake's picture vectors aren't of unit length: Titan doesn't promise it, either
    assert np.allclose(np.linalg.norm(np.concatenate([of_pictures, of_words]), axis=1), 1, atol=1e-5)
    assert {asked.images for asked in server.asked} == {(picture().content,), (picture(9, 9).content,), ()}


def test_model_dimension_and_normalisation_are_named(
    texts: BedrockTextEmbedder, pictures: BedrockImageEmbedder
) -> None:
    assert (texts.model, texts.dimension, texts.normalised) == (f"{TEXT_MODEL}/256", 256, True)
    assert (pictures.model, pictures.dimension, pictures.normalised) == (f"{IMAGE_MODEL}/384", 384, True)


def test_nothing_to_embed_is_no_call(texts: BedrockTextEmbedder, server: ModelServer) -> None:
    assert texts.embed([]).shape == (0, 256)
    for empty in ("", " \n", "\0"):
        with pytest.raises(BadInputError, match="text 1"):
            texts.embed(["ad", empty])
    assert server.asked == []


def test_a_message_that_comes_with_200_is_an_error(pictures: BedrockImageEmbedder, server: ModelServer) -> None:
    server.then(Said("Failed to process the image"))

    with pytest.raises(TerminalError, match="Failed to process the image"):
        pictures.embed([picture()])


@pytest.mark.parametrize(
    "body", [{}, {"embedding": [1.0] * 255}, {"embedding": [0.0] * 256}, {"embedding": ["x"] * 256}, [], b"<html>"]
)
def test_what_is_no_vector_of_that_size_is_an_error(
    texts: BedrockTextEmbedder, server: ModelServer, body: dict[str, object] | bytes
) -> None:
    server.then(Raw(body))

    with pytest.raises(TerminalError, match=TEXT_MODEL):
        texts.embed(["ad"])


def test_a_vector_is_asked_for_again_once(texts: BedrockTextEmbedder, server: ModelServer) -> None:
    server.then(outage())
    texts.embed(["ad"])
    assert len(server.asked) == 2


def test_a_picture_beyond_titans_limits_is_refused_before_any_call(
    pictures: BedrockImageEmbedder, server: ModelServer
) -> None:
    with pytest.raises(BadInputError, match="2,048"):
        pictures.embed([picture(), picture(2_049, 1)])
    assert server.asked == []


def test_another_size_than_the_model_makes_is_refused(runtime: BedrockRuntime) -> None:
    with pytest.raises(BadInputError, match="384"):
        BedrockTextEmbedder(TEXT_MODEL, runtime, dimension=384)
    with pytest.raises(BadInputError, match="512"):
        BedrockImageEmbedder(IMAGE_MODEL, runtime, dimension=512)


def test_a_throttled_vector_says_so(texts: BedrockTextEmbedder, server: ModelServer) -> None:
    server.then(rate_limited(retry_after="3"), rate_limited(retry_after="3"))
    with pytest.raises(ThrottledError):
        texts.embed(["ad"])
