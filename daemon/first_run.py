"""What ``up`` does once everything answers: whoever started a new system can come in and finds something to look at."""

from __future__ import annotations

from rich.console import Console

from core.access.first_user import ensure_first_user, owner_link
from core.bootstrap import Services
from core.domain.principal import LOCAL_PRINCIPAL
from core.pipeline.sample import fill_with_sample
from core.settings import Settings
from daemon.data_commands import importer
from daemon.people import sign_in_address
from daemon.working_system import asking


def first_run(settings: Settings, console: Console) -> str:
    """Returns where to sign in, once. Raises NotFoundError for an organisation that isn't there or has no owner."""
    with asking(settings) as (services, principal):
        now = services.clock.now()
        ensure_first_user(services.database, principal, now=now)
        token = owner_link(services.database, principal, now=now)
        if settings.sample_market:
            _fill_with_sample(services, console)
    return sign_in_address(settings.workbench_address, token)


def _fill_with_sample(services: Services, console: Console) -> None:
    """Queue the sample market into an empty system; it fills while the pages are open already."""
    with console.status("sample market …") as status:
        requests = fill_with_sample(
            services.database,
            importer(services),
            services.sample_market,
            LOCAL_PRINCIPAL,
            progress=lambda text: status.update(f"{text} …"),
        )
    if requests:
        text = "  sample market queued (sample data: invented brands); the pages fill within minutes"
        console.print(text, highlight=False, soft_wrap=True)
