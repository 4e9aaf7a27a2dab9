"""A request as people read it on a terminal: progress while it runs, the ledger when it is over."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from core.adapters.postgres.analysis_store import ANALYSE
from core.adapters.postgres.engine import Database
from core.domain.principal import Principal
from core.queries.requests import RequestView, get_request, rejected_rows

OVER = frozenset({"completed", "failed", "cancelled"})
_POLL_SECONDS = 0.5
_LINE_SECONDS = 5.0
_SHOWN_REJECTIONS = 20
# A bar: its title, and the names of what is done and of all there is in a request's progress.
_RUNS = (("media and texts stored", "items_finished", "items"), ("texts labelled", "texts_read", "texts"))
_READING = (("texts read", "texts_read", "texts"),)


def wait_for(database: Database, principal: Principal, request_id: str, console: Console) -> RequestView:
    """Show the progress of a request until it is over: bars on a terminal, else a line every few seconds."""
    console.print(f"Request {request_id}", highlight=False)
    if not console.is_terminal:
        return _wait_in_lines(database, principal, request_id, console)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        is_analysis = get_request(database, principal, request_id).kind == ANALYSE
        shown = _READING if is_analysis else _RUNS
        tasks = [(bars.add_task(title, total=None), done, total) for title, done, total in shown]
        while True:
            request = get_request(database, principal, request_id)
            for task, done, total in tasks:
                bars.update(task, completed=request.progress.get(done, 0), total=request.progress.get(total))
            if request.status in OVER:
                return request
            time.sleep(_POLL_SECONDS)


def _wait_in_lines(database: Database, principal: Principal, request_id: str, console: Console) -> RequestView:
    told, next_line = "", 0.0
    while True:
        request = get_request(database, principal, request_id)
        if request.status in OVER:
            return request
        if time.monotonic() >= next_line and (line := _progress_line(request)) != told:
            console.print(f"  {line}", highlight=False)
            told, next_line = line, time.monotonic() + _LINE_SECONDS
        time.sleep(_POLL_SECONDS)


def _progress_line(request: RequestView) -> str:
    if not request.progress:
        return "queued"
    done = _Counts(request.progress)
    if request.kind == ANALYSE:
        line = "read {texts_read:,} of {texts:,} texts".format_map(done)
        by_models = "; models {answered:,} of {asked:,} contents, {cost_usd:.4f} USD".format_map(done)
        return line + (by_models if "asked" in request.progress else "")
    return (
        "stored {items_finished:,} of {items:,} media and texts; labelled {texts_read:,} of {texts:,} new texts,"
        " {brands_read} of {brands} brands"
    ).format_map(done)


def show_ledger(database: Database, principal: Principal, request: RequestView, console: Console) -> None:
    """rows = stored + rejected; apart from it the ads, versions and media; then what was rejected and why."""
    result = request.result or {}
    rows, rejected, lost = (result.get(name, 0) for name in ("rows", "rejected", "not_processed"))
    console.print(f"\nRequest {request.request_id}: [bold]{request.status}[/bold]", highlight=False)
    if request.error:
        console.print(f"  {request.error}", style="red", markup=False)
    if request.kind == ANALYSE:
        console.print(f"  {request.params['brand']}: {_progress_line(request)}", markup=False, highlight=False)
        if "stopped" in result:
            waiting = f"{result['pending']:,} contents wait: {result['stopped']}"
            console.print(f"  {waiting}", style="yellow", markup=False, highlight=False)
        return
    if request.result is None:
        console.print("  no ledger yet: it comes when the last run is over")
        return
    why = "cancelled" if request.status == "cancelled" else "of brands that failed"
    failed = f" + {why} {lost:,}" if lost else ""
    console.print(
        f"  rows {rows + rejected + lost:,} = stored {rows:,} + rejected {rejected:,}{failed}", highlight=False
    )
    scans = result.get("scans", 0)
    looked = f" in {scans} scans" if scans > len(result.get("brands", {})) else ""
    console.print(
        f"  ads{looked}"
        + " {ads:,}: new {new:,}, changed {changed:,}, seen again {seen_again:,};"
        " no longer seen {not_seen:,}".format_map(_Counts(result)),
        highlight=False,
    )
    console.print(
        "  versions {versions:,} ({versions_new:,} new), texts to label {contents_new:,} new,"
        " media files {creatives_new:,} new".format_map(_Counts(result)),
        highlight=False,
    )
    media = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in sorted(result.get("media", {}).items()))
    console.print(f"  media: {media or 'none declared'}", highlight=False)
    if "repairs" in request.params:
        console.print(f"  media of stored ads repaired: {result.get('repaired', 0):,}", highlight=False)
    if len(result.get("brands", {})) > 1:
        console.print(_brand_table(result["brands"]))
    if rejected:
        _show_rejections(database, principal, request.request_id, rejected, console)


class _Counts(dict[str, Any]):
    """A mapping in which what is missing counts 0."""

    def __missing__(self, key: str) -> int:
        return 0


def _brand_table(brands: Mapping[str, Mapping[str, Any]]) -> Table:
    columns = ("rows", "ads", "new", "changed", "seen_again", "not_seen")
    table = Table("brand", *(name.replace("_", " ") for name in columns), box=None, padding=(0, 1))
    for column in table.columns[1:]:
        column.justify = "right"
    for slug, ledger in brands.items():
        table.add_row(slug, *(f"{ledger.get(name, 0):,}" for name in columns))
    return table


def _show_rejections(database: Database, principal: Principal, request_id: str, total: int, console: Console) -> None:
    """The first rejections, those of one reason together."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for row in rejected_rows(database, principal, request_id, limit=_SHOWN_REJECTIONS).items:
        lines.setdefault((row.file, row.code, row.reason), []).append(str(row.line or ""))
    console.print(f"  rejected rows ({min(total, _SHOWN_REJECTIONS):,} of {total:,}):", highlight=False)
    for (file, code, reason), numbers in lines.items():
        place = f"{file}, line {', '.join(numbers)}" if any(numbers) else file
        console.print(f"    {code}: {reason}\n      {place}", markup=False, highlight=False, soft_wrap=True)
    if total > _SHOWN_REJECTIONS:
        console.print(f"  all of them: ./adology requests {request_id} --rejected", highlight=False)
