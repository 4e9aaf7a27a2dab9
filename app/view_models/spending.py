"""Spending and quotes as rows and sentences for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from app.formatting import counted, number, usd, words
from core.pipeline.quoting import Quote
from core.queries.spending import Spending

_DAYS = 30


def days_of(spending: Spending) -> Sequence[tuple[date, float]]:
    """Every day of the span with what it cost, oldest first: days without a call cost 0."""
    cost = {row.name: row.cost_usd for row in spending.rows}
    days = [spending.since + timedelta(days=number) for number in range(_DAYS)]
    return [(day, cost.get(day.isoformat(), 0.0)) for day in days]


def named_rows(spending: Spending) -> list[Mapping[str, str | int]]:
    """One a line, the dearest first."""
    name = words(spending.by)
    return [
        {
            name: _named(spending.by, row.name),
            "Calls": row.calls,
            "Tokens in": row.input_tokens,
            "Tokens out": row.output_tokens,
            "Cost": usd(row.cost_usd),
        }
        for row in spending.rows
    ]


def quote_lines(quote: Quote) -> list[str]:
    """What people should know before they agree; empty where local methods read, which are free."""
    if quote.model is None:
        return []
    if not quote.calls:
        return ["Models have read all there is: nothing to pay for now."]
    what = " and ".join(
        counted(count, noun) for count, noun in ((quote.texts, "text"), (quote.pictures, "picture")) if count
    )
    lines = [f"{what} for {quote.provider}/{quote.model}: {counted(quote.calls, 'call')}, {_price(quote)}"]
    lines.append(f"Left of today's budget: {usd(quote.left_usd_today)}. What doesn't fit waits, nothing is lost.")
    lines.append("Ads that come later are read, too, within the budget.")
    return lines


def _price(quote: Quote) -> str:
    if quote.usd_low is None or quote.usd_high is None:
        return f"at a price that isn't known (price file of {quote.prices_as_of}): it is not asked until it is."
    tokens = number(quote.input_tokens + quote.output_tokens)
    low, high = usd(quote.usd_low), usd(quote.usd_high)
    return f"about {tokens} tokens, probably {low} to {high} (estimated; prices of {quote.prices_as_of})."


def _named(by: str, name: str | None) -> str:
    if name is None:
        return "–"
    return words(name) if by in {"method", "outcome"} else name
