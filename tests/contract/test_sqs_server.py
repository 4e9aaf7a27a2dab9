"""Our SQS server does what SQS does. moto, somebody else's reading of the same documents, passes the same suite.

Where moto is laxer than SQS, the test runs over ours alone and a comment says why.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.sqs_clients import (
    attributes,
    entries,
    give_back,
    moto_server,
    new_queue,
    new_queue_with_dead_letters,
    receive,
    refusal,
    send,
    sqs_client,
)
from tests.fakes.sqs_server import SqsServer

MEBIBYTE = 1_048_576
ours_alone = pytest.mark.parametrize("sqs", ["ours"], indirect=True)


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with SqsServer() as ours, moto_server() as moto:
        yield {"ours": ours.url, "moto": moto}


@pytest.fixture(params=["ours", "moto"])
def sqs(request: pytest.FixtureRequest, urls: dict[str, str]) -> Iterator[Any]:
    client = sqs_client(urls[request.param])
    yield client
    client.close()


@pytest.fixture
def queue(sqs: Any) -> str:
    """The URL of a fresh queue."""
    return new_queue(sqs)


# --- queues -------------------------------------------------------------------------------------------


def test_a_queue_is_found_by_its_name(sqs: Any) -> None:
    name = f"name-{uuid.uuid4()}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert sqs.list_queues(QueueNamePrefix=name[:-1])["QueueUrls"] == [url]
    assert attributes(sqs, url)["QueueArn"].endswith(f":{name}")


def test_a_queue_without_attributes_has_the_defaults(sqs: Any, queue: str) -> None:
    found = attributes(sqs, queue)
    expected = {
        "VisibilityTimeout": "30",
        "MessageRetentionPeriod": "345600",
        "MaximumMessageSize": str(MEBIBYTE),
        "DelaySeconds": "0",
        "ApproximateNumberOfMessages": "0",
    }
    assert {key: found[key] for key in expected} == expected


def test_the_same_queue_again_is_the_same_queue(sqs: Any) -> None:
    name = f"name-{uuid.uuid4()}"
    urls = {sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "60"})["QueueUrl"] for _ in range(2)}
    assert len(urls) == 1


def test_the_same_name_with_other_attributes_is_refused(sqs: Any) -> None:
    name = f"name-{uuid.uuid4()}"
    sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "60"})
    again = lambda: sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "61"})  # noqa: E731
    assert refusal(again) == "QueueAlreadyExists"


def test_attributes_can_be_changed(sqs: Any, queue: str) -> None:
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "77"})
    assert attributes(sqs, queue)["VisibilityTimeout"] == "77"


def test_a_missing_queue_is_refused_by_every_call(sqs: Any, queue: str) -> None:
    missing = queue + "-missing"
    calls = (
        lambda: sqs.get_queue_url(QueueName="missing"),
        lambda: sqs.send_message(QueueUrl=missing, MessageBody="a"),
        lambda: sqs.receive_message(QueueUrl=missing),
        lambda: sqs.get_queue_attributes(QueueUrl=missing, AttributeNames=["All"]),
    )
    assert {refusal(call) for call in calls} == {"NonExistentQueue"}


def test_a_deleted_queue_is_gone_and_a_purged_one_empty(sqs: Any, queue: str) -> None:
    send(sqs, queue, "a", "b")
    receive(sqs, queue, 1)
    sqs.purge_queue(QueueUrl=queue)
    assert attributes(sqs, queue)["ApproximateNumberOfMessages"] == "0"
    sqs.delete_queue(QueueUrl=queue)
    assert refusal(lambda: receive(sqs, queue)) == "NonExistentQueue"


@ours_alone  # moto stores whatever it is given
@pytest.mark.parametrize(
    ("name", "value"),
    [("VisibilityTimeout", "43201"), ("DelaySeconds", "901"), ("MessageRetentionPeriod", "59"), ("DelaySeconds", "x")],
)
def test_an_attribute_out_of_range_is_refused(sqs: Any, name: str, value: str) -> None:
    assert refusal(lambda: new_queue(sqs, **{name: value})) == "InvalidAttributeValue"


# --- messages -----------------------------------------------------------------------------------------


def test_a_message_comes_as_it_was_sent(sqs: Any, queue: str) -> None:
    body = "광고 テスト 😀\t\r\n\\N"
    sent = sqs.send_message(QueueUrl=queue, MessageBody=body)
    [message] = receive(sqs, queue)
    assert (message["Body"], message["MessageId"]) == (body, sent["MessageId"])
    digest = hashlib.md5(body.encode()).hexdigest()
    assert {sent["MD5OfMessageBody"], message["MD5OfBody"]} == {digest}


def test_a_message_tells_when_it_was_sent_and_how_often_it_came(sqs: Any, queue: str) -> None:
    before = int(time.time() * 1000)
    send(sqs, queue, "a")
    [first] = receive(sqs, queue)
    give_back(sqs, queue, first)
    [second] = receive(sqs, queue)
    told = [message["Attributes"] for message in (first, second)]
    assert [each["ApproximateReceiveCount"] for each in told] == ["1", "2"]
    assert before <= int(told[0]["SentTimestamp"]) <= int(told[0]["ApproximateFirstReceiveTimestamp"])
    assert told[0]["ApproximateFirstReceiveTimestamp"] == told[1]["ApproximateFirstReceiveTimestamp"]
    assert first["ReceiptHandle"] != second["ReceiptHandle"]


def test_attributes_come_only_when_asked_for(sqs: Any, queue: str) -> None:
    send(sqs, queue, "a", "b")
    assert "Attributes" not in sqs.receive_message(QueueUrl=queue)["Messages"][0]
    [message] = receive(sqs, queue, 1, MessageSystemAttributeNames=["ApproximateReceiveCount"])
    assert message["Attributes"] == {"ApproximateReceiveCount": "1"}


def test_a_batch_is_ten_messages(sqs: Any, queue: str) -> None:
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries(*"abcdefghij"))
    assert [entry["Id"] for entry in answer["Successful"]] == [str(n) for n in range(10)]
    assert answer.get("Failed", []) == []
    received = receive(sqs, queue)
    assert sorted(message["Body"] for message in received) == list("abcdefghij")
    handles = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(received)]
    assert len(sqs.delete_message_batch(QueueUrl=queue, Entries=handles)["Successful"]) == 10
    assert attributes(sqs, queue)["ApproximateNumberOfMessagesNotVisible"] == "0"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], "EmptyBatchRequest"),
        (entries(*"abcdefghijk"), "TooManyEntriesInBatchRequest"),
        ([{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "y"}], "BatchEntryIdsNotDistinct"),
        ([{"Id": "a.b", "MessageBody": "x"}], "InvalidBatchEntryId"),
        (entries("x" * (MEBIBYTE // 2), "x" * (MEBIBYTE // 2 + 1)), "BatchRequestTooLong"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_batch_is_refused_whole(sqs: Any, queue: str, given: list[dict[str, str]], code: str) -> None:
    assert refusal(lambda: sqs.send_message_batch(QueueUrl=queue, Entries=given)) == code
    assert receive(sqs, queue) == []


def test_a_body_may_have_a_mebibyte(sqs: Any, queue: str) -> None:
    send(sqs, queue, "x" * MEBIBYTE)
    assert [len(message["Body"]) for message in receive(sqs, queue)] == [MEBIBYTE]
    assert refusal(lambda: send(sqs, queue, "x" * (MEBIBYTE + 1))) == "InvalidParameterValue"


@ours_alone  # moto lets control characters through
def test_text_that_xml_cannot_hold_is_refused(sqs: Any, queue: str) -> None:
    assert refusal(lambda: send(sqs, queue, "a\0b")) == "InvalidMessageContents"
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries("fine", "a\0b"))
    assert [entry["Id"] for entry in answer["Successful"]] == ["0"]
    assert [(e["Id"], e["Code"], e["SenderFault"]) for e in answer["Failed"]] == [("1", "InvalidMessageContents", True)]


def test_a_delayed_message_comes_when_its_time_has_come(sqs: Any, queue: str) -> None:
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=1)
    assert receive(sqs, queue) == []
    assert attributes(sqs, queue)["ApproximateNumberOfMessagesDelayed"] == "1"
    assert [message["Body"] for message in receive(sqs, queue, WaitTimeSeconds=5)] == ["later"]


# --- long polling -------------------------------------------------------------------------------------


def test_a_long_poll_ends_when_a_message_comes(sqs: Any, queue: str) -> None:
    sender = threading.Timer(0.2, send, [sqs, queue, "late"])
    sender.start()
    before = time.monotonic()
    assert [message["Body"] for message in receive(sqs, queue, WaitTimeSeconds=20)] == ["late"]
    assert time.monotonic() - before < 15
    sender.join()


def test_a_queue_may_wait_by_itself(sqs: Any) -> None:
    url = new_queue(sqs, ReceiveMessageWaitTimeSeconds="1")
    before = time.monotonic()
    assert receive(sqs, url) == []
    assert time.monotonic() - before >= 0.9


@ours_alone  # moto hands it to whoever asked, even if nobody is there any more
def test_a_message_is_not_given_to_who_hung_up(sqs: Any, queue: str, urls: dict[str, str]) -> None:
    impatient = sqs_client(urls["ours"], read_timeout_seconds=0.3)
    with pytest.raises(Exception, match="timeout"):
        receive(impatient, queue, WaitTimeSeconds=20)
    impatient.close()
    send(sqs, queue, "a")
    [message] = receive(sqs, queue, WaitTimeSeconds=5)
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


@pytest.mark.parametrize("option", [{"MaxNumberOfMessages": 11}, {"WaitTimeSeconds": 21}, {"MaxNumberOfMessages": 0}])
def test_a_receive_out_of_range_is_refused(sqs: Any, queue: str, option: dict[str, int]) -> None:
    assert refusal(lambda: sqs.receive_message(QueueUrl=queue, **option)) in {
        "InvalidParameterValue",
        "ReadCountOutOfRange",
    }


# --- visibility ---------------------------------------------------------------------------------------


def test_a_received_message_is_hidden_until_its_visibility_lapses(sqs: Any, queue: str) -> None:
    send(sqs, queue, "a")
    [first] = receive(sqs, queue, VisibilityTimeout=1)
    assert receive(sqs, queue) == []
    assert attributes(sqs, queue)["ApproximateNumberOfMessagesNotVisible"] == "1"
    [second] = receive(sqs, queue, WaitTimeSeconds=5)
    assert second["MessageId"] == first["MessageId"]


def test_visibility_counts_from_the_call(sqs: Any, queue: str) -> None:
    send(sqs, queue, "a")
    [message] = receive(sqs, queue, VisibilityTimeout=1)
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=60)
    assert receive(sqs, queue, WaitTimeSeconds=2) == []


def test_a_message_given_back_wakes_a_long_poll(sqs: Any, queue: str) -> None:
    send(sqs, queue, "a")
    [message] = receive(sqs, queue)
    giver = threading.Timer(0.2, give_back, [sqs, queue, message])
    giver.start()
    before = time.monotonic()
    assert [m["Body"] for m in receive(sqs, queue, WaitTimeSeconds=20)] == ["a"]
    assert time.monotonic() - before < 15
    giver.join()


@pytest.mark.parametrize("seconds", [43_201])
def test_a_visibility_beyond_twelve_hours_is_refused(sqs: Any, queue: str, seconds: int) -> None:
    send(sqs, queue, "a")
    [message] = receive(sqs, queue)
    change = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": seconds}
    assert refusal(lambda: sqs.change_message_visibility(**change)) == "InvalidParameterValue"


def test_what_is_no_receipt_is_refused(sqs: Any, queue: str) -> None:
    change = {"QueueUrl": queue, "ReceiptHandle": "no receipt", "VisibilityTimeout": 1}
    assert refusal(lambda: sqs.change_message_visibility(**change)) == "ReceiptHandleIsInvalid"
    assert refusal(lambda: sqs.delete_message(QueueUrl=queue, ReceiptHandle="no")) == "ReceiptHandleIsInvalid"


@ours_alone  # moto honours every receipt a message ever had
def test_only_the_newest_receipt_counts(sqs: Any, queue: str) -> None:
    send(sqs, queue, "a")
    [old] = receive(sqs, queue)
    give_back(sqs, queue, old)
    assert refusal(lambda: give_back(sqs, queue, old)) == "MessageNotInflight"
    [new] = receive(sqs, queue)
    assert refusal(lambda: give_back(sqs, queue, old)) == "MessageNotInflight"
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=old["ReceiptHandle"])
    give_back(sqs, queue, new)
    assert [message["Body"] for message in receive(sqs, queue)] == ["a"]


def test_a_deleted_message_is_deleted_again_but_not_extended(sqs: Any, queue: str) -> None:
    send(sqs, queue, "a")
    [message] = receive(sqs, queue)
    for _ in range(2):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert refusal(lambda: give_back(sqs, queue, message)) in {"InvalidParameterValue", "ReceiptHandleIsInvalid"}


def test_a_batch_of_visibilities_tells_which_failed(sqs: Any, queue: str) -> None:
    send(sqs, queue, "a")
    [message] = receive(sqs, queue)
    given = [
        {"Id": "0", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0},
        {"Id": "1", "ReceiptHandle": "no receipt", "VisibilityTimeout": 0},
    ]
    answer = sqs.change_message_visibility_batch(QueueUrl=queue, Entries=given)
    assert [entry["Id"] for entry in answer["Successful"]] == ["0"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("1", "ReceiptHandleIsInvalid")]
    assert len(receive(sqs, queue)) == 1


# --- dead letters -------------------------------------------------------------------------------------


def test_a_message_received_too_often_dies(sqs: Any) -> None:
    queue, dead = new_queue_with_dead_letters(sqs, 2)
    send(sqs, queue, "poison")
    for _ in range(2):
        [message] = receive(sqs, queue)
        give_back(sqs, queue, message)
    assert receive(sqs, queue) == []
    [letter] = receive(sqs, dead)
    assert (letter["Body"], letter["MessageId"]) == ("poison", message["MessageId"])
    told = letter["Attributes"]
    assert told["SentTimestamp"] == message["Attributes"]["SentTimestamp"]  # its age is kept
    assert told["ApproximateReceiveCount"] == "3"  # and its count


@ours_alone  # moto doesn't tell
def test_a_dead_letter_tells_where_it_comes_from(sqs: Any) -> None:
    queue, dead = new_queue_with_dead_letters(sqs, 1)
    send(sqs, queue, "poison")
    give_back(sqs, queue, receive(sqs, queue)[0])
    assert receive(sqs, queue) == []
    [letter] = receive(sqs, dead)
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == attributes(sqs, queue)["QueueArn"]


def test_dead_letters_need_a_queue_that_exists(sqs: Any) -> None:
    policy = {"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:000000000000:missing", "maxReceiveCount": "2"}
    assert refusal(lambda: new_queue(sqs, RedrivePolicy=json.dumps(policy))) in {
        "InvalidParameterValue",
        "NonExistentQueue",
    }


@ours_alone  # moto doesn't know move tasks
def test_dead_letters_move_back_as_new_messages(sqs: Any) -> None:
    queue, dead = new_queue_with_dead_letters(sqs, 1)
    send(sqs, queue, "poison")
    [message] = receive(sqs, queue)
    give_back(sqs, queue, message)
    assert receive(sqs, queue) == []
    arn = attributes(sqs, dead)["QueueArn"]
    sqs.start_message_move_task(SourceArn=arn)
    [task] = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    [moved] = receive(sqs, queue)
    assert moved["Body"] == "poison"
    assert moved["MessageId"] != message["MessageId"]
    assert moved["Attributes"]["ApproximateReceiveCount"] == "1"


@ours_alone  # moto doesn't know move tasks
def test_only_dead_letters_can_be_moved(sqs: Any, queue: str) -> None:
    start = lambda: sqs.start_message_move_task(SourceArn=attributes(sqs, queue)["QueueArn"])  # noqa: E731
    assert refusal(start) == "InvalidParameterValue"
