"""What operators watch: queues, processes, runs, dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app.formatting import ago, counted, duration, number, words
from core.messages import (
    AI_QUEUE,
    BACKGROUND_SUFFIX,
    BASE_QUEUES,
    DEAD_LETTER_SUFFIX,
    GATHER_QUEUE,
    PICTURE_QUEUE,
    URL_QUEUE,
)
from core.queries.operations import Heartbeat, QueueFigures, RunFigures

Level = Literal["good", "part", "busy", "bad", "over"]
FORGOTTEN = timedelta(minutes=15)
PHASES = {
    GATHER_QUEUE: "Gather",
    URL_QUEUE: "Fetch and commit",
    AI_QUEUE: "Label (local heuristics)",
    PICTURE_QUEUE: "Read pictures",
}


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue with its background sibling and its dead letters."""

    queue: str
    title: str
    waiting: int
    in_flight: int
    delayed: int
    oldest: str
    dead: int


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process and whether it was heard of lately."""

    name: str
    roles: str
    is_alive: bool
    heard: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run. ``brand`` and ``note`` are data; the note says what went wrong."""

    batch_id: str
    brand: str
    scope: str
    state: str
    level: Level
    finished: int
    expected: int
    failed: int
    labelling: str
    started: str
    note: str


def queue_rows(figures: Iterable[QueueFigures]) -> tuple[QueueRow, ...]:
    """Every queue in the order of the phases, the empty ones too."""
    by_name = {item.queue: item for item in figures}
    return tuple(_queue_row(name, by_name) for name in BASE_QUEUES)


def _queue_row(name: str, figures: dict[str, QueueFigures]) -> QueueRow:
    work = [figures[queue] for queue in (name, name + BACKGROUND_SUFFIX) if queue in figures]
    dead = [name + DEAD_LETTER_SUFFIX, name + BACKGROUND_SUFFIX + DEAD_LETTER_SUFFIX]
    ages = [item.oldest_age_seconds for item in work if item.oldest_age_seconds is not None]
    return QueueRow(
        queue=name,
        title=PHASES.get(name, "Other long work"),
        waiting=sum(item.waiting for item in work),
        in_flight=sum(item.in_flight for item in work),
        delayed=sum(item.delayed for item in work),
        oldest=duration(max(ages)) if ages else "–",
        dead=sum(figures[queue].waiting + figures[queue].in_flight for queue in dead if queue in figures),
    )


def process_rows(heartbeats: Sequence[Heartbeat], now: datetime) -> tuple[ProcessRow, ...]:
    """Processes, latest first; one that went quiet is shown for a while, then forgotten."""
    return tuple(
        ProcessRow(
            beat.process_id,
            ", ".join(part.strip() for part in beat.roles.split(",")),
            beat.is_alive(now),
            ago(beat.last_seen_at, now),
        )
        for beat in heartbeats
        if now - beat.last_seen_at < FORGOTTEN
    )


def run_rows(runs: Sequence[RunFigures], now: datetime) -> tuple[RunRow, ...]:
    """Runs, newest first."""
    return tuple(_run_row(run, now) for run in runs)


def _run_row(run: RunFigures, now: datetime) -> RunRow:
    state, level = _state(run)
    return RunRow(
        batch_id=run.batch_id,
        brand=run.brand_slug,
        scope=run.scope,
        state=state,
        level=level,
        finished=run.finished_count,
        expected=run.expected_count,
        failed=run.failed_count,
        labelling=words(run.ai_state),
        started=ago(run.created_at, now),
        note=run.error or _failures(run),
    )


def _failures(run: RunFigures) -> str:
    if not run.failed_count:
        return ""
    return f"{number(run.failed_count)} of {counted(run.expected_count, 'item')} failed"


def _state(run: RunFigures) -> tuple[str, Level]:
    if run.state == "failed":
        return "Failed", "bad"
    if run.state == "committed":
        return ("Committed in part", "part") if run.partial else ("Committed", "good")
    return (words(run.state), "over") if run.state == "cancelled" else (words(run.state), "busy")
