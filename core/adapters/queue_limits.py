"""What SQS accepts, held by every queue of ours alike, so that what works at home works in production."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.errors import BadInputError, NotFoundError
from core.messages import QUEUES

BATCH_SIZE = 10
MAX_BODY_BYTES = 1_048_576  # SQS: 1 MiB with attributes; we send none
MAX_DELAY_SECONDS = 900
MAX_WAIT_SECONDS = 20
MAX_VISIBILITY_SECONDS = 43_200  # 12 h
DEFAULT_VISIBILITY_SECONDS = 30
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def check_queue(queue: str) -> None:
    """Raises NotFoundError for a queue that isn't ours."""
    if queue not in QUEUES:
        raise NotFoundError(f"there is no queue {queue!r}: see QUEUES in core/messages.py")


def check_send(queue: str, bodies: Sequence[str], delay_seconds: int) -> None:
    """Raises NotFoundError, or BadInputError naming the first wrong body by its position."""
    check_queue(queue)
    if not 0 <= delay_seconds <= MAX_DELAY_SECONDS:
        raise BadInputError(f"delay_seconds is {delay_seconds}: give 0 to {MAX_DELAY_SECONDS}")
    for position, body in enumerate(bodies):
        if not body:
            raise BadInputError(f"message {position} is empty: a body has at least one character")
        if wrong := _NOT_XML.search(body):
            raise BadInputError(f"message {position} holds U+{ord(wrong[0]):04X}, which XML can't: escape it as JSON")
        if len(body.encode()) > MAX_BODY_BYTES:
            raise BadInputError(f"message {position} is larger than 1 MiB: store it and send its address")


def check_receive(queue: str, max_messages: int, wait_seconds: float) -> None:
    """Raises NotFoundError or BadInputError."""
    check_queue(queue)
    if not 1 <= max_messages <= BATCH_SIZE:
        raise BadInputError(f"max_messages is {max_messages}: give 1 to {BATCH_SIZE}")
    if not 0 <= wait_seconds <= MAX_WAIT_SECONDS:
        raise BadInputError(f"wait_seconds is {wait_seconds}: give 0 to {MAX_WAIT_SECONDS}")


def check_visibility(seconds: int) -> None:
    """Raises BadInputError."""
    if not 0 <= seconds <= MAX_VISIBILITY_SECONDS:
        raise BadInputError(f"the visibility is {seconds} s: give 0 to {MAX_VISIBILITY_SECONDS}")
