"""How our queues are set up in SQS, and what must not be otherwise. Attributes in, attributes or an error out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from core.adapters.queue_limits import MAX_BODY_BYTES
from core.errors import BadInputError

Attributes = Mapping[str, str]
_DAY_SECONDS = 86_400
_RETENTION_SECONDS = 4 * _DAY_SECONDS
_DEAD_LETTER_RETENTION_SECONDS = 14 * _DAY_SECONDS  # the most; a dead letter keeps the age it had


@dataclass(frozen=True, slots=True)
class QueueRules:
    """What a pair of a queue and its dead letters must have."""

    visibility_seconds: int  # of a new queue
    least_visibility_seconds: int
    max_receive_count: int

    def new_dead_letters(self) -> dict[str, str]:
        """The attributes of a dead-letter queue to be made."""
        return self._new(_DEAD_LETTER_RETENTION_SECONDS)

    def new_queue(self, dead_letters: Attributes) -> dict[str, str]:
        """The attributes of a queue to be made."""
        return {**self._new(_RETENTION_SECONDS), "RedrivePolicy": self._policy(dead_letters)}

    def check(self, name: str, own: Attributes, dead_letters: Attributes) -> None:
        """Raises BadInputError naming the queue, what it has and what to set."""
        for queue, attributes in ((name, own), (dead_letters["QueueArn"].rpartition(":")[2], dead_letters)):
            self._check_number(queue, attributes, "VisibilityTimeout", self.least_visibility_seconds)
            self._check_number(queue, attributes, "MaximumMessageSize", MAX_BODY_BYTES)
        self._check_policy(name, own, dead_letters)
        kept_seconds = int(own["MessageRetentionPeriod"])
        if int(dead_letters["MessageRetentionPeriod"]) <= kept_seconds:
            raise BadInputError(
                f"dead letters of queue {name!r} keep their age and are kept no longer than its messages"
                f" ({kept_seconds} s): set their queue's MessageRetentionPeriod to {_DEAD_LETTER_RETENTION_SECONDS}"
            )

    def _new(self, retention_seconds: int) -> dict[str, str]:
        return {
            "VisibilityTimeout": str(max(self.visibility_seconds, self.least_visibility_seconds)),
            "MessageRetentionPeriod": str(retention_seconds),
            "MaximumMessageSize": str(MAX_BODY_BYTES),
        }

    def _policy(self, dead_letters: Attributes) -> str:
        policy = {"deadLetterTargetArn": dead_letters["QueueArn"], "maxReceiveCount": str(self.max_receive_count)}
        return json.dumps(policy)

    def _check_number(self, queue: str, attributes: Attributes, name: str, least: int) -> None:
        if int(attributes[name]) < least:
            raise BadInputError(f"queue {queue!r} has {name} {attributes[name]}: set it to {least} or more")

    def _check_policy(self, name: str, own: Attributes, dead_letters: Attributes) -> None:
        policy = json.loads(own.get("RedrivePolicy") or "{}")
        wanted = self._policy(dead_letters)
        if policy.get("deadLetterTargetArn") != dead_letters["QueueArn"]:
            target = policy.get("deadLetterTargetArn", "nowhere")
            raise BadInputError(f"dead letters of queue {name!r} go to {target}: set its RedrivePolicy to {wanted}")
        if max_receive_count_of(own) < self.max_receive_count:
            raise BadInputError(
                f"queue {name!r} has maxReceiveCount {max_receive_count_of(own)}, less than"
                f" ADOLOGY_QUEUE_MAX_RECEIVE_COUNT: set its RedrivePolicy to {wanted}"
            )


def max_receive_count_of(attributes: Attributes) -> int:
    """After how many receives a message of this queue is a dead letter; SQS's default is 10."""
    return int(json.loads(attributes["RedrivePolicy"]).get("maxReceiveCount", 10))
