"""Notices at home are log lines, and nothing about a notice can fail its sender."""

import logging

import pytest

from core.adapters.log_notifier import LogNotifier
from core.ports import Notice


@pytest.mark.parametrize(
    ("level", "logged"),
    [("info", logging.INFO), ("warning", logging.WARNING), ("error", logging.ERROR), ("??", logging.ERROR)],
)
def test_a_notice_is_logged_at_its_level(caplog: pytest.LogCaptureFixture, level: str, logged: int) -> None:
    caplog.set_level(logging.DEBUG)

    LogNotifier().notify(Notice(level, "Run failed", "Brand x: 3 of 20 media", {"event": "taken", "level": "x"}))

    (record,) = caplog.records
    assert record.levelno == logged
    assert "Run failed" in str(record.msg)
    assert "Brand x: 3 of 20 media" in str(record.msg)
