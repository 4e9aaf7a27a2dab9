"""Requests that are under way or just ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.formatting import ago, counted, number, words
from core.queries.requests import RequestView

RUNNING = frozenset({"queued", "processing"})


@dataclass(frozen=True, slots=True)
class RequestRow:
    """``share`` in [0, 1]. ``name`` and ``error`` are data."""

    request_id: str
    name: str
    status: str
    share: float
    step: str
    when: str
    error: str


def running(requests: Iterable[RequestView], now: datetime) -> tuple[RequestRow, ...]:
    """The requests that aren't over, newest first."""
    return tuple(make_row(request, now) for request in requests if request.status in RUNNING)


def make_row(request: RequestView, now: datetime) -> RequestRow:
    """One request."""
    name = request.params.get("name") or request.params.get("brand") or ""
    return RequestRow(
        request_id=request.request_id,
        name=f"{words(request.kind)} {name}".strip(),
        status=words(request.status),
        share=_share(request.status, request.progress),
        step=_step(request.status, request.progress, request.result),
        when=ago(request.created_at, now),
        error=request.error or "",
    )


def _share(status: str, progress: Mapping[str, Any]) -> float:
    """Fetching is most of the work: nine tenths of the bar; labelling is the rest."""
    if status == "completed":
        return 1.0
    if "texts" in progress:
        return float(progress["texts_read"] / progress["texts"]) if progress["texts"] else 1.0
    items, finished = progress.get("items", 0), progress.get("items_finished", 0)
    brands, read = progress.get("brands", 0), progress.get("brands_read", 0)
    fetched = finished / items if items else 0.0
    return min(0.9 * fetched + 0.1 * (read / brands if brands else 0.0), 1.0)


def _step(status: str, progress: Mapping[str, Any], result: Mapping[str, Any] | None) -> str:
    if status not in RUNNING:
        return _outcome(result) if result else ""
    if not progress:
        return "Waiting for its turn"
    if "texts" in progress:
        return f"Labelling (local heuristics): {number(progress['texts_read'])} of {counted(progress['texts'], 'text')}"
    items, finished = progress.get("items", 0), progress.get("items_finished", 0)
    if finished < items:
        return f"Fetching: {number(finished)} of {counted(items, 'file')}"
    if progress.get("brands_committed", 0) < progress.get("brands", 0):
        return f"Storing: {progress.get('brands_committed', 0)} of {counted(progress.get('brands', 0), 'brand')}"
    labelled = f"{progress.get('brands_read', 0)} of {counted(progress.get('brands', 0), 'brand')}"
    return f"Labelling (local heuristics): {labelled}"


def _outcome(result: Mapping[str, Any]) -> str:
    if "texts" in result:
        return f"{counted(result['texts_read'], 'text')} read"
    return counted(result.get("new", 0), "new ad")
