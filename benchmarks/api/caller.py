"""The process that calls: ``python -m benchmarks.api.caller`` reads a job a line and answers with durations.

A job is ``{"kind": "http", "port", "request", "connections", "seconds"}`` or ``{"kind": "sql", "server", "scope",
"statements", …}``. Every connection asks again as soon as it has its answer (a closed loop), until the time is over;
what takes longer than that is asked once.
The answer is ``{"ms": [...], "seconds": …}``, or ``{"fault": …}`` when an answer wasn't the one expected.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg2

_CHUNK = 1 << 20
Ask = Callable[[], None]


def main() -> None:
    """Until the input ends."""
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    connect = _http if job["kind"] == "http" else _sql
    durations: list[float] = []
    faults: list[str] = []
    asking = [connect(job) for _ in range(job["connections"])]
    slowest = max(_timed(ask) for ask in asking)  # warm
    if slowest > job["seconds"]:
        return {"ms": [slowest * 1000], "seconds": slowest}
    began = time.perf_counter()

    def loop(ask: Ask) -> None:
        try:
            while (start := time.perf_counter()) - began < job["seconds"]:
                ask()
                durations.append((time.perf_counter() - start) * 1000)
        except Exception as error:
            faults.append(repr(error))

    threads = [threading.Thread(target=loop, args=(ask,)) for ask in asking]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    return {"fault": faults[0]} if faults else {"ms": durations, "seconds": seconds}


def _timed(ask: Ask) -> float:
    start = time.perf_counter()
    ask()
    return time.perf_counter() - start


def _http(job: dict[str, Any]) -> Ask:
    """A connection that stays open, and a client that does next to nothing."""
    connection = socket.create_connection(("127.0.0.1", job["port"]))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = job["request"].encode()

    def ask() -> None:
        connection.sendall(request)
        answer = connection.recv(_CHUNK)
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += connection.recv(_CHUNK)
        head = answer[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            raise AssertionError(answer[:400])
        left = int(head.split(b"content-length: ")[1].split(b"\r\n")[0]) - (len(answer) - end - 4)
        while left > 0:
            left -= len(connection.recv(_CHUNK))

    return ask


def _sql(job: dict[str, Any]) -> Ask:
    """The statements of the answer in one transaction, every row fetched."""
    connection = psycopg2.connect(**job["server"], options="-c default_transaction_read_only=on")

    def ask() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.scope', %s, true)", (job["scope"],))
            for statement in job["statements"]:
                cursor.execute(statement)
                if cursor.description is not None:
                    cursor.fetchall()
        connection.commit()

    return ask


if __name__ == "__main__":
    main()
