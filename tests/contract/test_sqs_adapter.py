"""What only the SQS home of the queues has: queues made and verified, answers in part, throttling, lost answers."""

from __future__ import annotations

import json
import socket
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from core.adapters.sqs_address import SqsAddress
from core.adapters.sqs_errors import PERMISSIONS
from core.adapters.sqs_queue import SqsQueue
from core.errors import (
    AdologyError,
    BadInputError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
    StaleError,
    ThrottledError,
    UnavailableError,
)
from core.messages import AI_QUEUE, DEAD_LETTER_SUFFIX, GATHER_QUEUE, QUEUES, URL_QUEUE
from core.ports import ReceivedMessage
from tests.fakes.sqs_clients import attributes, sqs_client
from tests.fakes.sqs_server import SqsServer

DAY_SECONDS = 86_400
DEAD_LETTERS = GATHER_QUEUE + DEAD_LETTER_SUFFIX


@pytest.fixture(scope="module")
def running_server() -> Iterator[SqsServer]:
    with SqsServer() as server:
        yield server


@dataclass(frozen=True)
class Account:
    """Queues of one prefix at a server that does as it is told."""

    server: SqsServer
    client: Any  # beside the adapter's own
    prefix: str

    def open(self, **changes: Any) -> SqsQueue:
        """The adapter; nothing is made yet."""
        rules: dict[str, Any] = {"visibility_seconds": 60, "handler_timeout_seconds": 30} | changes
        return SqsQueue(SqsAddress(self.server.region, self.prefix, self.server.url), **rules)

    def attributes(self, name: str) -> dict[str, str]:
        return attributes(self.client, self._url(name))

    def change(self, name: str, **changes: str) -> None:
        """What a person did in the console."""
        self.client.set_queue_attributes(QueueUrl=self._url(name), Attributes=changes)

    def redrive(self, name: str, target: str, max_receive_count: int) -> None:
        policy = {"deadLetterTargetArn": self.attributes(target)["QueueArn"], "maxReceiveCount": max_receive_count}
        self.change(name, RedrivePolicy=json.dumps(policy))

    def _url(self, name: str) -> str:
        url: str = self.client.get_queue_url(QueueName=self.prefix + name)["QueueUrl"]
        return url


@pytest.fixture
def account(running_server: SqsServer) -> Iterator[Account]:
    """With a prefix that no other test has, and no faults yet."""
    client = sqs_client(running_server.url)
    yield Account(running_server, client, f"t{uuid.uuid4().hex[:8]}-")
    running_server.inject()
    client.close()


@pytest.fixture
def server(account: Account) -> SqsServer:
    return account.server


@pytest.fixture
def queues(account: Account) -> SqsQueue:
    """Ready for use."""
    queues = account.open()
    queues.prepare()
    return queues


def drain(queues: SqsQueue, queue: str) -> list[str]:
    bodies = []
    while messages := queues.receive(queue):
        assert queues.delete_batch(messages) == []
        bodies += [message.body for message in messages]
    return bodies


# --- queues made and verified -------------------------------------------------------------------------


