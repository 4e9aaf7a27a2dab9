"""The commands about data: import, ingest, analyse, brands, requests, cancel, repair, dead letters."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.bootstrap import Services
from core.curation.brandspaces import create_brandspace
from core.domain.principal import Principal
from core.errors import ConflictError
from core.pipeline.analysis import ask_for_analysis
from core.pipeline.imports import Importer
from core.pipeline.redrive import redrive
from core.pipeline.requests import ask_for_ingest, ask_for_repair, cancel_request
from core.queries.brands import list_brands
from core.queries.operations import dead_letters
from core.queries.requests import get_request, list_requests, rejected_rows
from core.settings import Settings
from daemon.ledger import show_ledger, wait_for
from daemon.working_system import asking, stores, working_system


def import_path(
    settings: Settings, console: Console, path: Path, *, brand: str | None, scope: str | None, wait: bool
) -> bool:
    """Import a file or folder; False when the request failed.

    Without ``wait`` it goes on in the running system; a pipeline started for this command is waited for.
    """
    with working_system(settings, console) as (services, asker, is_temporary):
        with console.status("reading …") as status:
            request_id = importer(services).import_path(
                asker,
                path,
                today=datetime.now(UTC).date(),
                brand=brand,
                scope=scope,
                progress=lambda rows: status.update(f"reading … {rows:,} rows"),
            )
        _make_brandspace(services, asker, request_id, path.resolve().name)
        return report(services, asker, request_id, console, wait=wait or is_temporary)


def ingest(settings: Settings, console: Console, brand: str, *, source: str | None, wait: bool) -> bool:
    """Ask the sources for a brand's ads."""
    with working_system(settings, console) as (services, asker, is_temporary):
        request_id = ask_for_ingest(services.database, services.sources, asker, brand=brand, source=source)
        return report(services, asker, request_id, console, wait=wait or is_temporary)


def analyse(settings: Settings, console: Console, brand: str, *, wait: bool) -> bool:
    """Have a brand read at once."""
    with working_system(settings, console) as (services, asker, is_temporary):
        request_id = ask_for_analysis(services.database, asker, brand)
        return report(services, asker, request_id, console, wait=wait or is_temporary)


def cancel(settings: Settings, console: Console, request_id: str) -> None:
    """Take a request back."""
    with asking(settings) as (services, asker):
        cancel_request(services.database, asker, request_id)
    console.print(f"Request {request_id} is cancelled: what nobody else waits for stops within seconds.")


def repair(settings: Settings, console: Console, batch_id: str, *, wait: bool) -> bool:
    """Acquire again what a run could not have."""
    with working_system(settings, console) as (services, asker, is_temporary):
        request_id = ask_for_repair(services.database, asker, batch_id)
        return report(services, asker, request_id, console, wait=wait or is_temporary)


def show_dead_letters(settings: Settings, console: Console) -> None:
    """The newest dead letters."""
    with stores(settings) as services:
        letters = dead_letters(services.database)
    table = Table("id", "queue", "filed (UTC)", "sent again", "reason", box=None, padding=(0, 1))
    for letter in letters:
        again = f"{letter.redriven_at:%Y-%m-%d %H:%M}" if letter.redriven_at else ""
        filed = f"{letter.created_at:%Y-%m-%d %H:%M}"
        table.add_row(str(letter.dead_letter_id), letter.queue, filed, again, escape(letter.reason))
    console.print(table if letters else "No dead letters: every message found a worker.")
    if letters:
        console.print("./adology dead-letters --redrive ID   sends one again, once its cause is gone.")


def redrive_dead_letter(settings: Settings, console: Console, dead_letter_id: int) -> None:
    """Send one again."""
    with stores(settings) as services:
        console.print(redrive(services.database, dead_letter_id), markup=False)


def show_brands(settings: Settings, console: Console) -> None:
    """Every brand, with how many ads."""
    with asking(settings) as (services, asker):
        page = list_brands(services.database, asker, limit=200)
    table = Table("slug", "name", "scopes", "ads", box=None, padding=(0, 2))
    for brand in page.items:
        table.add_row(brand.slug, brand.display_name, ", ".join(brand.scopes), f"{brand.ads:,}")
    console.print(table if page.items else "No brands yet: `./adology import PATH` brings some.")


def show_requests(settings: Settings, console: Console, request_id: str | None, *, rejected: bool) -> None:
    """The newest requests, or one with its ledger, or all its rejected rows."""
    with asking(settings) as (services, asker):
        if request_id is None:
            _show_newest(services, asker, console)
        elif rejected:
            _show_all_rejections(services, asker, console, request_id)
        else:
            request = get_request(services.database, asker, request_id)
            show_ledger(services.database, asker, request, console)


def importer(services: Services) -> Importer:
    """What stages files and queues them."""
    return Importer(services.database, services.objects, services.settings.media_max_bytes)


def _make_brandspace(services: Services, asker: Principal, request_id: str, name: str) -> None:
    """A brandspace of what was imported, so that the pages show it at once; one of that name stays as it is."""
    brands = get_request(services.database, asker, request_id).params["brands"]
    if not brands:
        return
    try:
        create_brandspace(services.database, asker, name=name[:80], competitors=brands)
    except ConflictError:
        return


def report(services: Services, asker: Principal, request_id: str, console: Console, *, wait: bool) -> bool:
    """Wait for a request and show what came of it, or say how to follow it; False when it failed."""
    if not wait:
        console.print(f"Queued as request {request_id}:\n  ./adology requests {request_id}   tells how far it is.")
        return True
    request = wait_for(services.database, asker, request_id, console)
    show_ledger(services.database, asker, request, console)
    return request.status == "completed" and not request.error


def _show_newest(services: Services, asker: Principal, console: Console) -> None:
    page = list_requests(services.database, asker, limit=20)
    table = Table("request", "kind", "status", "asked (UTC)", "about", box=None, padding=(0, 1))
    for column in table.columns[:-1]:
        column.no_wrap = True  # an id cut short is no id
    for request in page.items:
        about = str(request.params.get("name") or request.params.get("brand") or "")
        table.add_row(request.request_id, request.kind, request.status, f"{request.created_at:%Y-%m-%d %H:%M}", about)
    console.print(table if page.items else "No requests yet.")


def _show_all_rejections(services: Services, asker: Principal, console: Console, request_id: str) -> None:
    cursor = None
    while True:
        page = rejected_rows(services.database, asker, request_id, cursor=cursor)
        for row in page.items:
            console.print(f"{row.file}:{row.line or ''}  {row.code}: {row.reason}", markup=False, highlight=False)
        cursor = page.next_cursor
        if cursor is None:
            return
