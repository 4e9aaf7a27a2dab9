"""A dead letter tried again, once its cause is gone."""

from __future__ import annotations

from typing import Final

from core.adapters.postgres.analysis_store import PostgresAnalyses
from core.adapters.postgres.engine import Connection, Database
from core.adapters.postgres.export_store import PostgresExports
from core.adapters.postgres.outbox import PostgresDeadLetters, PostgresOutbox
from core.adapters.postgres.runs import PostgresAiPhases, PostgresRuns
from core.domain.run import ACTIVE_STATES
from core.errors import ConflictError, NotFoundError
from core.messages import (
    AI_QUEUE,
    BACKGROUND_SUFFIX,
    GATHER_QUEUE,
    PICTURE_QUEUE,
    REQUEST_QUEUE,
    URL_QUEUE,
    AiPhaseMessage,
    GatherMessage,
    PictureMessage,
    RequestMessage,
    UrlMessage,
    parse_message,
)
from core.pipeline.requests import require_committed


def redrive(database: Database, dead_letter_id: int) -> str:
    """Send a dead letter again, in the form its place in the pipeline asks for; returns what was done.

    Raises NotFoundError, ConflictError when it was sent again already or its run has stored nothing,
    BadInputError for a body nobody can read.
    """
    with database.machinery() as connection:
        letters = PostgresDeadLetters(connection)
        letter = letters.take(dead_letter_id)
        if letter is None:
            raise NotFoundError(f"there is no dead letter {dead_letter_id}: `./adology dead-letters` lists them")
        if letter.redriven_at is not None:
            raise ConflictError(f"dead letter {dead_letter_id} was sent again on {letter.redriven_at:%Y-%m-%d %H:%M}")
        queue, body, told = _AGAIN[letter.queue.removesuffix(BACKGROUND_SUFFIX)](connection, letter.body)
        PostgresOutbox(connection).add(queue, [body])
        letters.mark_redriven(dead_letter_id)
    return told


def _gather_again(connection: Connection, body: str) -> tuple[str, str, str]:
    """Its request has ended with its first run: this is a run of its own."""
    message = parse_message(GatherMessage, body).model_copy(update={"request_id": None})
    return GATHER_QUEUE, message.to_body(), f"{message.brand!r} is gathered again"


def _acquire_again(connection: Connection, body: str) -> tuple[str, str, str]:
    """Nothing can be added to a run that is over: a repair run acquires all that it lacks."""
    message = parse_message(UrlMessage, body)
    run = PostgresRuns(connection).find(message.batch_id) if message.batch_id else None
    if run is None or run.state in ACTIVE_STATES:
        return URL_QUEUE, body, "the item is acquired again"
    require_committed(run)
    repair = GatherMessage(brand=run.brand_slug, scope=run.scope, repairs=run.batch_id)
    return GATHER_QUEUE, repair.to_body(), f"a repair run of {run.brand_slug!r} acquires what {run.batch_id} lacks"


def _read_again(connection: Connection, body: str) -> tuple[str, str, str]:
    message = parse_message(AiPhaseMessage, body)
    PostgresAiPhases(connection).reopen(message.batch_id)
    if message.on_demand:
        PostgresAnalyses(connection).reopen(message.request_id or "")
    return AI_QUEUE, body, f"{message.brand!r} is read again"


def _ask_again(connection: Connection, body: str) -> tuple[str, str, str]:
    message = parse_message(RequestMessage, body)
    if not PostgresExports(connection).reopen(message.request_id):
        raise ConflictError("its request isn't one that failed: ask for a new export")
    return REQUEST_QUEUE, body, f"request {message.request_id} is worked on again"


def _read_pictures_again(connection: Connection, body: str) -> tuple[str, str, str]:
    message = parse_message(PictureMessage, body)
    return PICTURE_QUEUE, body, f"pictures of {message.brand!r} are read again"


_AGAIN: Final = {
    GATHER_QUEUE: _gather_again,
    URL_QUEUE: _acquire_again,
    AI_QUEUE: _read_again,
    REQUEST_QUEUE: _ask_again,
    PICTURE_QUEUE: _read_pictures_again,
}