def test_a_new_queue_and_its_dead_letters_are_set_up_as_they_must_be(queues: SqsQueue, account: Account) -> None:
    urls = account.client.list_queues(QueueNamePrefix=account.prefix)["QueueUrls"]
    assert {url.rpartition("/")[2] for url in urls} == {account.prefix + queue for queue in QUEUES}
    own, dead = account.attributes(GATHER_QUEUE), account.attributes(DEAD_LETTERS)
    assert int(own["VisibilityTimeout"]) == 6 * 30  # a handler of 30 s, though less was asked for
    assert json.loads(own["RedrivePolicy"]) == {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": "5"}
    assert int(dead["MessageRetentionPeriod"]) == 14 * DAY_SECONDS > int(own["MessageRetentionPeriod"])
    assert "RedrivePolicy" not in dead


def test_preparing_again_makes_and_changes_nothing(queues: SqsQueue, account: Account) -> None:
    before = account.server.stats()["calls"]
    for _ in range(2):
        account.open().prepare()
    after = account.server.stats()["calls"]
    assert {name for name in after if after[name] > before.get(name, 0)} == {"GetQueueUrl", "GetQueueAttributes"}


def test_a_visibility_longer_than_needed_stays(queues: SqsQueue, account: Account) -> None:
    account.change(URL_QUEUE, VisibilityTimeout="900")
    account.open().prepare()
    assert account.attributes(URL_QUEUE)["VisibilityTimeout"] == "900"


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (GATHER_QUEUE, {"VisibilityTimeout": "179"}, "VisibilityTimeout 179: set it to 180"),
        (DEAD_LETTERS, {"VisibilityTimeout": "30"}, "VisibilityTimeout 30: set it to 180"),
        (GATHER_QUEUE, {"MaximumMessageSize": "262144"}, "MaximumMessageSize 262144: set it to 1048576"),
        (GATHER_QUEUE, {"RedrivePolicy": ""}, "nowhere: set its RedrivePolicy to"),
        (DEAD_LETTERS, {"MessageRetentionPeriod": "345600"}, "MessageRetentionPeriod to 1209600"),
    ],
)
@pytest.mark.usefixtures("queues")
def test_a_queue_that_is_not_as_it_must_be_stops_the_start(
    account: Account, name: str, change: dict[str, str], said: str
) -> None:
    account.change(name, **change)
    with pytest.raises(BadInputError, match=f"{account.prefix}brand-gather-queue.*{said}"):
        account.open().prepare()


@pytest.mark.parametrize(
    ("target", "count", "said"),
    [(DEAD_LETTERS, 4, "maxReceiveCount 4"), (AI_QUEUE + DEAD_LETTER_SUFFIX, 5, "go to arn:.*ai-phase-queue-dlq")],
)
@pytest.mark.usefixtures("queues")
def test_a_wrong_redrive_policy_stops_the_start(account: Account, target: str, count: int, said: str) -> None:
    account.redrive(GATHER_QUEUE, target, count)
    with pytest.raises(BadInputError, match=rf"{said}.*set its RedrivePolicy to .*{account.prefix}{DEAD_LETTERS}"):
        account.open().prepare()


@pytest.mark.usefixtures("queues")
def test_a_dead_letter_of_a_patient_queue_is_counted_anew(account: Account) -> None:
    account.redrive(GATHER_QUEUE, DEAD_LETTERS, 8)  # more than we ask for
    patient = account.open()
    patient.prepare()
    patient.send_batch(GATHER_QUEUE, ["poison"])
    for _ in range(8):
        patient.change_visibility(patient.receive(GATHER_QUEUE)[0], seconds=0)
    assert patient.receive(GATHER_QUEUE) == []
    [dead] = patient.receive(DEAD_LETTERS)
    assert (dead.body, dead.receive_count) == ("poison", 1)


def test_two_prefixes_share_an_account(queues: SqsQueue, account: Account) -> None:
    theirs = replace(account, prefix=f"{account.prefix}theirs-").open()
    theirs.prepare()
    queues.send_batch(GATHER_QUEUE, ["ours"])
    assert theirs.receive(GATHER_QUEUE) == []
    assert drain(queues, GATHER_QUEUE) == ["ours"]


def test_queues_that_nobody_made_are_not_found(account: Account) -> None:
    with pytest.raises(NotFoundError, match=f"{account.prefix}{GATHER_QUEUE}.*daemon makes it"):
        account.open().depth(GATHER_QUEUE)


