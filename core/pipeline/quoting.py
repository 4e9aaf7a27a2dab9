"""What an analysis will probably cost, before anybody pays: an estimate in a range, by the dated price file.

The texts' tokens are estimated to about a third; an answer is taken to be short, or twice as long. Models that think
before they answer pay for that, too: with them the upper end is the likelier one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.adapters.postgres.ai_ledger import room_today
from core.adapters.postgres.engine import Database
from core.ai.methods.base import Block, Method
from core.ai.methods.description import Describe
from core.ai.prices import Prices, estimated_tokens
from core.ai.taxonomy import Taxonomy
from core.domain.principal import Principal
from core.domain.spending import Room
from core.pipeline.model_reading import label_methods
from core.ports import ModelImage, ModelRequest, ModelUsage
from core.queries.brands import known_slug
from core.queries.unread import Unread, count_unread

_INPUT_OFF_BY = 1 / 3
_TOKENS_PER_LABEL = 40  # a value, a short quote, a confidence, as JSON
_TOKENS_PER_DESCRIPTION = 900
_LONG_ANSWER = 2.0


@dataclass(frozen=True, slots=True)
class Quote:
    """``contents`` (words and pictures) that a model has not read, by so many ``calls``.

    ``usd_low`` and ``usd_high`` are None where a price isn't known; such a model is not asked. ``provider`` and
    ``model``: the first choice; None where no model is configured and reading is local and free.
    """

    brand: str
    texts: int
    pictures: int
    calls: int
    input_tokens: int
    output_tokens: int
    usd_low: float | None
    usd_high: float | None
    provider: str | None
    model: str | None
    prices_as_of: date
    budget_usd_per_day: float
    left_usd_today: float

    @property
    def is_priced(self) -> bool:
        """Whether there is a range to show."""
        return self.usd_high is not None


@dataclass(frozen=True, slots=True)
class Quoter:
    """``choice``: provider and model of the first choice, None without any. ``usd_per_day``: of who has no budget."""

    database: Database
    taxonomy: Taxonomy
    prices: Prices
    choice: tuple[str, str] | None
    usd_per_day: float

    def quote(self, principal: Principal, brand: str, *, again: bool = False, dimensions: Sequence[str] = ()) -> Quote:
        """For a brand in any spelling. ``again``: a re-run, in some dimensions or in all (empty).

        Raises NotFoundError for a brand nobody has collected.
        """
        with self.database.reader(principal) as connection:
            slug = known_slug(connection, brand)
            unread = count_unread(connection, slug, again=again)
            room = room_today(connection, principal.organisation_id, self.usd_per_day)
        return self._quoted(slug, unread, room, again=again, dimensions=dimensions)

    def quote_sample(self, principal: Principal, texts: Sequence[str], picture_texts: Sequence[str]) -> Quote:
        """For labels of these words, and of pictures with these words on them, made once more."""
        tokens, picture_tokens = (sum(map(estimated_tokens, each)) for each in (texts, picture_texts))
        unread = Unread(len(texts), len(picture_texts), tokens, picture_tokens)
        with self.database.reader(principal) as connection:
            room = room_today(connection, principal.organisation_id, self.usd_per_day)
        return self._quoted("sample", unread, room, again=True, dimensions=())

    def _quoted(self, slug: str, unread: Unread, room: Room, *, again: bool, dimensions: Sequence[str]) -> Quote:
        calls = self._calls(unread, again, dimensions) if self.choice else []
        given, answered = sum(call.input_tokens for call in calls), sum(call.output_tokens for call in calls)
        low, high = self._range_usd(given, answered)
        provider, model = self.choice or (None, None)
        return Quote(
            brand=slug,
            texts=unread.texts,
            pictures=unread.pictures,
            calls=sum(call.calls for call in calls),
            input_tokens=given,
            output_tokens=answered,
            usd_low=low,
            usd_high=high,
            provider=provider,
            model=model,
            prices_as_of=self.prices.as_of,
            budget_usd_per_day=float(room.budget_usd),
            left_usd_today=float(room.left_usd),
        )

    def _calls(self, unread: Unread, again: bool, dimensions: Sequence[str]) -> list[_Calls]:
        methods = label_methods(self.taxonomy, dimensions)
        said = Block(text="x", pictures=(_A_PICTURE,))
        found = []
        if words := methods.get("words"):
            answer = _TOKENS_PER_LABEL * len(words.dimensions)
            found.append(self._of(words, said, unread.texts, unread.tokens, answer))
        if visual := methods.get("picture"):
            answer = _TOKENS_PER_LABEL * len(visual.dimensions)
            found.append(self._of(visual, said, unread.pictures, unread.picture_tokens, answer))
        if not again:  # what is described is described
            found.append(self._of(Describe(), said, unread.texts, unread.tokens, _TOKENS_PER_DESCRIPTION))
        return found

    def _of(self, method: Method[Any], block: Block, count: int, text_tokens: int, answer: int) -> _Calls:
        frame = self._tokens(method.request(method.reads(block)))
        return _Calls(count, count * frame + text_tokens, count * answer)

    def _tokens(self, request: ModelRequest) -> int:
        """Of a request without an ad's words."""
        price = self.prices.of(*self.choice) if self.choice else None
        per_picture = price.picture_tokens if price else 0
        words = request.instructions + str(dict(request.schema))
        return len(words) // 4 + len(request.images) * per_picture

    def _range_usd(self, given: int, answered: int) -> tuple[float | None, float | None]:
        if self.choice is None:
            return 0.0, 0.0
        low = ModelUsage(round(given * (1 - _INPUT_OFF_BY)), answered)
        high = ModelUsage(round(given * (1 + _INPUT_OFF_BY)), round(answered * _LONG_ANSWER))
        return self.prices.cost_usd(*self.choice, low), self.prices.cost_usd(*self.choice, high)


@dataclass(frozen=True, slots=True)
class _Calls:
    """All calls of one method."""

    calls: int
    input_tokens: int
    output_tokens: int


_A_PICTURE = ModelImage(b"", "image/jpeg")
