"""Notices at home: a line in the log and a row that the workbench shows."""

from __future__ import annotations

import json

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from core.adapters.log_notifier import LogNotifier
from core.observability.logs import get_logger
from core.ports import Notice

_log = get_logger(__name__)

_KEPT = 1_000
_ADD = text("""
    INSERT INTO notice (level, subject, text, context)
    VALUES (:level, :subject, :text, CAST(:context AS jsonb)) RETURNING notice_id
""")
_PRUNE = text("""
    DELETE FROM notice WHERE notice_id <= (SELECT notice_id FROM notice ORDER BY notice_id DESC OFFSET :kept LIMIT 1)
""")


class PostgresNotifier:
    """A Notifier that logs, and keeps the newest 1,000 notices in the table ``notice``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._log_notifier = LogNotifier()

    def notify(self, notice: Notice) -> None:
        """Never raises: a notice that can't be stored is an error in the log."""
        self._log_notifier.notify(notice)
        row = {
            "level": notice.level,
            "subject": _storable(notice.subject),
            "text": _storable(notice.text),
            "context": json.dumps({_storable(key): _storable(value) for key, value in notice.context.items()}),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(_ADD, row)
                connection.execute(_PRUNE, {"kept": _KEPT})
        except SQLAlchemyError as error:
            _log.error("notice_not_stored", subject=notice.subject, reason=type(error).__name__)


def _storable(value: str) -> str:
    """Without what PostgreSQL's text can't hold: NUL and lone surrogates."""
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
