"""The command export: a request like any other, waited for, its file copied out of the store."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from core.bootstrap import Services
from core.domain.principal import Principal
from core.errors import BadInputError
from core.pipeline.exports import ask_for_export
from core.queries.exports import exported_file
from core.queries.filters import AdFilters
from core.queries.requests import RequestView, get_request
from core.settings import Settings
from daemon.ledger import OVER
from daemon.working_system import working_system

_POLL_SECONDS = 0.2


def export(
    settings: Settings,
    console: Console,
    output: Path,
    *,
    brandspace: str,
    format_name: str,
    sort: str,
    filters: Sequence[str],
) -> bool:
    """Write every ad that passes to ``output``; False when the request failed. Raises BadInputError."""
    asked = AdFilters.from_params(_named(filters))
    if not output.resolve().parent.is_dir():
        raise BadInputError(f"there is no folder {output.resolve().parent}: make it first")
    with working_system(settings, console) as (services, asker, _):
        request_id = ask_for_export(
            services.database, asker, brandspace=brandspace, filters=asked, format_name=format_name, sort=sort
        )
        request = _wait(services, asker, request_id, console)
        if request.status != "completed" or request.result is None:
            console.print(f"Export {request_id}: {request.status}. {request.error or ''}", markup=False)
            return False
        _copy(services, asker, request_id, output)
    console.print(f"{request.result['rows']:,} ads, {request.result['bytes']:,} bytes in {output}", highlight=False)
    return True


def _named(filters: Sequence[str]) -> dict[str, list[str]]:
    """``name=value`` each, a name repeated for several values. Raises BadInputError."""
    named: dict[str, list[str]] = {}
    for item in filters:
        name, sign, value = item.partition("=")
        if not sign:
            raise BadInputError(f"--filter {item!r}: write name=value, for example brands=nike")
        named.setdefault(name, []).append(value)
    return named


def _wait(services: Services, principal: Principal, request_id: str, console: Console) -> RequestView:
    with console.status("waiting for a worker …") as status:
        while True:
            request = get_request(services.database, principal, request_id)
            if request.status in OVER:
                return request
            if request.progress:
                status.update("writing … {rows:,} of {of:,} ads".format_map(request.progress))
            time.sleep(_POLL_SECONDS)


def _copy(services: Services, principal: Principal, request_id: str, output: Path) -> None:
    file = exported_file(services.database, principal, request_id, now=services.clock.now())
    with services.objects.open(file.sha256) as stored, output.open("wb") as written:
        shutil.copyfileobj(stored, written)
