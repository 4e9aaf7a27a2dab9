"""Gunicorn around the application: one worker process, a thread per socket, roles started after the fork.

One worker, because the registry is in memory and the socket cap counts per process. Services are built in the worker:
a database pool or a model made before the fork would hang there.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any, Final, NoReturn, cast

from flask import Flask
from gunicorn import glogging
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

from core.bootstrap import Services, build_services
from core.errors import AdologyError
from core.observability.logs import get_logger
from core.settings import Settings, bracketed
from daemon import sockets
from daemon.factory import create_app
from daemon.hub import Hub
from daemon.roles import RunningRoles, build_registry, start_roles
from registry.active_brands import ActiveBrands

log = get_logger(__name__)

SPARE_THREADS: Final = 64  # for HTTP while every socket is taken
GRACEFUL_SECONDS: Final = 20
KEEPALIVE_SECONDS: Final = 75  # workers keep their connections to the registry
LONGEST_REQUEST_LINE_BYTES: Final = 8190  # beyond what the guard refuses in the one shape errors have
REQUEST_SECONDS: Final = 15  # for a client to send its request, head and body
STALLED_SECONDS: Final = 120  # a main loop silent for that long is killed and started again


class DaemonServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Serves the HTTP roles of one process until SIGTERM or Ctrl-C."""

    def __init__(self, settings: Settings, roles: Collection[str]) -> None:
        self._settings = settings
        self._roles = frozenset(roles)
        self._services: Services | None = None
        self._registry: ActiveBrands | None = None
        self._running: RunningRoles | None = None
        self._drained = threading.Lock()
        super().__init__()

    def load_config(self) -> None:
        """Gunicorn's options; nothing comes from its own files or environment."""
        for name, value in gunicorn_options(self._settings).items():
            self.cfg.set(name, value)
        self.cfg.set("post_worker_init", lambda worker: self.start())
        self.cfg.set("worker_exit", lambda server, worker: self.drain())
        assert self.cfg.workers == 1, "the registry and the sockets live in one process"

    def load(self) -> Flask:
        """Build everything; runs in the worker, after the fork."""
        try:
            services = build_services(self._settings)
            if "registry" in self._roles:
                self._registry = build_registry(self._settings, services)
            app = create_app(self._settings, services, self._registry)
        except AdologyError as error:
            _give_up(error)
        self._services = services
        return app

    def start(self) -> None:
        """Start the event hub and the roles beside HTTP."""
        assert self._services is not None
        self._hub.start()
        try:
            self._running = start_roles(self._roles, self._settings, self._services, self._registry)
        except AdologyError as error:
            self.drain()
            _give_up(error)
        log.info("daemon serves", address=self._settings.api_url, roles=sorted(self._roles))

    def drain(self) -> None:
        """Stop the roles, send the sockets away, close the database. Safe to call twice."""
        if self._services is None or not self._drained.acquire(blocking=False):
            return
        if self._running is not None:
            self._running.stop()
        self._hub.stop()
        self._services.database.dispose()

    @property
    def _hub(self) -> Hub:
        return cast(Hub, self.callable.extensions[sockets.HUB])


def _give_up(error: AdologyError) -> NoReturn:
    log.critical("daemon cannot start", reason=str(error))
    sys.exit(Arbiter.WORKER_BOOT_ERROR)  # gunicorn ends, too


class DrainingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Stops the roles while HTTP still answers (their last results go to the registry), then ends.

    Who begins a request and doesn't end it is cut off: gunicorn would give him a thread for as long as he likes, and
    some hundred of his kind would have them all, without a key.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._arriving: dict[Any, tuple[float, Any]] = {}  # connection → when it is cut off, and its body if known

    def handle(self, conn: Any) -> Any:
        """One request, in a thread of the pool."""
        self._arriving[conn] = (time.monotonic() + REQUEST_SECONDS, None)
        try:
            return super().handle(conn)
        finally:
            self._arriving.pop(conn, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Its head is here."""
        self._arriving[conn] = (self._arriving[conn][0], req.body.reader)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Called every second: gunicorn's own check of who is late, and ours."""
        super().murder_pending()
        for conn, (cut_off_at, body) in list(self._arriving.items()):
            is_here = body is not None and not getattr(body, "length", 0)
            if not is_here and time.monotonic() > cut_off_at:
                with suppress(OSError):  # it left by itself
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM. A thread does it: a signal handler may hold any lock."""
        threading.Thread(target=self._drain, args=(sig, frame), name="drain").start()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Ctrl-C and SIGQUIT end as gently; the parent kills after the grace period."""
        self.handle_exit(sig, frame)

    def _drain(self, sig: int, frame: Any) -> None:
        try:
            self.app.drain()
        finally:
            super().handle_exit(sig, frame)


class PipelineLogger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """Hands gunicorn's records to the one logging pipeline."""

    def setup(self, cfg: Any) -> None:
        """No handler and no level of its own."""
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True
            logger.setLevel(logging.NOTSET)


def gunicorn_options(settings: Settings) -> dict[str, Any]:
    """What differs from gunicorn's defaults."""
    threads = settings.socket_cap + SPARE_THREADS
    return {
        "bind": f"{bracketed(settings.api_host)}:{settings.api_port}",
        "limit_request_line": LONGEST_REQUEST_LINE_BYTES,
        "workers": 1,
        "worker_class": DrainingWorker,
        "threads": threads,
        "worker_connections": 2 * threads,
        "timeout": STALLED_SECONDS,
        "graceful_timeout": GRACEFUL_SECONDS,
        "keepalive": KEEPALIVE_SECONDS,
        "control_socket_disable": True,
        "logger_class": PipelineLogger,
        "accesslog": None,
    }
