"""One method, run: ask, read, ask again at most once where the answer isn't valid, and add up what that cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from core.ai.methods.base import Asker, Block, Exchange, Method, MethodResult, Reading
from core.domain.label import Outcome, Provenance
from core.ports import ModelAnswer, ModelRequest, ModelUsage

T = TypeVar("T")

SCHEMA_VERSION = "1"
_MOST_PROBLEMS_TOLD = 20
_LONGEST_MODEL_NAME = 100


async def run(method: Method[T], block: Block, asker: Asker) -> MethodResult[T]:
    """Raises what the asker raises (nothing is known then, the block stays to be read) and BadInputError for a block
    with nothing to read. What a model says never raises: it ends in an outcome."""
    read = method.reads(block)
    request = method.request(read)
    exchanges = [await asker.ask(request)]
    first = _reading(method, read, exchanges[0], exchanges)
    if not first.problems:
        return _result(method, read, first, exchanges[0], exchanges)
    exchanges.append(await asker.ask(_corrected(request, first.problems)))
    readings = [_reading(method, read, each, exchanges) for each in exchanges]
    best = min((1, 0), key=lambda index: _badness(readings[index]))  # the second, unless the first was better
    return _result(method, read, readings[best], exchanges[best], exchanges)


def _reading(method: Method[T], block: Block, exchange: Exchange, exchanges: Sequence[Exchange]) -> Reading[T]:
    answer = exchange.answer
    return method.read(answer, block, _provenance(method, block, exchange), cost_usd=_cost_usd(exchanges) or 0.0)


def _badness(reading: Reading[T]) -> tuple[bool, int]:
    return reading.outcome is not Outcome.OK, len(reading.problems)


def _corrected(request: ModelRequest, problems: Sequence[str]) -> ModelRequest:
    """The request again, with what was wrong. In words of ours alone: the answer may repeat what an ad told it to."""
    told = "\n".join(f"- {problem}." for problem in problems[:_MOST_PROBLEMS_TOLD])
    complaint = f"Your last answer was not accepted:\n{told}\nAnswer again, whole, exactly as the schema says."
    return replace(request, instructions=f"{request.instructions}\n\n{complaint}")


def _result(
    method: Method[T], block: Block, reading: Reading[T], exchange: Exchange, exchanges: Sequence[Exchange]
) -> MethodResult[T]:
    return MethodResult(
        outcome=reading.outcome,
        value=reading.value,
        confidence=reading.confidence,
        evidence=reading.evidence,
        reason="; ".join([*reading.problems, *reading.remarks]),
        provenance=_provenance(method, block, exchange),
        usage=_usage([each.answer for each in exchanges]),
        cost_usd=_cost_usd(exchanges),
        exchanges=tuple(exchanges),
    )


def _provenance(method: Method[T], block: Block, exchange: Exchange) -> Provenance:
    spoke = "".join(letter for letter in exchange.answer.model if letter.isprintable())[:_LONGEST_MODEL_NAME]
    return Provenance(
        method=method.name,
        method_version=method.version,
        model=f"{exchange.provider}/{spoke or exchange.model}",
        taxonomy_version=method.taxonomy_version,
        schema_version=SCHEMA_VERSION,
        prompt_hash=method.prompt_hash,
        parameters={"input_hash": block.input_hash},
    )


def _usage(answers: Sequence[ModelAnswer]) -> ModelUsage:
    return ModelUsage(
        input_tokens=sum(each.usage.input_tokens for each in answers),
        output_tokens=sum(each.usage.output_tokens for each in answers),
        cached_tokens=sum(each.usage.cached_tokens for each in answers),
    )


def _cost_usd(exchanges: Sequence[Exchange]) -> float | None:
    costs = [each.cost_usd for each in exchanges if each.cost_usd is not None]
    return sum(costs) if len(costs) == len(exchanges) else None
