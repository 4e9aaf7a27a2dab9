"""The commands about what models cost: quotes, the budget, what was spent, labels made again on purpose."""

from __future__ import annotations

from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table

from core.bootstrap import Services
from core.curation.budgets import put_budget
from core.domain.label import Rerun
from core.domain.principal import Principal
from core.errors import BadInputError
from core.pipeline.analysis import ask_for_rerun
from core.pipeline.quoting import Quote
from core.queries.brands import resolve_brand
from core.queries.spending import BudgetView, get_budget, get_spending
from core.settings import Settings
from daemon.data_commands import report
from daemon.working_system import asking, working_system


def show_quote(settings: Settings, console: Console, brand: str) -> None:
    """What analysing the brand would cost."""
    with asking(settings) as (services, asker):
        print_quote(console, services.quoter.quote(asker, brand))


def print_quote(console: Console, quote: Quote) -> None:
    """In a few lines, with what is estimated and what isn't known said."""
    if quote.model is None:
        console.print("No model is configured: local methods read, which are free.", highlight=False)
        return
    console.print(
        f"{quote.brand}: {quote.texts:,} texts and {quote.pictures:,} pictures for {quote.provider}/{quote.model},"
        f" {quote.calls:,} calls,\nabout {quote.input_tokens:,} tokens in and {quote.output_tokens:,} out (estimated)."
        f"\n{price_line(quote)}\nBudget: {quote.budget_usd_per_day:,g} USD a day, {quote.left_usd_today:.2f} USD left"
        " today (UTC). What doesn't fit stays pending and goes on tomorrow.",
        markup=False, highlight=False,
    )  # fmt: skip


def price_line(quote: Quote) -> str:
    """The range, or that there is none."""
    if quote.usd_low is None or quote.usd_high is None:
        return f"Its price isn't known (price file of {quote.prices_as_of}), so it is not asked: add it to the file."
    return f"Probably {quote.usd_low:.4f} to {quote.usd_high:.4f} USD by the prices of {quote.prices_as_of}."


def budget(settings: Settings, console: Console, usd_per_day: float | None) -> None:
    """Show the budget and what was spent, or set it."""
    with asking(settings) as (services, asker):
        default = services.settings.ai_budget_usd_per_day
        if usd_per_day is not None:
            put_budget(services.database, asker, usd_per_day=usd_per_day, default_usd_per_day=default)
        _show_budget(services, asker, console, get_budget(services.database, asker, usd_per_day=default))


def _show_budget(services: Services, asker: Principal, console: Console, view: BudgetView) -> None:
    whose = "of your own" if view.is_own else "of the system: ADOLOGY_AI_BUDGET_USD_PER_DAY"
    console.print(f"Budget for models: {view.usd_per_day:,g} USD a day (UTC), {whose}.", highlight=False)
    console.print(
        f"Today: {view.spent_usd:.4f} USD spent, {view.reserved_usd:.4f} reserved for calls under way,"
        f" {view.left_usd:.4f} left.",
        highlight=False,
    )
    found = get_spending(services.database, asker, now=services.clock.now(), by="brand")
    if not found.rows:
        console.print("No model was asked in the last 30 days.")
        return
    table = Table("brand, 30 days", "calls", "tokens in", "tokens out", "USD", box=None, padding=(0, 1))
    for column in table.columns[1:]:
        column.justify = "right"
    for row in (*found.rows, found.total):
        name = "all" if row is found.total else row.name or "–"
        table.add_row(name, f"{row.calls:,}", f"{row.input_tokens:,}", f"{row.output_tokens:,}", f"{row.cost_usd:.4f}")
    console.print(table)


def rerun(
    settings: Settings, console: Console, brand: str, *, by: Rerun, dimensions: Sequence[str], reason: str, yes: bool
) -> bool:
    """Make labels again; False when the request failed or nobody agreed to the quote."""
    with working_system(settings, console) as (services, asker, _):
        resolve_brand(services.database, asker, brand)  # nobody is asked about a brand there isn't
        _check(services, by, dimensions)
        if by is Rerun.MODEL:
            print_quote(console, services.quoter.quote(asker, brand, again=True, dimensions=dimensions))
        if not yes and not typer.confirm("Make these labels again? Corrections stay; what was said before is kept."):
            return False
        request_id = ask_for_rerun(services.database, asker, brand, by=by, dimensions=dimensions, reason=reason)
        return report(services, asker, request_id, console, wait=True)


def _check(services: Services, by: Rerun, dimensions: Sequence[str]) -> None:
    """Raises NotFoundError for a dimension there isn't, BadInputError for one that this method doesn't read."""
    for name in dimensions:
        services.taxonomy.dimension(name)
    if by is Rerun.MODEL and services.models is None:
        raise BadInputError("no model is configured: set ADOLOGY_AI_PROVIDERS, or give --method local")
    if by is Rerun.LOCAL and (wrong := [name for name in dimensions if name not in services.taxonomy.of_words]):
        raise BadInputError(f"local methods read words alone, not {', '.join(wrong)}: give --method model")
