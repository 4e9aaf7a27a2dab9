"""What goes wrong in our SQS server goes wrong as told, and its calls are counted."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.fakes.sqs_clients import (
    entries,
    new_queue,
    receive,
    refusal,
    send,
    sqs_client,
)
from tests.fakes.sqs_queues import SqsError
from tests.fakes.sqs_server import SqsServer


@pytest.fixture
def faulty() -> Iterator[tuple[SqsServer, Any, str]]:
    """A server of its own, a client and a queue."""
    with SqsServer() as server:
        client = sqs_client(server.url)
        yield server, client, new_queue(client)
        client.close()


def drain(sqs: Any, url: str) -> list[str]:
    """Receive and delete until nothing comes; the bodies."""
    bodies = []
    while messages := receive(sqs, url):
        handles = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=url, Entries=handles)
        bodies += [message["Body"] for message in messages]
    return bodies


@pytest.mark.parametrize("fault", ["duplicate_probability", "redeliver_probability"])
def test_duplicates_come_as_often_as_told_and_from_the_same_seed_the_same(
    faulty: tuple[SqsServer, Any, str], fault: str
) -> None:
    server, sqs, queue = faulty
    rounds = []
    for _ in range(2):
        server.inject(**{fault: 0.5}, seed=7)
        sqs.send_message_batch(QueueUrl=queue, Entries=entries(*"abcdefghij"))
        rounds.append(sorted(drain(sqs, queue)))
    assert rounds[0] == rounds[1]
    assert 10 < len(rounds[0]) < 20
    server.inject(**{fault: 1.0})
    send(sqs, queue, "a")
    assert drain(sqs, queue) == ["a", "a"]


def test_every_third_entry_of_a_batch_fails(faulty: tuple[SqsServer, Any, str]) -> None:
    server, sqs, queue = faulty
    server.inject(fail_every_entry=3, operations=["SendMessageBatch"])
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries(*"abcdef"))
    assert [(entry["Id"], entry["SenderFault"]) for entry in answer["Failed"]] == [("2", False), ("5", False)]
    assert sorted(drain(sqs, queue)) == ["a", "b", "d", "e"]


@pytest.mark.parametrize(("status", "code"), [(400, "RequestThrottled"), (503, "ServiceUnavailable")])
def test_every_second_call_is_throttled(faulty: tuple[SqsServer, Any, str], status: int, code: str) -> None:
    server, sqs, queue = faulty
    server.inject(throttle_every_call=2, throttle_status=status)
    receive(sqs, queue)
    assert refusal(lambda: receive(sqs, queue)) == code
    receive(sqs, queue)


def test_a_call_whose_response_is_lost_was_done(faulty: tuple[SqsServer, Any, str]) -> None:
    server, sqs, queue = faulty
    server.inject(lose_every_response=1)
    with pytest.raises(Exception, match="closed"):
        send(sqs, queue, "a")
    server.inject()
    assert drain(sqs, queue) == ["a"]


def test_a_fault_there_is_not_is_refused(faulty: tuple[SqsServer, Any, str]) -> None:
    with pytest.raises(SqsError, match="lightning"):
        faulty[0].inject(lightning=1)


def test_a_server_of_its_own_process_is_steered_over_http(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    command = [sys.executable, "-m", "tests.fakes.sqs_server", "--port-file", str(port_file)]
    with subprocess.Popen(command) as process:
        try:
            while not port_file.exists():
                assert process.poll() is None
                time.sleep(0.01)
            url = f"http://127.0.0.1:{port_file.read_text()}"
            sqs = sqs_client(url)
            queue = new_queue(sqs)
            assert request("POST", url + "/_control", b'{"errors": {"SendMessage": "AccessDeniedException"}}') == {}
            assert refusal(lambda: send(sqs, queue, "a")) == "AccessDenied"
            assert request("GET", url + "/_stats")["calls"] == {"CreateQueue": 1, "SendMessage": 1}
            assert request("DELETE", url + "/_stats") == {}
            assert request("GET", url + "/_stats") == {"calls": {}, "queues": {}}
            sqs.close()
        finally:
            process.terminate()
    assert process.returncode == 0


def request(method: str, url: str, body: bytes | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = urllib3.request(method, url, body=body).json()
    return answer
