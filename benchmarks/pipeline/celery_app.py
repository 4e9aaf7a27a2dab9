"""The popular way: a brand as a Celery chord over SQS, results in Redis, the commit as its body.

Runs in the peers' environment (``requirements-peers.txt``), in workers that ``celery_peer`` starts. The work is ours:
the same guarded download, object store, decoding and descriptor; the record goes to tables of its own in the same
PostgreSQL. Everything is told by environment variables ``PEER_…``.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

import psycopg2
from celery import Celery, chord
from celery.signals import worker_ready
from psycopg2.extras import execute_values

from core.adapters.folder_objects import FolderObjectStore
from core.adapters.guarded_fetch import GuardedMediaFetcher
from core.adapters.image_decoder import probe_and_describe
from core.errors import MediaProblemError, RetryableError

BRANDS, URLS = "peer-brands", "peer-urls"
FETCH_SECONDS, MAX_BYTES = 30.0, 200_000_000
_ENDPOINT = os.environ["PEER_SQS"]
_VISIBILITY_SECONDS = int(os.environ["PEER_VISIBILITY_SECONDS"])
_ATTEMPTS = 3

app = Celery("peer", broker=_ENDPOINT.replace("http://", "sqs://key:secret@"), backend=os.environ["PEER_REDIS"])
app.conf.update(
    broker_transport_options={
        "region": "us-east-1",
        "is_secure": False,
        "visibility_timeout": _VISIBILITY_SECONDS,
        "wait_time_seconds": 20,  # the longest poll: fewest empty receives
        "polling_interval": float(os.environ.get("PEER_POLLING_SECONDS", "0.1")),
        "predefined_queues": {
            name: {"url": f"{_ENDPOINT}/000000000000/{name}", "access_key_id": "key", "secret_access_key": "secret"}
            for name in (BRANDS, URLS)
        },
    },
    task_routes={"gather": {"queue": BRANDS}, "commit": {"queue": BRANDS}, "acquire": {"queue": URLS}},
    task_acks_late=os.environ["PEER_ACKS"] == "late",
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=int(os.environ["PEER_PREFETCH"]),
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
)


@worker_ready.connect
def _tell(**_: object) -> None:
    print("worker is ready", flush=True)  # its own word for it comes with a log line per task


@app.task(name="gather")
def gather(brand: str, urls: list[str]) -> None:
    """Open the brand: a task per URL, and the commit when all have succeeded."""
    chord([acquire.s(url) for url in urls])(commit.s(brand))


@app.task(name="acquire", autoretry_for=(RetryableError,), max_retries=_ATTEMPTS, retry_backoff=True)
def acquire(url: str) -> dict[str, Any]:
    """Download, store, decode, describe."""
    try:
        return _acquire(url)
    except MediaProblemError as problem:
        if os.environ.get("PEER_FAILURES") == "returned":
            return {"url": url, "problem": str(problem)}
        raise


def _acquire(url: str) -> dict[str, Any]:
    with _fetcher().open(url).stream as stream:
        stored = _objects().put(stream, max_bytes=MAX_BYTES)
    with _objects().open(stored.sha256) as stream:
        measured = probe_and_describe(stream)
    assert measured.visual is not None
    return {
        "url": url,
        "sha256": stored.sha256,
        "size_bytes": stored.size_bytes,
        "width": measured.width,
        "height": measured.height,
        "content_type": measured.content_type,
        "embedding": base64.b64encode(measured.visual.astype("<f4").tobytes()).decode(),
    }


@app.task(name="commit")
def commit(results: list[dict[str, Any]], brand: str) -> None:
    """Write the whole brand in one transaction; a second time changes nothing."""
    found = [result for result in results if "sha256" in result]
    ads = [(brand, result["url"], result.get("sha256"), result.get("problem")) for result in results]
    creatives = [
        (r["sha256"], r["size_bytes"], r["width"], r["height"], r["content_type"], base64.b64decode(r["embedding"]))
        for r in found
    ]
    with _connection() as connection, connection.cursor() as cursor:
        execute_values(cursor, "INSERT INTO peer_creative VALUES %s ON CONFLICT DO NOTHING", creatives, page_size=1000)
        execute_values(cursor, "INSERT INTO peer_ad VALUES %s ON CONFLICT DO NOTHING", ads, page_size=1000)
        cursor.execute("INSERT INTO peer_commit VALUES (%s, now()) ON CONFLICT DO NOTHING", (brand,))


@cache
def _fetcher() -> GuardedMediaFetcher:
    return GuardedMediaFetcher(
        allow_hosts=frozenset({os.environ["PEER_ALLOW_HOST"]}),
        max_bytes=MAX_BYTES,
        connect_timeout_seconds=10.0,
        read_timeout_seconds=15.0,
        total_timeout_seconds=FETCH_SECONDS,
    )


@cache
def _objects() -> FolderObjectStore:
    return FolderObjectStore(Path(os.environ["PEER_OBJECTS"]), link_key=b"unused", base_url="http://127.0.0.1")


_local = threading.local()


def _connection() -> psycopg2.extensions.connection:
    """One connection a thread; as a context manager it is one transaction."""
    if getattr(_local, "connection", None) is None:
        _local.connection = psycopg2.connect(os.environ["PEER_DATABASE"])
    return _local.connection


if __name__ == "__main__":  # how the benchmark asks: one JSON object a line
    for line in sys.stdin:
        gather.delay(**json.loads(line))
