"""One pipeline: whoever logs, the line has the same shape, the bound identifiers and a bounded size."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import structlog
from structlog.stdlib import ProcessorFormatter

from core.errors import BadInputError
from core.observability.logs import (
    bound_context,
    configure_logging,
    current_context,
    get_logger,
    in_current_context,
)
from tests.unit.observability.conftest import Written

LEVELS = ("debug", "info", "warning", "error", "critical")


@pytest.mark.parametrize("threshold", LEVELS)
def test_a_level_lets_itself_and_everything_graver_through(threshold: str, log_at: Callable[[str], Written]) -> None:
    written = log_at(threshold)
    for level in LEVELS:
        getattr(get_logger("core.pipeline"), level)("run committed")
    assert [event["level"] for event in written.events()] == list(LEVELS[LEVELS.index(threshold) :])


def test_an_unknown_level_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInputError, match="DEBUG, INFO, WARNING, ERROR, CRITICAL"):
        configure_logging(level="loud")


def test_a_line_says_when_in_utc_how_grave_where_and_what(written: Written) -> None:
    get_logger("core.pipeline.commit").info("run committed", items=12)
    event = written.last()
    assert datetime.fromisoformat(event.pop("timestamp")).utcoffset() == timedelta(0)
    assert event == {"level": "info", "event": "run committed", "logger": "core.pipeline.commit", "items": 12}


@pytest.mark.parametrize(
    "name", ["gunicorn.error", "sqlalchemy.pool", "alembic.runtime", "apscheduler.jobs", "streamlit.web"]
)
def test_foreign_records_take_the_same_door_once(name: str, log_at: Callable[[str], Written]) -> None:
    foreign, stray = logging.getLogger(name), io.StringIO()
    foreign.addHandler(logging.StreamHandler(stray))
    foreign.propagate = False
    written = log_at("INFO")
    with bound_context(brand="northwind"):
        foreign.warning("%s items left", 3)
    assert stray.getvalue() == ""
    (event,) = written.events()
    assert (event["event"], event["logger"], event["brand"]) == ("3 items left", name, "northwind")


@pytest.mark.parametrize(
    "name", ["botocore.endpoint", "urllib3.connectionpool", "sqlalchemy.engine.Engine", "openai._base_client"]
)
def test_libraries_that_log_payloads_stay_silent_below_warning(name: str, written: Written) -> None:
    logging.getLogger(name).debug("request body …")
    logging.getLogger(name).info("request body …")
    assert written.events() == []


def test_loggers_taken_from_structlog_itself_use_the_pipeline_too(written: Written) -> None:
    structlog.get_logger("core.adapters").info("server started")
    assert written.last()["logger"] == "core.adapters"


def test_a_warning_of_python_becomes_a_record(written: Written) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning("old thing", DeprecationWarning, "somewhere.py", 1)
    assert written.last()["logger"] == "py.warnings"


def test_configuring_twice_writes_each_line_once(log_at: Callable[[str], Written]) -> None:
    first, second = log_at("INFO"), log_at("INFO")
    get_logger("core").info("hello")
    assert (len(first.events()), len(second.events())) == (0, 1)


def test_a_terminal_gets_text_and_a_pipe_gets_json() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        configure_logging(level="INFO", stream=stream)
        get_logger("core").info("hello", brand="northwind")
    assert "hello" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    assert json.loads(pipe.getvalue())["brand"] == "northwind"


def test_an_exception_is_structured_with_its_cause_and_without_local_variables(written: Written) -> None:
    def fail() -> None:
        local_value = "only-in-a-local-variable"
        raise ValueError(f"bad row {len(local_value)}")

    try:
        try:
            fail()
        except ValueError as error:
            raise RuntimeError("import failed") from error
    except RuntimeError:
        get_logger("core").exception("import failed")
    stacks = written.last()["exception"]
    assert [(stack["exc_type"], stack["exc_value"]) for stack in stacks] == [
        ("RuntimeError", "import failed"),
        ("ValueError", "bad row 24"),
    ]
    assert "only-in-a-local-variable" not in written.getvalue()


def test_an_exception_on_a_terminal_is_a_plain_traceback() -> None:
    stream = io.StringIO()
    configure_logging(level="INFO", json=False, stream=stream)
    try:
        raise ValueError("bad row")
    except ValueError:
        get_logger("core").exception("import failed")
    assert "Traceback (most recent call last)" in stream.getvalue()
    assert "ValueError: bad row" in stream.getvalue()


def test_endless_values_are_cut_and_say_so(written: Written) -> None:
    endless_recursion = RecursionError("x" * 1_000_000)
    get_logger("core").error(
        "too much",
        copy="y" * 1_000_000,
        rows=list(range(1_000_000)),
        body=b"z" * 1_000_000,
        fields={str(number): number for number in range(1_000)},
        exc_info=endless_recursion,
    )
    assert len(written.getvalue()) < 12_000
    assert "characters left out" in written.last()["copy"]
    assert written.last()["body"] == "<1000000 bytes>"


def test_text_from_outside_cannot_forge_a_line_or_a_terminal_command() -> None:
    stream = Written()
    configure_logging(level="INFO", json=True, stream=stream)
    get_logger("core").info("ad read", copy='x\n{"level": "critical"}\r\x1b[2J\ud800')
    assert [event["event"] for event in stream.events()] == ["ad read"]
    console = io.StringIO()
    configure_logging(level="INFO", json=False, stream=console)
    get_logger("core").info("ad read \x1b[2J", copy="\x1b[2J")
    assert "\x1b[2J" not in console.getvalue()


def test_a_record_that_cannot_be_rendered_is_named_but_not_dumped(written: Written) -> None:
    vendor = logging.Logger("vendor")  # outside the tree: pytest's own handlers raise on such a record
    vendor.addHandler(next(h for h in logging.getLogger().handlers if isinstance(h.formatter, ProcessorFormatter)))
    vendor.warning("%d items", "hunter2-in-the-arguments")
    assert written.last()["event"] == "log record lost"
    assert "hunter2" not in written.getvalue()


def test_objects_that_fail_to_describe_themselves_do_not_cost_the_line(written: Written) -> None:
    class Broken:
        def __str__(self) -> str:
            raise ValueError("no text")

    get_logger("core").info("odd", thing=Broken(), number=float("nan"))
    assert written.last()["thing"] == "<Broken without text: ValueError>"


def test_identifiers_are_on_every_line_of_the_block_and_gone_after_it(written: Written) -> None:
    log = get_logger("core")
    with bound_context(request_id="r-1", organisation="acme", user="u-1"):
        with bound_context(brand="northwind", batch_id="b-1", request_id=None):
            log.info("inner")
        log.info("outer")
    log.info("after")
    inner, outer, after = written.events()
    assert {
        "request_id": "r-1",
        "organisation": "acme",
        "brand": "northwind",
        "batch_id": "b-1",
    }.items() <= inner.items()
    assert "brand" not in outer
    assert "request_id" not in after


def test_identifiers_are_gone_after_an_error_too() -> None:
    with pytest.raises(ValueError, match="stop"), bound_context(brand="northwind"):
        raise ValueError("stop")
    assert current_context() == {}


def test_a_thread_starts_without_identifiers_unless_they_are_carried_over() -> None:
    with bound_context(batch_id="b-1"), ThreadPoolExecutor(2) as pool:
        bare = pool.submit(lambda: dict(current_context())).result()
        carried = [pool.submit(in_current_context(lambda: dict(current_context()))) for _ in range(4)]
    assert bare == {}
    assert [future.result() for future in carried] == [{"batch_id": "b-1"}] * 4


def test_what_one_thread_binds_no_other_sees() -> None:
    both_bound, seen = threading.Barrier(2), {}

    def work(brand: str) -> None:
        with bound_context(brand=brand):
            both_bound.wait(5)
            seen[brand] = dict(current_context())

    threads = [threading.Thread(target=work, args=(brand,)) for brand in ("northwind", "contoso")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"northwind": {"brand": "northwind"}, "contoso": {"brand": "contoso"}}


def test_what_one_task_binds_no_other_sees() -> None:
    async def work(brand: str, other_has_bound: asyncio.Event, bound: asyncio.Event) -> dict[str, str]:
        with bound_context(brand=brand):
            bound.set()
            await other_has_bound.wait()
            return dict(current_context())

    async def both() -> list[dict[str, str]]:
        one, two = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(work("northwind", two, one), work("contoso", one, two))

    assert asyncio.run(both()) == [{"brand": "northwind"}, {"brand": "contoso"}]


def test_what_nobody_caught_leaves_through_the_pipeline() -> None:
    program = """
import threading
from core.observability.logs import configure_logging, log_uncaught_exceptions
from core.observability.redaction import register_secret
configure_logging(level="INFO", json=True)
log_uncaught_exceptions()
register_secret("correct horse")
def fail():
    raise ValueError("in a thread: correct horse")
thread = threading.Thread(target=fail, name="relay")
thread.start()
thread.join()
raise RuntimeError("in main: correct horse")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    in_thread, in_main = [json.loads(line) for line in ended.stderr.splitlines()]
    assert (in_thread["level"], in_thread["thread"]) == ("error", "relay")
    assert (in_main["level"], ended.returncode) == ("critical", 1)
    assert "correct horse" not in ended.stderr + ended.stdout
