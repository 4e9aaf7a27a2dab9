"""For a command that needs the pipeline: the running system, or one started for as long as the command takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console

from core.access.organisations import command_line_principal
from core.bootstrap import Services, build_services
from core.domain.principal import Principal
from core.queries.operations import heartbeats
from core.settings import Settings
from daemon.supervisor import Supervisor
from daemon.up import READY_SECONDS, STOP_SECONDS, available_database, children, with_free_ports


@contextmanager
def stores(settings: Settings) -> Iterator[Services]:
    """The services over the database, which is started where it doesn't run; no pipeline."""
    with available_database(settings):
        services = build_services(settings)
        try:
            yield services
        finally:
            services.database.dispose()


@contextmanager
def asking(settings: Settings) -> Iterator[tuple[Services, Principal]]:
    """``stores``, and for whom the command line works. Raises NotFoundError without such an organisation."""
    with stores(settings) as services:
        yield services, command_line_principal(services.database, settings.organisation)


@contextmanager
def working_system(settings: Settings, console: Console) -> Iterator[tuple[Services, Principal, bool]]:
    """``asking``, with somebody at work on the queues; and whether that ends together with this command."""
    with ExitStack() as stack:
        is_own = stack.enter_context(available_database(settings))
        services = build_services(settings)
        stack.callback(services.database.dispose)
        principal = command_line_principal(services.database, settings.organisation)
        is_temporary = is_own or not _has_worker(services)
        if is_temporary:
            _start_daemon(settings, console, stack)
        yield services, principal, is_temporary


def _has_worker(services: Services) -> bool:
    now = services.clock.now()
    return any("worker" in process.roles and process.is_alive(now) for process in heartbeats(services.database))


def _start_daemon(settings: Settings, console: Console, stack: ExitStack) -> None:
    """The daemon alone, on a free port: nobody but this command knows of it."""
    quiet = with_free_ports(settings.model_copy(update={"api_port": 0, "workbench_port": 0}))
    daemon = Supervisor([spec for spec in children(quiet) if spec.name == "daemon"])
    stack.callback(daemon.stop, STOP_SECONDS, lambda: False)
    began = time.monotonic()
    with console.status("starting the pipeline …"):
        daemon.start()
        daemon.wait_until_ready(READY_SECONDS, lambda _: None)
    console.print(f"  pipeline started for this command ({time.monotonic() - began:.1f} s)", highlight=False)
