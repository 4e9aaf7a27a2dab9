"""Calls of the API, by organisation and minute."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text


class MinuteOfCalls(NamedTuple):
    """``total_ms``: what the calls of this minute took together."""

    organisation_id: str
    minute: datetime
    requests: int
    total_ms: float


def add_calls(connection: Connection, minutes: Iterable[MinuteOfCalls]) -> None:
    """Add them to what other processes have counted; sorted, so that two who write at once don't block each other."""
    statement = text(
        "INSERT INTO api_usage (organisation_id, minute, requests, total_ms)"
        " VALUES (:organisation_id, :minute, :requests, :total_ms)"
        " ON CONFLICT (organisation_id, minute) DO UPDATE"
        " SET requests = api_usage.requests + excluded.requests, total_ms = api_usage.total_ms + excluded.total_ms"
    )
    rows = [one._asdict() for one in sorted(minutes)]
    if rows:
        connection.execute(statement, rows)