@pytest.mark.parametrize(
    "rules", [{"visibility_seconds": 43_201}, {"handler_timeout_seconds": 7_201}, {"max_receive_count": 0}]
)
def test_rules_sqs_cannot_keep_are_refused(account: Account, rules: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        account.open(**rules)


# --- answers in part ----------------------------------------------------------------------------------


def test_entries_that_were_not_accepted_are_sent_again(queues: SqsQueue, server: SqsServer) -> None:
    server.inject(fail_every_entry=10, operations=["SendMessageBatch"])
    bodies = [str(n) for n in range(25)]
    queues.send_batch(GATHER_QUEUE, bodies)
    assert Counter(drain(queues, GATHER_QUEUE)) == Counter(bodies)


def test_entries_that_are_never_accepted_are_counted(queues: SqsQueue, server: SqsServer) -> None:
    server.inject(fail_every_entry=1, operations=["SendMessageBatch"])
    with pytest.raises(RetryableError, match="12 of 12 messages"):
        queues.send_batch(GATHER_QUEUE, [str(n) for n in range(12)])


def test_messages_that_were_not_deleted_are_returned(queues: SqsQueue, server: SqsServer) -> None:
    queues.send_batch(GATHER_QUEUE, [str(n) for n in range(20)])
    received = queues.receive(GATHER_QUEUE) + queues.receive(GATHER_QUEUE)
    server.inject(fail_every_entry=7, operations=["DeleteMessageBatch"])
    assert queues.delete_batch(received) == [received[6], received[13]]
    assert queues.depth(GATHER_QUEUE).in_flight == 2


def test_one_message_twice_in_a_batch_is_deleted_twice(queues: SqsQueue, server: SqsServer) -> None:
    server.inject(duplicate_probability=1.0)
    queues.send_batch(GATHER_QUEUE, ["a"])
    twice = queues.receive(GATHER_QUEUE) + queues.receive(GATHER_QUEUE)
    assert len({message.message_id for message in twice}) == 1 < len(twice)
    assert queues.delete_batch(twice) == []
    assert queues.depth(GATHER_QUEUE).in_flight == 0


def test_messages_of_several_queues_are_deleted_together(queues: SqsQueue) -> None:
    for queue in (GATHER_QUEUE, URL_QUEUE):
        queues.send_batch(queue, ["a"])
    assert queues.delete_batch(queues.receive(GATHER_QUEUE) + queues.receive(URL_QUEUE)) == []
    assert queues.depth(GATHER_QUEUE).in_flight == queues.depth(URL_QUEUE).in_flight == 0


def test_ten_messages_are_one_call(queues: SqsQueue, account: Account) -> None:
    queues.send_batch(GATHER_QUEUE, [str(n) for n in range(10)])
    queues.delete_batch(queues.receive(GATHER_QUEUE))
    counts = account.server.stats()["queues"][account.prefix + GATHER_QUEUE]
    assert {name: counts[name] for name in ("SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch")} == {
        "SendMessageBatch": 1,
        "ReceiveMessage": 1,
        "DeleteMessageBatch": 1,
    }


# --- errors -------------------------------------------------------------------------------------------


def operation_name(method: str) -> str:
    """``SendMessageBatch`` for ``send_message_batch``."""
    return "".join(word.capitalize() for word in method.split("_"))


def every_call(queues: SqsQueue) -> dict[str, Callable[[], object]]:
    """What uses each operation; the queues are prepared, or not."""
    message = ReceivedMessage(GATHER_QUEUE, "id", "receipt", "body", 1)
    return {
        "create_queue": queues.prepare,
        "get_queue_url": queues.prepare,
        "get_queue_attributes": lambda: queues.depth(GATHER_QUEUE),
        "send_message_batch": lambda: queues.send_batch(GATHER_QUEUE, ["a"]),
        "receive_message": lambda: queues.receive(GATHER_QUEUE),
        "delete_message_batch": lambda: queues.delete_batch([message]),
        "change_message_visibility": lambda: queues.change_visibility(message, seconds=1),
    }


def raised(account: Account, method: str, code: str) -> AdologyError:
    """What the adapter raises where this call ends with this error of SQS."""
    if method not in ("create_queue", "get_queue_url"):
        account.open().prepare()
    account.server.inject(errors={operation_name(method): code})
    with pytest.raises(AdologyError) as caught:
        every_call(account.open())[method]()
    return caught.value


@pytest.mark.parametrize("method", PERMISSIONS)
def test_a_call_that_is_not_allowed_names_its_permission(account: Account, method: str) -> None:
    error = raised(account, method, "AccessDeniedException")
    assert isinstance(error, NotAllowedError)
    assert PERMISSIONS[method] in str(error)


def test_every_call_has_its_permission(queues: SqsQueue) -> None:
    assert set(PERMISSIONS) == set(every_call(queues))


@pytest.mark.parametrize(
    ("method", "code", "kind"),
    [
        ("send_message_batch", "RequestThrottled", ThrottledError),
        ("receive_message", "OverLimit", ThrottledError),
        ("send_message_batch", "KmsThrottled", ThrottledError),
        ("send_message_batch", "ServiceUnavailable", UnavailableError),
        ("send_message_batch", "InternalFailure", UnavailableError),
        ("create_queue", "QueueDeletedRecently", UnavailableError),
        ("receive_message", "ExpiredToken", UnavailableError),
        ("receive_message", "InvalidClientTokenId", NotAllowedError),
        ("receive_message", "SignatureDoesNotMatch", NotAllowedError),
        ("send_message_batch", "KmsAccessDenied", NotAllowedError),
        ("receive_message", "QueueDoesNotExist", NotFoundError),
        ("change_message_visibility", "MessageNotInflight", StaleError),
        ("change_message_visibility", "ReceiptHandleIsInvalid", StaleError),
        ("change_message_visibility", "InvalidParameterValue", StaleError),  # of a deleted message
        ("send_message_batch", "InvalidMessageContents", BadInputError),
        ("create_queue", "QueueNameExists", BadInputError),
        ("send_message_batch", "InvalidParameterValue", UnavailableError),  # the bodies were checked before
        ("send_message_batch", "KmsDisabled", UnavailableError),
        ("receive_message", "SomethingNew", UnavailableError),
    ],
)
def test_errors_are_translated(account: Account, method: str, code: str, kind: type[AdologyError]) -> None:
    error = raised(account, method, code)
    assert type(error) is kind
    assert error.__cause__ is not None


def test_a_throttle_says_when_to_come_again(queues: SqsQueue, server: SqsServer) -> None:
    server.inject(throttle_every_call=1)
    with pytest.raises(ThrottledError) as caught:
        queues.receive(GATHER_QUEUE)
    assert caught.value.retry_after_seconds > 0


def test_one_throttle_is_sat_out(queues: SqsQueue, server: SqsServer) -> None:
    server.inject(throttle_every_call=2)
    for body in ("a", "b"):
        queues.send_batch(GATHER_QUEUE, [body])
    server.inject()
    assert sorted(drain(queues, GATHER_QUEUE)) == ["a", "b"]


def test_what_was_sent_and_never_answered_may_be_there_twice_but_not_never(queues: SqsQueue, server: SqsServer) -> None:
    server.inject(lose_every_response=1, operations=["SendMessageBatch"])
    with pytest.raises(RetryableError, match="may be done"):
        queues.send_batch(GATHER_QUEUE, ["a", "b"])
    assert set(drain(queues, GATHER_QUEUE)) == {"a", "b"}


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    queues = SqsQueue(
        SqsAddress("eu-west-1", "", f"http://127.0.0.1:{port}"), visibility_seconds=60, handler_timeout_seconds=1
    )
    with pytest.raises(UnavailableError, match="can't be reached"):
        queues.prepare()


def test_without_credentials_it_says_where_to_put_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "AWS_CONFIG_FILE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    queues = SqsQueue(SqsAddress("eu-west-1"), visibility_seconds=60, handler_timeout_seconds=1)
    with pytest.raises(NotAllowedError, match="AWS_ACCESS_KEY_ID"):
        queues.prepare()
