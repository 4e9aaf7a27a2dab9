"""What models cost, by a dated file that people edit. A model that isn't in it has no price: that is said, not guessed.

A reservation takes ``most_usd``: one token per byte at most, as no tokenizer in use makes an empty one. A quote takes
``expected_usd``, whose estimate of tokens is right to about a third.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import BadInputError
from core.ports import ModelRequest, ModelUsage

PRICES = Path(__file__).parent / "prices.yaml"
LOCAL = "local"

_PER = 1_000_000
_PICTURE_TOKENS_MOST = 4_000  # of a picture of at most 1,024 pixels a side, where the file says nothing else
_FRAME_TOKENS = 200  # roles, separators, the name of the schema
_ASCII_PER_TOKEN, _OTHERS_PER_TOKEN = 4.0, 1.0

_Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Price(BaseModel):
    """USD per million tokens of the models whose id fits ``model`` (``*`` stands for any letters)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    model: str
    input: _Usd
    output: _Usd
    cached_input: _Usd | None = None  # none: cached tokens cost what others do
    cache_write: _Usd | None = None  # what input costs that the vendor writes to its cache
    picture_tokens: int = Field(_PICTURE_TOKENS_MOST, ge=0)  # the most one picture counts
    source: str = ""

    def cost_usd(self, usage: ModelUsage) -> float:
        """Of one call. Cached tokens are part of the input; all others count as written to the cache, where that costs.

        Vendors don't all tell how many were: it may be a quarter of the input too much, never too little.
        """
        cached_usd = self.input if self.cached_input is None else self.cached_input
        cached = min(usage.cached_tokens, usage.input_tokens)
        fresh_usd = (usage.input_tokens - cached) * (self.cache_write or self.input)
        return (fresh_usd + cached * cached_usd + usage.output_tokens * self.output) / _PER

    def most_usd(self, request: ModelRequest) -> float:
        """What asking can cost at the very most, once."""
        words = _words(request)
        tokens = len(words.encode("utf-8", "replace")) + _FRAME_TOKENS + len(request.images) * self.picture_tokens
        return self.cost_usd(ModelUsage(tokens, request.max_output_tokens))

    def expected_usd(self, request: ModelRequest, *, output_tokens: int) -> float:
        """What asking will probably cost, if the answer has so many tokens."""
        tokens = estimated_tokens(_words(request)) + _FRAME_TOKENS + len(request.images) * self.picture_tokens
        return self.cost_usd(ModelUsage(tokens, output_tokens))


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: date
    prices: tuple[Price, ...]


@dataclass(frozen=True, slots=True)
class Prices:
    """The price list. ``free`` are providers whose calls cost nothing: our own machine's."""

    as_of: date
    list: tuple[Price, ...]
    free: frozenset[str] = frozenset({LOCAL})

    def of(self, provider: str, model: str) -> Price | None:
        """The first row that fits; None where the price isn't known."""
        if provider in self.free:
            return Price(provider=provider, model=model, input=0, output=0)
        fitting = (row for row in self.list if row.provider == provider and fnmatch.fnmatchcase(model, row.model))
        return next(fitting, None)

    def cost_usd(self, provider: str, model: str, usage: ModelUsage) -> float | None:
        """Of one call; None where the price isn't known."""
        price = self.of(provider, model)
        return price.cost_usd(usage) if price else None


def load_prices(path: Path = PRICES, *, free: Collection[str] = ()) -> Prices:
    """Raises BadInputError naming the row to correct."""
    try:
        file = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadInputError(f"{path}: can't be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise BadInputError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5])
        raise BadInputError(f"{path}: {problems}") from error
    return Prices(file.as_of, file.prices, frozenset({LOCAL, *free}))


def estimated_tokens(text: str) -> int:
    """About four letters of ASCII a token, one of any other script."""
    plain = sum(map(str.isascii, text))
    return round(plain / _ASCII_PER_TOKEN + (len(text) - plain) / _OTHERS_PER_TOKEN)


def _words(request: ModelRequest) -> str:
    return request.instructions + request.text + json.dumps(request.schema)
