"""How far the requests are: computed from their runs, never counted along."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.adapters.postgres.content_store import count_unfinished
from core.adapters.postgres.engine import Connection, Database
from core.adapters.postgres.request_store import (
    count_rejections,
    open_requests,
    record_event,
    runs_of,
    update_request,
)

_PAGE = 500
_OVER = {"committed", "failed", "cancelled"}
_LABELLED = {"done", "none"}
Unread = Mapping[tuple[str, str], int]  # (scope, brand) → texts that wait to be labelled
_SUMMED = (
    "rows", "ads", "new", "changed", "seen_again", "not_seen", "versions", "versions_new", "creatives_new",
    "contents_new", "scans", "repaired",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a request stands."""

    status: str
    progress: dict[str, Any]
    result: dict[str, Any] | None = None
    error: str | None = None


def report_progress(database: Database) -> int:
    """Move on each request that lacks its ledger; stores an event for each that changed and returns how many did."""
    changed, after = 0, ""
    while True:
        with database.machinery() as connection:
            requests = open_requests(connection, after=after, limit=_PAGE)
            changed += sum(_report(database, connection, request) for request in requests)
        if len(requests) < _PAGE:
            return changed
        after = requests[-1]["request_id"]


def _report(database: Database, connection: Connection, request: dict[str, Any]) -> bool:
    state = _state_of(database, connection, request)
    if state.result is None and (state.status, state.progress) == (request["status"], request["progress"]):
        return False
    update_request(
        connection,
        request["request_id"],
        status=state.status,
        progress=state.progress,
        result=state.result,
        error=state.error,
    )
    record_event(
        connection,
        organisation_id=request["organisation_id"],
        request_id=request["request_id"],
        status=state.status,
        result=state.result or state.progress,
    )
    return True


def _state_of(database: Database, connection: Connection, request: dict[str, Any]) -> Progress:
    runs = runs_of(connection, request["request_id"])
    parts, unread = int(request["params"].get("parts", 1)), _unread_of(database, runs)
    of_status = judge_cancelled if request["status"] == "cancelled" else judge
    state = of_status(runs, parts=parts, unread=unread)
    if state.result is not None:
        state.result["rejected"] = count_rejections(connection, request["request_id"])
        staged = int(request["params"].get("rows", state.result["rows"]))
        state.result["not_processed"] = max(staged - state.result["rows"], 0)  # of brands that failed or were cancelled
    return state


def _unread_of(database: Database, runs: Sequence[dict[str, Any]]) -> Unread:
    """Of the runs that are being read: only they can have any of their own."""
    brands: defaultdict[str, list[str]] = defaultdict(list)
    for run in runs:
        if run["state"] == "committed" and run["ai_state"] not in _LABELLED:
            brands[run["scope"]].append(run["brand_slug"])
    unread: dict[tuple[str, str], int] = {}
    for scope, slugs in brands.items():
        with database.worker(scope) as connection:
            counts = count_unfinished(connection, scope=scope, brand_slugs=slugs)
        unread |= {(scope, slug): counts.get(slug, 0) for slug in slugs}
    return unread


def judge(runs: Sequence[dict[str, Any]], *, parts: int, unread: Unread) -> Progress:
    """The state of a request from the states of its runs. Pure; it ends when every part has ended."""
    if not parts:
        error = "none of the rows could be stored; the rejected rows say why"
        return Progress("failed", {}, summarise(runs), error)
    if not runs:
        return Progress("queued", {})
    progress = _progress(runs, parts, unread)
    if len(runs) < parts or progress["brands_read"] < len(runs):
        return Progress("processing", progress)
    errors = [f"{run['brand_slug']}: {run['error']}" for run in runs if run["error"]]
    status = "failed" if len(errors) == len(runs) else "completed"
    return Progress(status, progress, summarise(runs), "; ".join(errors) or None)


def judge_cancelled(runs: Sequence[dict[str, Any]], *, parts: int, unread: Unread) -> Progress:
    """A request that was taken back: what it brought stays, so it has a ledger when its runs are over. Pure."""
    is_over = all(run["state"] in _OVER for run in runs)
    return Progress("cancelled", _progress(runs, parts, unread), summarise(runs) if is_over else None)


def _progress(runs: Sequence[dict[str, Any]], parts: int, unread: Unread) -> dict[str, int]:
    """``texts`` are those that the runs brought; of what a brand has left, no more than that is theirs."""
    brought = [(run["ledger"] or {}).get("contents_new", 0) for run in runs]
    left = [
        min(texts, unread.get((run["scope"], run["brand_slug"]), 0)) for texts, run in zip(brought, runs, strict=True)
    ]
    return {
        "brands": parts,
        "brands_committed": sum(run["state"] == "committed" for run in runs),
        "brands_read": sum(run["state"] in _OVER and run["ai_state"] in _LABELLED for run in runs),
        "texts": sum(brought),
        "texts_read": sum(brought) - sum(left),
        "items": sum(run["expected_count"] for run in runs),
        "items_finished": sum(run["finished"] for run in runs),
    }


def summarise(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The ledger of a request: the sum of its runs', and each brand's own."""
    totals: Counter[str] = Counter(dict.fromkeys(_SUMMED, 0))
    media: Counter[str] = Counter()
    brands: dict[str, dict[str, Any]] = {}
    for run in runs:
        ledger = run["ledger"] or {}
        totals.update({name: ledger.get(name, 0) for name in _SUMMED})
        media.update(ledger.get("media", {}))
        known = brands.get(run["brand_slug"])
        brands[run["brand_slug"]] = _together(known, ledger) if known else dict(ledger)
        if run["error"]:
            brands[run["brand_slug"]]["error"] = run["error"]
    return {**totals, "media": dict(media), "brands": brands}


def _together(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two ledgers of one brand: two spellings of its name in one import are two runs."""
    media = {"media": dict(Counter(one.get("media", {})) + Counter(other.get("media", {})))}
    return one | {name: one.get(name, 0) + count for name, count in other.items() if name != "media"} | media
