"""Collect a brand's ads over Adology's API, follow the work to its end, and print the ledger.

    pip install urllib3 simple-websocket
    ADOLOGY_KEY=adk_… python example.py kestrun

``./adology keys create NAME --scope read --scope write`` makes a key.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

import simple_websocket
import urllib3

OVER = {"completed", "failed", "cancelled"}
PING_SECONDS = 25  # a connection that doesn't answer is given up
PAUSE_SECONDS = 1
BAD_REQUEST = 400


class Api:
    """One organisation's view of an Adology system."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}
        self._pool = urllib3.PoolManager()

    def get(self, path: str) -> Any:
        """What is at a path below /api/v1."""
        return self._call("GET", path)

    def post(self, path: str, body: Any) -> Any:
        """Done once, however often it is sent: the key of the call says that it is the same one."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        retries = urllib3.Retry(4, allowed_methods=None, status_forcelist=[429, 502, 503, 504], backoff_factor=0.5)
        return self._call("POST", path, json=body, headers=headers, retries=retries)

    def follow(self, request_id: str) -> Iterator[dict[str, Any]]:
        """Each step of a request until the last. After a drop it resumes behind the event that was heard last."""
        subscription: dict[str, Any] = {"subscribe": [request_id]}
        while True:
            try:
                for frame in self._listen(subscription):
                    subscription["after"] = frame.get("event_id", subscription.get("after"))
                    if "error" in frame:
                        sys.exit(frame["error"]["message"])
                    if "status" in frame:
                        yield frame
                    if frame.get("status") in OVER:
                        return
            except (OSError, simple_websocket.ConnectionClosed):
                time.sleep(PAUSE_SECONDS)

    def _listen(self, subscription: dict[str, Any]) -> Iterator[Any]:
        address = self._url.replace("http", "ws", 1) + "/ws"
        socket = simple_websocket.Client(address, headers=self._headers, ping_interval=PING_SECONDS)
        try:
            socket.send(json.dumps(subscription))
            while True:
                yield json.loads(socket.receive())
        finally:
            if socket.connected:
                socket.close()

    def _call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> Any:
        address = f"{self._url}/api/v1{path}"
        answer = self._pool.request(method, address, headers={**self._headers, **(headers or {})}, **options)
        body = answer.json()
        if answer.status >= BAD_REQUEST:
            sys.exit(f"{answer.status} {body['error']['code']}: {body['error']['message']}")
        return body


def main() -> None:
    """Brandspaces, an ingest, its progress, its ledger."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("brand", nargs="?", default="kestrun")
    parser.add_argument("--url", default=os.environ.get("ADOLOGY_URL", "http://127.0.0.1:8080"))
    parser.add_argument("--key", default=os.environ.get("ADOLOGY_KEY"), help="others see arguments: set ADOLOGY_KEY")
    options = parser.parse_args()
    if not options.key:
        parser.error("a key is needed: set ADOLOGY_KEY")
    api = Api(options.url, options.key)
    for brandspace in api.get("/brandspaces"):
        print(f"brandspace {brandspace['name']}: {', '.join(brandspace['brands']) or 'every brand'}")
    asked = api.post("/ingest", {"brand": options.brand})
    for event in api.follow(asked["request_id"]):
        print(f"{event['status']}: {json.dumps(event['result'])}" if event["status"] not in OVER else event["status"])
    print_ledger(event["result"] or {})


def print_ledger(ledger: dict[str, Any]) -> None:
    """Every row is stored or rejected; the ads are counted apart from it."""
    counts = {"rows": 0, "rejected": 0, "ads": 0, "new": 0, "changed": 0, "seen_again": 0, **ledger}
    print("rows {} = stored {rows} + rejected {rejected}".format(counts["rows"] + counts["rejected"], **counts))
    print("ads {ads}: new {new}, changed {changed}, seen again {seen_again}".format_map(counts))


if __name__ == "__main__":
    main()
