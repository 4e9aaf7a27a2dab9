"""The operations of SQS over queues in memory: parameters in, answer out, errors by their names in SQS's model.

Not there: FIFO queues, permissions, tags, encryption, the digest of message attributes.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from tests.fakes.sqs_faults import Faults
from tests.fakes.sqs_parameters import NOT_XML, QUEUE_NAME, Json, checked_entries, number_of, text_of
from tests.fakes.sqs_queues import DEFAULTS, Message, Queue, SqsError, State

Poll = Callable[[], Awaitable[Json]]  # a long poll that must wait
ACCOUNT = "000000000000"
_OTHER_ATTRIBUTES = {"RedrivePolicy", "RedriveAllowPolicy", "Policy", "SqsManagedSseEnabled", "KmsMasterKeyId"}


class SqsAccount:
    """One account in one region. ``call`` answers every operation."""

    def __init__(self, base_url: str, region: str) -> None:
        self.faults = Faults()
        self._base_url, self._region = base_url, region
        self._queues: dict[str, Queue] = {}
        self._moves: list[Json] = []
        self.forget_counts()
        self._of_account: dict[str, Callable[[Json], Json]] = {
            "CreateQueue": self._create_queue,
            "GetQueueUrl": lambda given: {"QueueUrl": self._url(self._named(text_of(given, "QueueName")))},
            "ListQueues": self._list_queues,
            "StartMessageMoveTask": self._start_move,
            "ListMessageMoveTasks": self._list_moves,
        }
        self._of_queue: dict[str, Callable[[Queue, Json], Json | Poll]] = {
            "DeleteQueue": self._delete_queue,
            "PurgeQueue": self._purge,
            "GetQueueAttributes": self._get_attributes,
            "SetQueueAttributes": self._set_attributes,
            "ReceiveMessage": self._receive,
            "SendMessage": self._send,
            "SendMessageBatch": lambda queue, given: self._batch("SendMessageBatch", self._send, queue, given),
            "DeleteMessage": self._delete,
            "DeleteMessageBatch": lambda queue, given: self._batch("DeleteMessageBatch", self._delete, queue, given),
            "ChangeMessageVisibility": self._change_visibility,
            "ChangeMessageVisibilityBatch": lambda queue, given: self._batch(
                "ChangeMessageVisibilityBatch", self._change_visibility, queue, given
            ),
        }

    def call(self, operation: str, given: Json) -> Json | Poll:
        """The answer, or the long poll that will give it. Raises SqsError."""
        self.calls[operation] += 1
        if "QueueUrl" in given:
            self.queue_counts(given["QueueUrl"].rsplit("/", 1)[-1])[operation] += 1
        self.faults.before(operation)
        if of_account := self._of_account.get(operation):
            return of_account(given)
        if of_queue := self._of_queue.get(operation):
            return of_queue(self._named(text_of(given, "QueueUrl").rsplit("/", 1)[-1]), given)
        raise SqsError("UnsupportedOperation", f"{operation} isn't there")

    # --- counts

    def forget_counts(self) -> None:
        """Count from zero."""
        self.calls: Counter[str] = Counter()
        self._counts: dict[str, Counter[str]] = {}

    def queue_counts(self, name: str) -> Counter[str]:
        """Calls of a queue by operation, and messages that were ``sent``, ``received`` and ``deleted``."""
        return self._counts.setdefault(name, Counter())

    def stats(self) -> Json:
        """``{"calls": {operation: n}, "queues": {name: {operation or sent, received, deleted: n}}}``."""
        return {"calls": dict(self.calls), "queues": {name: dict(counts) for name, counts in self._counts.items()}}

    # --- queues

    def _create_queue(self, given: Json) -> Json:
        name, attributes = text_of(given, "QueueName"), given.get("Attributes") or {}
        if not QUEUE_NAME.fullmatch(name):
            raise SqsError("InvalidParameterValue", f"{name!r} can't name a standard queue")
        self._check_attributes(attributes)
        queue = self._queues.get(name)
        if queue is None:
            arn = f"arn:aws:sqs:{self._region}:{ACCOUNT}:{name}"
            queue = self._queues[name] = Queue(name, arn, {key: str(value) for key, value in attributes.items()})
        elif any(queue.attributes.get(key) != str(value) for key, value in attributes.items()):
            raise SqsError("QueueNameExists", f"A queue {name} exists with other attributes")
        return {"QueueUrl": self._url(queue)}

    def _list_queues(self, given: Json) -> Json:
        prefix = given.get("QueueNamePrefix") or ""
        return {
            "QueueUrls": [self._url(queue) for name, queue in sorted(self._queues.items()) if name.startswith(prefix)]
        }

    def _delete_queue(self, queue: Queue, _: Json) -> Json:
        del self._queues[queue.name]
        return {}

    def _purge(self, queue: Queue, _: Json) -> Json:
        queue.take_out()
        return {}

    def _get_attributes(self, queue: Queue, given: Json) -> Json:
        known = {
            **queue.attributes,
            "QueueArn": queue.arn,
            "CreatedTimestamp": str(queue.created_at),
            "ApproximateNumberOfMessages": str(queue.waiting),
            "ApproximateNumberOfMessagesNotVisible": str(queue.hidden[State.IN_FLIGHT]),
            "ApproximateNumberOfMessagesDelayed": str(queue.hidden[State.DELAYED]),
        }
        wanted = given.get("AttributeNames") or []
        if unknown := set(wanted) - {"All", *known, *DEFAULTS, *_OTHER_ATTRIBUTES}:
            raise SqsError("InvalidAttributeName", f"Unknown Attribute {sorted(unknown)[0]}.")
        return {"Attributes": {key: value for key, value in known.items() if "All" in wanted or key in wanted}}

    def _set_attributes(self, queue: Queue, given: Json) -> Json:
        attributes = given.get("Attributes") or {}
        self._check_attributes(attributes)
        queue.attributes.update({key: str(value) for key, value in attributes.items()})
        return {}

    def _check_attributes(self, attributes: Json) -> None:
        for name, value in attributes.items():
            if name in DEFAULTS:
                number_of(attributes, name, 0, code="InvalidAttributeValue")
            elif name == "RedrivePolicy" and value:
                self._check_redrive(json.loads(value))
            elif name not in _OTHER_ATTRIBUTES:
                raise SqsError("InvalidAttributeName", f"Unknown Attribute {name}.")

    def _check_redrive(self, policy: Json) -> None:
        if self._dead_letters(policy) is None:
            raise SqsError("InvalidParameterValue", "RedrivePolicy is invalid: Dead letter target does not exist.")
        if not 1 <= int(policy.get("maxReceiveCount", 10)) <= 1000:
            raise SqsError("InvalidParameterValue", "RedrivePolicy is invalid: maxReceiveCount is 1 to 1000.")

    # --- messages

    def _send(self, queue: Queue, given: Json) -> Json:
        body = text_of(given, "MessageBody")
        if NOT_XML.search(body):
            raise SqsError("InvalidMessageContents", "Message must be XML-legal text")
        if len(body.encode()) > queue.number("MaximumMessageSize"):
            size = queue.attributes["MaximumMessageSize"]
            raise SqsError("InvalidParameterValue", f"One or more parameters are invalid: at most {size} bytes.")
        delay_seconds = number_of(given, "DelaySeconds", queue.number("DelaySeconds"))
        message = Message(body, given.get("MessageAttributes") or {})
        queue.add(message, delay_seconds=delay_seconds)
        self.queue_counts(queue.name)["sent"] += 1
        return {"MessageId": message.message_id, "MD5OfMessageBody": message.md5}

    def _receive(self, queue: Queue, given: Json) -> Json | Poll:
        wait_seconds = number_of(given, "WaitTimeSeconds", queue.number("ReceiveMessageWaitTimeSeconds"))
        most = number_of(given, "MaxNumberOfMessages", 1)
        visibility_seconds = number_of(given, "VisibilityTimeout", queue.number("VisibilityTimeout"))

        def take() -> Json:
            messages = queue.receive(most, visibility_seconds, self._dead_letters(queue.redrive_policy))
            for message in messages:
                if not message.is_duplicate and self.faults.doubles():
                    queue.add(message.duplicate())
            self.queue_counts(queue.name)["received"] += len(messages)
            return {"Messages": [_shown(message, given) for message in messages]} if messages else {}

        async def wait() -> Json:
            deadline = time.monotonic() + wait_seconds
            while (left := deadline - time.monotonic()) > 0:
                await queue.arrival(left)
                if answer := take():
                    return answer
            return {}

        return take() or (wait if wait_seconds else {})

    def _delete(self, queue: Queue, given: Json) -> Json:
        message = queue.delete(text_of(given, "ReceiptHandle"))
        if message is not None:
            self.queue_counts(queue.name)["deleted"] += 1
            if not message.is_duplicate and self.faults.redelivers():
                queue.add(message.duplicate())
        return {}

    def _change_visibility(self, queue: Queue, given: Json) -> Json:
        seconds = number_of(given, "VisibilityTimeout", None)
        queue.change_visibility(text_of(given, "ReceiptHandle"), seconds)
        return {}

    def _batch(self, operation: str, single: Callable[[Queue, Json], Json], queue: Queue, given: Json) -> Json:
        answer: Json = {"Successful": [], "Failed": []}
        for entry in checked_entries(given.get("Entries") or []):
            try:
                if self.faults.entry_fails(operation):
                    raise SqsError("InternalError", "This entry fails, as it was told", 500)
                answer["Successful"].append({"Id": entry["Id"], **single(queue, entry)})
            except SqsError as error:
                said = {"SenderFault": error.status < 500, "Code": error.code, "Message": error.message}
                answer["Failed"].append({"Id": entry["Id"], **said})
        return {key: value for key, value in answer.items() if value}

    # --- moving dead letters back

    def _start_move(self, given: Json) -> Json:
        source = self._with_arn(text_of(given, "SourceArn"))
        if not any(queue.redrive_policy.get("deadLetterTargetArn") == source.arn for queue in self._queues.values()):
            raise SqsError("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
        target = self._with_arn(given["DestinationArn"]) if given.get("DestinationArn") else None
        messages = source.take_out(only_waiting=True)
        for message in messages:
            (target or self._with_arn(message.source_arn)).add(Message(message.body, message.attributes))
        handle = f"move-{len(self._moves) + 1}"
        done = {
            "TaskHandle": handle,
            "Status": "COMPLETED",
            "SourceArn": source.arn,
            "ApproximateNumberOfMessagesMoved": len(messages),
            "ApproximateNumberOfMessagesToMove": len(messages),
            "StartedTimestamp": int(time.time() * 1000),
        }
        self._moves.insert(0, done)
        return {"TaskHandle": handle}

    def _list_moves(self, given: Json) -> Json:
        source = self._with_arn(text_of(given, "SourceArn"))
        return {
            "Results": [move for move in self._moves if move["SourceArn"] == source.arn][: given.get("MaxResults", 1)]
        }

    # --- finding

    def _url(self, queue: Queue) -> str:
        return f"{self._base_url}/{ACCOUNT}/{queue.name}"

    def _named(self, name: str) -> Queue:
        if queue := self._queues.get(name):
            return queue
        raise SqsError("QueueDoesNotExist", "The specified queue does not exist.")

    def _with_arn(self, arn: str) -> Queue:
        if queue := self._queues.get(arn.rsplit(":", 1)[-1]):
            return queue
        raise SqsError("ResourceNotFoundException", f"There is no queue {arn}")

    def _dead_letters(self, policy: Json) -> Queue | None:
        return self._queues.get(policy.get("deadLetterTargetArn", "").rsplit(":", 1)[-1])


def _shown(message: Message, given: Json) -> Json:
    shown: Json = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": message.md5,
        "Body": message.body,
    }
    if wanted := given.get("MessageSystemAttributeNames") or given.get("AttributeNames"):
        known = {
            "SenderId": ACCOUNT,
            "SentTimestamp": str(message.sent_at_ms),
            "ApproximateReceiveCount": str(message.receive_count),
            "ApproximateFirstReceiveTimestamp": str(message.first_received_at_ms),
        }
        if message.source_arn:
            known["DeadLetterQueueSourceArn"] = message.source_arn
        shown["Attributes"] = {key: value for key, value in known.items() if "All" in wanted or key in wanted}
    if message.attributes and (names := given.get("MessageAttributeNames")):
        some = {key: value for key, value in message.attributes.items() if "All" in names or key in names}
        shown["MessageAttributes"] = some
    return shown
