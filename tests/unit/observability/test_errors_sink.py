"""Errors that were logged reach a notifier; logging never waits for it and never fails because of it."""

from __future__ import annotations

import logging
import threading

from core.observability.errors_sink import ErrorsSink
from core.observability.logs import bound_context, get_logger
from core.observability.metrics import REGISTRY
from core.ports import Notice
from tests.unit.observability.conftest import Written

log = get_logger("core.pipeline.acquire")


class Collected:
    """A notifier that keeps what it is told."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def notify(self, notice: Notice) -> None:
        self.notices.append(notice)


class Stuck(Collected):
    """A notifier that hangs until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.let_go = threading.Event(), threading.Event()

    def notify(self, notice: Notice) -> None:
        self.entered.set()
        self.let_go.wait(10)
        super().notify(notice)


def dropped() -> float:
    return REGISTRY.get_sample_value("adology_error_notices_dropped_total") or 0.0


def test_an_error_becomes_a_notice_with_its_context_and_cause(written: Written) -> None:
    notifier = Collected()
    with ErrorsSink(notifier), bound_context(brand="northwind", batch_id="b-1"):
        try:
            raise ValueError("bad row")
        except ValueError:
            log.exception("item failed", attempt=2)
    (notice,) = notifier.notices
    assert (notice.level, notice.subject, notice.text) == ("error", "item failed", "ValueError: bad row")
    assert {
        "brand": "northwind",
        "batch_id": "b-1",
        "attempt": "2",
        "severity": "error",
    }.items() <= notice.context.items()


def test_only_error_and_critical_are_handed_over_foreign_ones_included(written: Written) -> None:
    notifier = Collected()
    with ErrorsSink(notifier):
        log.warning("will be tried again")
        log.critical("database is gone")
        logging.getLogger("apscheduler.jobs").error("job %s failed", "sweep")
    assert [notice.subject for notice in notifier.notices] == ["database is gone", "job sweep failed"]


def test_stopping_delivers_what_waits_and_takes_no_more(written: Written) -> None:
    notifier = Collected()
    sink = ErrorsSink(notifier)
    sink.start()
    for number in range(50):
        log.error("failed", number=number)
    sink.stop()
    log.error("after the end")
    assert [notice.context["number"] for notice in notifier.notices] == [str(number) for number in range(50)]


def test_a_stuck_notifier_costs_notices_but_never_makes_the_caller_wait(written: Written) -> None:
    notifier, before = Stuck(), dropped()
    sink = ErrorsSink(notifier, capacity=3)
    sink.start()
    log.error("first")
    assert notifier.entered.wait(10)
    for _ in range(10):
        log.error("next")
    assert dropped() == before + 7
    notifier.let_go.set()
    sink.stop()
    assert len(notifier.notices) == 4
    assert len(written.events()) == 11


def test_an_error_logged_by_the_notifier_does_not_come_back_to_it(written: Written) -> None:
    class Complaining(Collected):
        def notify(self, notice: Notice) -> None:
            super().notify(notice)
            log.error("could not deliver")
            complained.set()

    notifier, complained = Complaining(), threading.Event()
    with ErrorsSink(notifier):
        log.error("failed")
        assert complained.wait(10)
    assert [notice.subject for notice in notifier.notices] == ["failed"]
    assert written.last()["event"] == "could not deliver"


def test_a_notifier_that_raises_does_not_end_the_sink(written: Written) -> None:
    class Raising(Collected):
        def notify(self, notice: Notice) -> None:
            super().notify(notice)
            raise RuntimeError("against the contract")

    notifier, before = Raising(), dropped()
    with ErrorsSink(notifier):
        log.error("one")
        log.error("two")
    assert len(notifier.notices) == 2
    assert dropped() == before + 2
