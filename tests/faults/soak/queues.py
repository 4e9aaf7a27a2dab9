"""Where the messages lie: in PostgreSQL, or in an SQS of our own that is a process like the others."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

from tests.faults.soak.processes import PROJECT

_START_SECONDS = 30.0
_POLL_SECONDS = 0.02
_ALWAYS = {"duplicate_probability": 0.02, "redeliver_probability": 0.01, "fail_every_entry": 31}
_IN_TROUBLE = {
    "duplicate_probability": 0.2,
    "redeliver_probability": 0.1,
    "fail_every_entry": 7,
    "throttle_every_call": 11,
    "lose_every_response": 13,
    "max_delay_seconds": 0.2,
}


@dataclass
class FaultySqs:
    """An SQS that delivers some messages twice and fails parts of batches; in trouble it throttles and goes silent."""

    endpoint: str
    chance: random.Random

    def __post_init__(self) -> None:
        self._web = urllib3.PoolManager(retries=3, timeout=10)

    @property
    def queue_url(self) -> str:
        """As ``ADOLOGY_QUEUE_URL`` has it."""
        return f"sqs://eu-west-1/soak-?endpoint={self.endpoint}"

    def trouble(self, is_on: bool) -> None:
        """Worse than always, or as always."""
        self._inject(_IN_TROUBLE if is_on else _ALWAYS)

    def calm(self) -> None:
        """No fault any more."""
        self._inject({})

    def _inject(self, faults: dict[str, float]) -> None:
        body = json.dumps({**faults, "seed": self.chance.randrange(2**31)})
        answer = self._web.request("POST", f"{self.endpoint}/_control", body=body)
        assert answer.status == 200, answer.data


@contextmanager
def faulty_sqs(folder: Path, seed: int) -> Iterator[FaultySqs]:
    """The server as a process of its own; it ends with the block."""
    port_file = folder / "sqs.port"
    port_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.fakes.sqs_server", "--port", "0", "--port-file", str(port_file)]
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not port_file.exists():
            assert process.poll() is None, f"the SQS server ended with {process.returncode}"
            assert time.monotonic() < deadline, "the SQS server didn't start"
            time.sleep(_POLL_SECONDS)
        sqs = FaultySqs(f"http://127.0.0.1:{port_file.read_text()}", random.Random(f"{seed} sqs"))
        sqs.trouble(False)
        yield sqs
    finally:
        process.terminate()
        process.wait()
