"""Notices as log lines: the embedded home of the notifier."""

from __future__ import annotations

import logging

from core.observability.logs import get_logger
from core.ports import Notice

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING}
_log = get_logger(__name__)


class LogNotifier:
    """Writes each notice to the log at its own level."""

    def notify(self, notice: Notice) -> None:
        """Never raises: an unknown level is logged as an error, and a context may hold any key."""
        level = _LEVELS.get(notice.level, logging.ERROR)
        _log.log(level, "notice", subject=notice.subject, text=notice.text, context=dict(notice.context))
