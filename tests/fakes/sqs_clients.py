"""Clients for the SQS of tests, and moto's SQS beside ours: slow, but a second opinion on what SQS does."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

REGION = "eu-west-1"
_CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


def sqs_client(url: str, *, read_timeout_seconds: float = 30) -> Any:
    """A boto3 client of SQS that never repeats a call by itself."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout_seconds)
    return boto3.client("sqs", endpoint_url=url, region_name=REGION, config=config, **_CREDENTIALS)


@contextmanager
def moto_server() -> Iterator[str]:
    """The URL of a moto server on loopback."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def new_queue(sqs: Any, **attributes: str) -> str:
    url: str = sqs.create_queue(QueueName=f"q-{uuid.uuid4()}", Attributes=attributes)["QueueUrl"]
    return url


def new_queue_with_dead_letters(sqs: Any, max_receive_count: int) -> tuple[str, str]:
    dead = new_queue(sqs)
    policy = {"deadLetterTargetArn": attributes(sqs, dead)["QueueArn"], "maxReceiveCount": str(max_receive_count)}
    return new_queue(sqs, RedrivePolicy=json.dumps(policy)), dead


def attributes(sqs: Any, url: str) -> dict[str, str]:
    found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def send(sqs: Any, url: str, *bodies: str) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)


def receive(sqs: Any, url: str, most: int = 10, **options: Any) -> list[dict[str, Any]]:
    """Messages now, with all their attributes."""
    asked = {"MaxNumberOfMessages": most, "MessageSystemAttributeNames": ["All"], **options}
    found: list[dict[str, Any]] = sqs.receive_message(QueueUrl=url, **asked).get("Messages", [])
    return found


def give_back(sqs: Any, url: str, message: dict[str, Any]) -> None:
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)


def entries(*bodies: str) -> list[dict[str, str]]:
    return [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]


def refusal(call: Callable[[], object]) -> str:
    """The last part of the error's code, ``NonExistentQueue`` for ``AWS.SimpleQueueService.NonExistentQueue``."""
    with pytest.raises(ClientError) as caught:
        call()
    code: str = caught.value.response["Error"]["Code"]
    return code.rpartition(".")[2]
