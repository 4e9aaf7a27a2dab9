"""A canary secret is sent through everything that writes, and must come out nowhere."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from core.errors import RetryableError
from core.observability import metrics, redaction
from core.observability.errors_sink import ErrorsSink
from core.observability.external_calls import external_call
from core.observability.logs import bound_context, configure_logging, get_logger
from core.observability.redaction import redact, register_secret
from core.ports import Notice

CANARY = 'Kanarie/+7 "quoted"'
UNKNOWN = "kanarieNobodyRegistered7"


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redaction, "_registered", set())
    monkeypatch.setattr(redaction, "_registered_pattern", None)
    register_secret(CANARY)
    return


class Rows:
    """A notifier like the one that writes rows."""

    def __init__(self) -> None:
        self.rows: list[str] = []

    def notify(self, notice: Notice) -> None:
        self.rows.append(repr(notice))


def sing() -> None:
    """Leak the secret in every way the code could."""
    log, foreign = get_logger("core.sources.meta"), logging.getLogger("sqlalchemy.engine")
    url = f"https://graph.example.com/ads?access_token={UNKNOWN}&note={quote(CANARY)}"
    with bound_context(user=f"Bearer {UNKNOWN}", source=CANARY):
        log.error(f"asked {url}", canary=CANARY, headers={"Authorization": UNKNOWN}, url=url, key_of={CANARY: 1})
        log.error("asked %s", CANARY)
        foreign.error("connect %s", f"postgresql://adology:{UNKNOWN}@db/adology")
        foreign.error(CANARY, extra={"password": UNKNOWN})
        try:
            with external_call("meta", "ads_archive", target=url) as call:
                call.status = CANARY
                try:
                    raise ConnectionError(f"GET {url} failed for {CANARY}")
                except ConnectionError as error:
                    error.add_note(f"sent token={UNKNOWN} and {CANARY}")
                    raise RetryableError(f"asking {url} failed: {CANARY}") from error
        except RetryableError as error:
            log.exception("scan failed", error=error, stack_info=True)
            foreign.critical("scan failed", exc_info=True)
            log.critical("stored", text=redact(str(error)))
        metrics.item_ended(f"token={UNKNOWN}")


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "console"])
def test_the_canary_appears_in_no_log_no_metric_and_no_notice(as_json: bool) -> None:
    stream, rows = io.StringIO(), Rows()
    configure_logging(level="DEBUG", json=as_json, stream=stream)
    with ErrorsSink(rows):
        sing()
    written = stream.getvalue()
    if as_json:
        assert len(written.splitlines()) >= 8
        assert all("lost" not in json.loads(line)["event"] for line in written.splitlines())
    assert len(rows.rows) == 7
    exposed = written + "".join(rows.rows) + metrics.render_metrics()[0].decode()
    assert "kanarie" not in exposed.lower()
