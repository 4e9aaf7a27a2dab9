"""The same real server as the daemon's own tests have."""

from __future__ import annotations

from tests.daemon.conftest import daemon, start_daemon

__all__ = ["daemon", "start_daemon"]
