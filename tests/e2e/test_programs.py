"""What client programs do, against the running system: the JavaScript client in a real browser, the README's walk."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from simple_websocket import Client as WebSocket

from tests.e2e.chromium import sign_in
from tests.e2e.conftest import ROOT, wait_for
from tests.running_up import RunningUp

BRAND = "kestrun"
PATIENCE_SECONDS = 60
CLIENT = ROOT / "clients/javascript/adology.js"
ABOUT_THE_API = (ROOT / "README.md").read_text(encoding="utf-8").partition("**5. ")[2].partition("**6. ")[0]
LISTEN = """async ([url, key, brand]) => {
    const { Adology } = await import("./adology.js");
    window.adology = new Adology(url ? { url, key } : {});
    window.heard = [];
    window.until = (isTrue) => new Promise((done, fail) => {
        setTimeout(() => fail(new Error(`it never came true: ${JSON.stringify(heard.at(-1))}`)), 90_000);
        const look = () => (isTrue() ? done() : setTimeout(look, 50));
        look();
    });
    const { request_id } = await adology.post("/ingest", { brand });
    window.subscription = adology.subscribe([request_id], (event) => heard.push(event), { after: 0 });
    return request_id;
}"""
COMPLETED = "until(() => heard.at(-1)?.status === 'completed')"
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


class ApiProcess:
    """Another process of the API over the same stores, which can be killed while the others go on."""

    def __init__(self, running: RunningUp, allowed_origin: str) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        self._environment = running.environment | {"ADOLOGY_API_PORT": port, "ADOLOGY_ALLOWED_ORIGINS": allowed_origin}
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "daemon", "--roles", "api"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment, start_new_session=True)
        wait_for(f"{self.url}/healthz", self._process)

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture(scope="module")
def other_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that is served at another origin, the client in it; its address stands in ``origin``."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(CLIENT, folder)
    (folder / "index.html").write_text("<!doctype html><title>A page of somebody else</title>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        (folder / "origin").write_text(f"http://127.0.0.1:{server.server_port}")
        yield folder
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def api(running: RunningUp, other_site: Path) -> Iterator[ApiProcess]:
    process = ApiProcess(running, (other_site / "origin").read_text())
    yield process
    process.kill()


@pytest.fixture(scope="module")
def key(running: RunningUp) -> str:
    said = running.command("keys", "create", "a program", "--scope", "read", "--scope", "write")
    return re.findall(r"adk_\S+", said)[0].rstrip("'")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE_SECONDS)
    yield page
    context.close()


def stored_events(api: ApiProcess, key: str, request_id: str) -> list[Any]:
    """Every event of the request, as a program that wasn't there hears them."""
    client = WebSocket(f"{api.url.replace('http', 'ws')}/ws", headers={"Authorization": f"Bearer {key}"})
    client.send(json.dumps({"subscribe": [request_id], "after": 0}))
    frames = []
    while "subscribed" not in (frame := json.loads(client.receive(timeout=PATIENCE_SECONDS) or "null")):
        frames.append(frame)
    client.close()
    return frames


def test_a_page_hears_a_whole_ingest_though_its_connection_is_killed(
    page: Page, running: RunningUp, api: ApiProcess, key: str
) -> None:
    """On our own origin, by the cookie of a session; the pipeline goes on while the process of the socket is away."""
    sign_in(page, running.sign_in_link())
    page.route(f"{api.url}/adology.js", lambda route: route.fulfill(path=CLIENT, content_type="text/javascript"))
    page.goto(f"{api.url}/docs")
    request_id = page.evaluate(LISTEN, [None, None, BRAND])
    page.evaluate("until(() => heard.length > 0)")

    api.kill()
    api.start()
    page.evaluate(COMPLETED)

    heard = page.evaluate("heard")
    assert heard == stored_events(api, key, request_id)
    assert [event["event_id"] for event in heard] == sorted({event["event_id"] for event in heard})
    assert heard[0]["status"] == "queued"
    assert heard[-1]["result"]["rows"] > 0


def test_a_page_of_another_site_uses_a_key(page: Page, api: ApiProcess, key: str, other_site: Path) -> None:
    page.goto((other_site / "origin").read_text())
    request_id = page.evaluate(LISTEN, [api.url, key, BRAND])
    page.evaluate(COMPLETED)
    assert page.evaluate("heard") == stored_events(api, key, request_id)
    page.evaluate("adology.close()")


def test_a_page_is_told_that_its_key_does_not_count(page: Page, api: ApiProcess, other_site: Path) -> None:
    page.goto((other_site / "origin").read_text())
    refused = page.evaluate(
        """async (url) => {
            const { Adology } = await import("./adology.js");
            const adology = new Adology({ url, key: "adk_wrong" });
            const called = await adology.get("/brandspaces").catch((error) => error.status);
            const heard = new Promise((done) => adology.subscribe("all", done, { onError: (e) => done(e.status) }));
            return [called, await heard];
        }""",
        api.url,
    )
    assert refused == [401, 401]


def test_the_readmes_commands_run(running: RunningUp, api: ApiProcess) -> None:
    running.command("ingest", BRAND, "--wait")
    script = "\n".join(["set -euo pipefail", *blocks("console")]).replace("http://127.0.0.1:8080", api.url)
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=running.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'"brand":"{BRAND}"' in done.stdout
    assert re.search(r"^completed\nrows \d+ = stored \d+ \+ rejected 0\nads \d+: new 0", done.stdout, re.MULTILINE)


def test_the_readmes_page_runs(page: Page, api: ApiProcess, key: str, other_site: Path) -> None:
    (script,) = blocks("js")
    script = script.replace("http://127.0.0.1:8080", api.url).replace("adk_…", key)
    (other_site / "walk.html").write_text(f'<script type="module">{script}</script>')
    with page.expect_console_message(lambda said: said.text.startswith("completed"), timeout=1000 * PATIENCE_SECONDS):
        page.goto((other_site / "origin").read_text() + "/walk.html")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", ABOUT_THE_API, re.MULTILINE | re.DOTALL)
