"""Queues in Amazon SQS: the home of the message queue in production."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
from botocore.config import Config

from core.adapters.queue_limits import (
    BATCH_SIZE,
    MAX_BODY_BYTES,
    MAX_WAIT_SECONDS,
    check_queue,
    check_receive,
    check_send,
    check_visibility,
)
from core.adapters.sqs_address import SqsAddress
from core.adapters.sqs_errors import sqs_errors
from core.adapters.sqs_setup import Attributes, QueueRules, max_receive_count_of
from core.errors import BadInputError, NotFoundError, RetryableError
from core.messages import DEAD_LETTER_SUFFIX, WORK_QUEUES
from core.observability.external_calls import external_call
from core.ports import QueueDepth, ReceivedMessage

_VISIBILITY_PER_HANDLING = 6  # what AWS asks for
_SEND_ATTEMPTS = 3  # for entries that SQS didn't accept; what is left then is the caller's to repeat
_SDK_ATTEMPTS = 2  # more would multiply with the redeliveries
_CONNECT_SECONDS = 5
_READ_SECONDS = MAX_WAIT_SECONDS + 10  # an empty long poll answers after its wait
_SLOW_SECONDS = 5.0
_DEPTHS = {
    "waiting": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
_RECEIVE_COUNT, _SOURCE = "ApproximateReceiveCount", "DeadLetterQueueSourceArn"


class SqsQueue:
    """A MessageQueue over SQS, safe for any number of threads.

    As SQS has it: waits are whole seconds, rounded up; a receipt that a newer one has replaced deletes nothing, and
    nobody is told; a message may be held for 12 hours in total; how old the oldest message is can't be asked.
    """

    def __init__(
        self,
        address: SqsAddress,
        *,
        visibility_seconds: int,
        handler_timeout_seconds: float,
        max_receive_count: int = 5,
        connections: int = 50,
    ) -> None:
        """``connections``: as many as there are threads. Connects to nothing yet. Raises BadInputError."""
        least_seconds = math.ceil(_VISIBILITY_PER_HANDLING * handler_timeout_seconds)
        check_visibility(max(visibility_seconds, least_seconds))
        if max_receive_count < 1:
            raise BadInputError(f"max_receive_count is {max_receive_count}: give at least 1")
        self._rules = QueueRules(visibility_seconds, least_seconds, max_receive_count)
        self._prefix = address.prefix
        self._client = _client(address, connections)
        self._urls: dict[str, str] = {}
        self._max_receive_counts: dict[str, int] = {}

    def prepare(self) -> None:
        """Make the queues that are missing and verify all of them; what is there is never changed.

        Raises BadInputError naming what to set, NotAllowedError, UnavailableError.
        """
        for queue in WORK_QUEUES:
            dead_letters = self._found_or_made(queue + DEAD_LETTER_SUFFIX, self._rules.new_dead_letters())
            own = self._found_or_made(queue, self._rules.new_queue(dead_letters))
            self._rules.check(self._prefix + queue, own, dead_letters)
            self._max_receive_counts[queue] = max_receive_count_of(own)

    def send_batch(self, queue: str, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        """Send every body. Raises BadInputError, NotFoundError, RetryableError naming how many were not accepted."""
        check_send(queue, bodies, delay_seconds)
        left = list(bodies)
        for _ in range(_SEND_ATTEMPTS):
            left = [body for batch in _batches(left) for body in self._send(queue, batch, delay_seconds)]
            if not left:
                return
        raise RetryableError(f"SQS didn't accept {len(left)} of {len(bodies)} messages for {queue!r}: send them again")

    def receive(self, queue: str, *, max_messages: int = 10, wait_seconds: float = 0.0) -> list[ReceivedMessage]:
        """Take up to 10 messages, by a long poll of whole seconds."""
        check_receive(queue, max_messages, wait_seconds)
        answer = self._call(
            "receive_message",
            queue,
            slow_after_seconds=_SLOW_SECONDS + wait_seconds,
            QueueUrl=self._url(queue),
            MaxNumberOfMessages=max_messages,
            WaitTimeSeconds=math.ceil(wait_seconds),
            MessageSystemAttributeNames=[_RECEIVE_COUNT, _SOURCE],
        )
        return [self._received(queue, message) for message in answer.get("Messages", [])]

    def delete_batch(self, messages: Sequence[ReceivedMessage]) -> list[ReceivedMessage]:
        """Delete; returns those that SQS says it didn't. One that is gone already counts as deleted."""
        failed: list[ReceivedMessage] = []
        for queue in dict.fromkeys(message.queue for message in messages):
            own = [message for message in dict.fromkeys(messages) if message.queue == queue]
            for start in range(0, len(own), BATCH_SIZE):
                failed += self._delete(queue, own[start : start + BATCH_SIZE])
        return failed

    def change_visibility(self, message: ReceivedMessage, *, seconds: int) -> None:
        """Count the visibility from now; 0 gives the message back. Raises StaleError on a lost receipt."""
        check_visibility(seconds)
        self._call(
            "change_message_visibility",
            message.queue,
            QueueUrl=self._url(message.queue),
            ReceiptHandle=message.receipt,
            VisibilityTimeout=seconds,
        )

    def depth(self, queue: str) -> QueueDepth:
        """Approximate numbers; the age is always None."""
        check_queue(queue)
        attributes = self._attributes(queue, *_DEPTHS.values())
        return QueueDepth(**{name: int(attributes[attribute]) for name, attribute in _DEPTHS.items()})

    # --- calls

    def _call(
        self, operation: str, queue: str, *, slow_after_seconds: float = _SLOW_SECONDS, **given: Any
    ) -> dict[str, Any]:
        name = self._prefix + queue
        with (
            external_call("sqs", operation, target=name, slow_after_seconds=slow_after_seconds) as call,
            sqs_errors(operation, name),
        ):
            answer: dict[str, Any] = getattr(self._client, operation)(**given)
            call.status = answer["ResponseMetadata"]["HTTPStatusCode"]
        return answer

    def _send(self, queue: str, bodies: Sequence[str], delay_seconds: int) -> list[str]:
        """One batch; returns what wasn't accepted."""
        entries = [{"Id": str(n), "MessageBody": body, "DelaySeconds": delay_seconds} for n, body in enumerate(bodies)]
        answer = self._call("send_message_batch", queue, QueueUrl=self._url(queue), Entries=entries)
        return [bodies[int(entry["Id"])] for entry in answer.get("Failed", [])]

    def _delete(self, queue: str, messages: Sequence[ReceivedMessage]) -> list[ReceivedMessage]:
        entries = [{"Id": str(n), "ReceiptHandle": message.receipt} for n, message in enumerate(messages)]
        answer = self._call("delete_message_batch", queue, QueueUrl=self._url(queue), Entries=entries)
        return [messages[int(entry["Id"])] for entry in answer.get("Failed", [])]

    def _received(self, queue: str, message: dict[str, Any]) -> ReceivedMessage:
        attributes = message["Attributes"]
        receive_count = int(attributes[_RECEIVE_COUNT])
        if _SOURCE in attributes:  # a dead letter's count goes on from its first life; its handler starts anew
            source = queue.removesuffix(DEAD_LETTER_SUFFIX)
            receive_count -= self._max_receive_counts.get(source, self._rules.max_receive_count)
        return ReceivedMessage(
            queue, message["MessageId"], message["ReceiptHandle"], message["Body"], max(1, receive_count)
        )

    # --- queues

    def _url(self, queue: str) -> str:
        check_queue(queue)
        if queue not in self._urls:
            answer = self._call("get_queue_url", queue, QueueName=self._prefix + queue)
            self._urls[queue] = answer["QueueUrl"]
        return self._urls[queue]

    def _attributes(self, queue: str, *names: str) -> Attributes:
        answer = self._call("get_queue_attributes", queue, QueueUrl=self._url(queue), AttributeNames=list(names))
        attributes: Attributes = answer["Attributes"]
        return attributes

    def _found_or_made(self, queue: str, new: Attributes) -> Attributes:
        try:
            self._url(queue)
        except NotFoundError:
            answer = self._call("create_queue", queue, QueueName=self._prefix + queue, Attributes=new)
            self._urls[queue] = answer["QueueUrl"]
        return self._attributes(queue, "All")


def _client(address: SqsAddress, connections: int) -> Any:
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": _SDK_ATTEMPTS},
    )
    # A server on this machine asks nobody who he is, but the client wants to sign.
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"} if address.is_on_this_machine else {}
    return boto3.client("sqs", region_name=address.region, endpoint_url=address.endpoint, config=config, **keys)


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """At most ten bodies and 1 MiB each."""
    batch: list[str] = []
    size_bytes = 0
    for body in bodies:
        body_bytes = len(body.encode())
        if batch and (len(batch) == BATCH_SIZE or size_bytes + body_bytes > MAX_BODY_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(body)
        size_bytes += body_bytes
    if batch:
        yield batch
