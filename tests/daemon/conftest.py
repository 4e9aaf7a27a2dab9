"""A real server on a free port over a real database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import BaseWSGIServer, make_server

from core.adapters.postgres.roles import Cluster
from core.bootstrap import build_services
from daemon import sockets
from daemon.factory import create_app
from tests.daemon.support import LocalDaemon, daemon_settings

StartDaemon = Callable[..., LocalDaemon]


@pytest.fixture
def start_daemon(cluster: Cluster, tmp_path: Path) -> Iterator[StartDaemon]:
    """Serve with changed settings: ``start_daemon(socket_cap=1)``."""
    with daemons(cluster, tmp_path) as start:
        yield start


@contextmanager
def daemons(cluster: Cluster, home: Path) -> Iterator[StartDaemon]:
    """Those that are started inside, of one home."""
    running: list[tuple[LocalDaemon, BaseWSGIServer, threading.Thread]] = []

    def start(**changes: Any) -> LocalDaemon:
        services = build_services(daemon_settings(home, cluster, **changes))
        app = create_app(services.settings, services)
        server = make_server("127.0.0.1", services.settings.api_port, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        app.extensions[sockets.HUB].start()
        daemon = LocalDaemon(services, app)
        running.append((daemon, server, thread))
        return daemon

    yield start
    for daemon, server, thread in running:
        daemon.app.extensions[sockets.HUB].stop()
        daemon.close()
        server.shutdown()
        thread.join()
        server.server_close()
        daemon.services.database.dispose()


@pytest.fixture
def daemon(start_daemon: StartDaemon) -> LocalDaemon:
    return start_daemon()
