"""``python -m daemon --roles all``: settings → roles → serve."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Final

from core.bootstrap import build_services
from core.crash_points import arm
from core.errors import AdologyError, BadInputError
from core.observability.logs import configure_logging, get_logger, log_uncaught_exceptions
from core.settings import Settings, load_settings
from daemon.roles import ROLES, start_roles
from daemon.server import DaemonServer

log = get_logger("daemon")

HTTP_ROLES: Final = frozenset({"api", "registry"})
_USAGE_ERROR: Final = 2
_LOOK_SECONDS: Final = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the roles until SIGTERM or Ctrl-C; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m daemon", description="Adology's daemon.")
    parser.add_argument("--roles", default="all", help=f"'all', or some of {','.join(ROLES)}")
    try:
        roles = parse_roles(parser.parse_args(arguments).roles)
        settings = load_settings()
        configure_logging(level=settings.log_level, json=settings.log_json)
        log_uncaught_exceptions()
        _arm(settings.crash_at)
        run(settings, roles)
    except AdologyError as error:
        sys.stderr.write(f"{error}\n")
        return _USAGE_ERROR
    return 0


def _arm(crash_at: str) -> None:
    name, *options = crash_at.split(":")
    hits = [int(option) for option in options if option != "stop"]
    if name:
        arm(name, hit=hits[0] if hits else 1, stop="stop" in options)


def parse_roles(text: str) -> frozenset[str]:
    """``all``, or names separated by commas. Raises BadInputError."""
    names = frozenset(ROLES) if text == "all" else frozenset(part.strip() for part in text.split(","))
    if unknown := names - frozenset(ROLES):
        raise BadInputError(f"no role {', '.join(sorted(unknown)) or 'given'}: use 'all' or some of {', '.join(ROLES)}")
    return names


def run(settings: Settings, roles: frozenset[str]) -> None:
    """Serve HTTP for the roles that have it; else only work."""
    if roles & HTTP_ROLES:
        DaemonServer(settings, roles).run()
    else:
        work(settings, roles)


def work(settings: Settings, roles: frozenset[str]) -> None:
    """Roles without HTTP, until a signal."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    services = build_services(settings)
    running = start_roles(roles, settings, services, None)
    log.info("daemon works", roles=sorted(roles))
    while not stopped.wait(_LOOK_SECONDS):
        pass  # a signal may reach another thread: its handler runs when this one, which alone may run it, wakes
    running.stop()
    services.database.dispose()


if __name__ == "__main__":
    sys.exit(main())
