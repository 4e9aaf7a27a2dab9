"""Reading in the background: one brand's trouble is its own, people go first, and what can't go on rests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from core.ai.methods.labels import TextLabels
from core.domain.principal import LOCAL_PRINCIPAL
from core.pipeline.analysis import ask_for_analysis
from core.pipeline.background_reading import BackgroundReader
from core.pipeline.held_content import MOST_CALLS
from daemon.roles import build_model_reader
from tests.fakes.model_answers import Answer, Asked, Raw, saying
from tests.fakes.model_server import ModelServer
from tests.running_system import System, an_ad

good = saying("playful")


@dataclass
class Clock:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Background:
    """A reader whose time the test tells."""

    system: System
    clock: Clock = field(default_factory=Clock)
    reader: BackgroundReader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = BackgroundReader(build_model_reader(self.system.services), monotonic=self.clock)

    def after(self, seconds: float) -> int:
        """How many contents are read then."""
        self.clock.seconds += seconds
        return self.reader.read_waiting()

    def outcome(self, said: str) -> str | None:
        [row] = self.system.rows("content", "text = :said", said=said)
        outcome: str | None = row["outcome"]
        return outcome


POISON, OTHER = "Fresh poison. For today!", "Fine boats. For sailors!"


@pytest.fixture
def background(asking_system: System, server: ModelServer) -> Background:
    """Two analysed brands with a new text each: acme's turn comes before zeta's."""
    server.answer = good
    asking_system.ingest(an_ad("1", "Fresh coffee."), an_ad("2", "Old boats.", brand_name="Zeta"))
    for brand in ("acme", "zeta"):
        ask_for_analysis(asking_system.services.database, LOCAL_PRINCIPAL, brand)
    asking_system.work()
    asking_system.ingest(an_ad("3", POISON), an_ad("4", OTHER, brand_name="Zeta"))
    server.asked.clear()
    return Background(asking_system)


def set_budget(system: System, usd: float) -> None:
    statement = (
        "INSERT INTO ai_budget VALUES ('local', :usd, 'x')"
        " ON CONFLICT (organisation_id) DO UPDATE SET usd_per_day = excluded.usd_per_day"
    )
    with system.services.database.machinery() as connection:
        connection.execute(text(statement), {"usd": usd})


def test_an_answer_nobody_can_read_lets_its_brand_rest_and_no_other(
    background: Background, server: ModelServer
) -> None:
    def answer(asked: Asked) -> Answer:
        return Raw(b"<html>") if POISON in asked.text else good(asked)

    server.answer = answer

    assert background.after(0) == 1
    assert (background.outcome(POISON), background.outcome(OTHER)) == (None, "ok")

    calls = len(server.asked)
    assert background.after(29) == 0
    assert len(server.asked) == calls

    server.answer = good
    assert background.after(2) == 1
    assert background.outcome(POISON) == "ok"


def test_a_mistake_of_ours_with_one_content_ends_and_is_not_paid_for_ever(
    background: Background, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = TextLabels.read

    def trips(self: TextLabels, answer: Any, block: Any, *more: Any, **named: Any) -> Any:
        if block.text == POISON:
            raise OverflowError("a number nobody thought of")
        return read(self, answer, block, *more, **named)

    monkeypatch.setattr(TextLabels, "read", trips)

    assert background.after(0) == 1
    assert background.outcome(OTHER) == "ok"
    for _ in range(MOST_CALLS + 2):
        background.after(31)

    asked = [asked.schema_name for asked in server.asked if POISON in asked.text]
    assert asked == ["description", *["labels"] * MOST_CALLS]
    assert background.outcome(POISON) == "failed"


def test_people_who_wait_go_first(background: Background, server: ModelServer) -> None:
    ask_for_analysis(background.system.services.database, LOCAL_PRINCIPAL, "zeta")

    assert background.after(0) == 0
    assert server.asked == []

    background.system.work()
    assert background.outcome(OTHER) == "ok"
    assert background.after(0) == 1
    assert background.outcome(POISON) == "ok"


def test_a_spent_budget_rests_for_a_minute_and_is_then_looked_at_again(
    background: Background, server: ModelServer
) -> None:
    set_budget(background.system, 0.0)
    assert background.after(0) == 0

    set_budget(background.system, 5.0)
    assert background.after(59) == 0
    assert server.asked == []

    assert background.after(2) == 2
