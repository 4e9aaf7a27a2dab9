"""Requests that are under way or just ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.formatting import ago, counted, number, usd, words
from core.queries.requests import RequestView

RUNNING = frozenset({"queued", "processing"})
_TOLD = timedelta(hours=1)


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


def running(requests: Iterable[RequestView], now: datetime, names: Mapping[str, str] = {}) -> tuple[RequestRow, ...]:
    """The requests that aren't over, newest first. ``names`` of brands by slug."""
    return tuple(make_row(request, now, names) for request in requests if request.status in RUNNING)


def stopped(requests: Iterable[RequestView], now: datetime, names: Mapping[str, str] = {}) -> tuple[RequestRow, ...]:
    """Those of the last hour that models could not finish: out of budget, or of a vendor's quota."""
    recent = (request for request in requests if now - request.updated_at < _TOLD)
    return tuple(make_row(request, now, names) for request in recent if "stopped" in (request.result or {}))


def make_row(request: RequestView, now: datetime, names: Mapping[str, str] = {}) -> RequestRow:
    """One request; a brand stands under its name, where it has one yet."""
    brand = request.params.get("brand") or ""
    name = request.params.get("name") or names.get(brand, brand)
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
    """Of an import or a scan, fetching is half of the bar, labelling the other half."""
    if status == "completed":
        return 1.0
    if progress.get("asked"):  # local methods are quick: models are nine tenths of the bar
        read = progress["texts_read"] / progress["texts"] if progress["texts"] else 1.0
        return float(0.1 * read + 0.9 * progress["answered"] / progress["asked"])
    labelled = progress["texts_read"] / progress["texts"] if progress.get("texts") else None
    if _is_reading_alone(progress):
        return 1.0 if labelled is None else float(labelled)
    items, finished = progress.get("items", 0), progress.get("items_finished", 0)
    brands, read = progress.get("brands", 0), progress.get("brands_read", 0)
    if labelled is None or progress.get("brands_committed", 0) < brands:  # not every text is known yet
        labelled = read / brands if brands else 0.0
    return min(0.5 * (finished / items if items else 0.0) + 0.5 * labelled, 1.0)


def _is_reading_alone(progress: Mapping[str, Any]) -> bool:
    """An analysis fetches nothing."""
    return "texts" in progress and "items" not in progress


def _step(status: str, progress: Mapping[str, Any], result: Mapping[str, Any] | None) -> str:
    if status not in RUNNING:
        return _outcome(result) if result else ""
    if not progress:
        return "Waiting for its turn"
    if _is_reading_alone(progress):
        return _reading(progress)
    items, finished = progress.get("items", 0), progress.get("items_finished", 0)
    if finished < items:
        return f"Fetching: {number(finished)} of {counted(items, 'file')}"
    if progress.get("brands_committed", 0) < progress.get("brands", 0):
        return f"Storing: {progress.get('brands_committed', 0)} of {counted(progress.get('brands', 0), 'brand')}"
    labelled = f"{progress.get('brands_read', 0)} of {counted(progress.get('brands', 0), 'brand')}"
    if progress.get("texts"):
        labelled = f"{number(progress['texts_read'])} of {counted(progress['texts'], 'new text')}, {labelled}"
    return f"Labelling (local heuristics): {labelled}"


def _reading(progress: Mapping[str, Any]) -> str:
    if progress.get("asked") and progress["texts_read"] >= progress["texts"]:
        answered, asked = number(progress["answered"]), counted(progress["asked"], "content")
        return f"Read by models: {answered} of {asked}, {usd(progress['cost_usd'])} so far"
    return f"Labelling (local heuristics): {number(progress['texts_read'])} of {counted(progress['texts'], 'text')}"


def _outcome(result: Mapping[str, Any]) -> str:
    if "stopped" in result:
        return f"{number(result['pending'])} contents wait: {result['stopped']}"
    if "texts" in result:
        cost = f", {usd(result['cost_usd'])}" if result.get("cost_usd") else ""
        return f"{counted(result['texts_read'], 'text')} read{cost}"
    return counted(result.get("new", 0), "new ad")
