"""The SQS server that both sides talk to, and what it counted."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import urllib3

PROJECT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
_START_SECONDS = 20.0
_MESSAGES = ("sent", "received", "deleted")  # what the server counts beside the calls

Counts = Mapping[str, int]
"""API calls by operation, and the messages that were ``sent``, ``received`` and ``deleted`` by them."""


def calls(counts: Counts) -> int:
    """API calls of every kind: sends, receives (empty ones, too), deletes, changes of visibility, attributes."""
    return sum(count for name, count in counts.items() if name not in _MESSAGES)


def total(queues: Mapping[str, Counts]) -> dict[str, int]:
    """The counts of all queues together."""
    names = sorted({name for counts in queues.values() for name in counts})
    return {name: sum(counts.get(name, 0) for counts in queues.values()) for name in names}


@dataclass(frozen=True, slots=True)
class SqsServer:
    """``endpoint`` is its address, without a path."""

    endpoint: str

    @property
    def url(self) -> str:
        """As our settings take it."""
        return f"sqs://{REGION}?endpoint={self.endpoint}"

    def counts(self) -> dict[str, Counts]:
        """What every queue has seen since ``forget``."""
        queues: dict[str, Counts] = urllib3.request("GET", f"{self.endpoint}/_stats", retries=False).json()["queues"]
        return queues

    def forget(self) -> None:
        """Count from zero."""
        urllib3.request("DELETE", f"{self.endpoint}/_stats", retries=False)

    def create_queue(self, name: str, *, visibility_seconds: int) -> None:
        """Make a queue beforehand, as an operator would."""
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        client = boto3.client("sqs", region_name=REGION, endpoint_url=self.endpoint, **keys)
        client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": str(visibility_seconds)})


@contextmanager
def sqs_server(folder: Path) -> Iterator[SqsServer]:
    """A process of its own, empty, until the block ends."""
    port_file = folder / "sqs.port"
    port_file.unlink(missing_ok=True)
    options = ("--region", REGION, "--port", "0", "--port-file", str(port_file))
    with (folder / "sqs.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.sqs_server", *options],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield SqsServer(f"http://127.0.0.1:{_port(process, port_file)}")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: subprocess.Popen[bytes], port_file: Path) -> int:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if port_file.exists():
            return int(port_file.read_text())
        time.sleep(0.02)
    process.kill()
    raise SystemExit(f"the SQS server didn't start. {port_file.with_name('sqs.log').read_text()[-2000:]}")
