"""What a model says when it is asked a second time: paid, compared, not kept."""

from __future__ import annotations

import pytest

from core.domain.principal import LOCAL_PRINCIPAL as US
from core.domain.quality import Statistic
from core.errors import BudgetSpentError, NotFoundError
from core.measuring.judging import Measured
from core.measuring.model_replay import ModelReplay
from core.measuring.replay import replay, sample_of
from core.pipeline.analysis import ask_for_analysis
from core.queries.label_quality import newest_measures
from tests.fakes.model_answers import refused, saying
from tests.fakes.model_server import ModelServer
from tests.running_system import System, an_ad

TEXTS = ("Fresh coffee. Roasted today!", "Fresh bread. Baked today!", "Warm socks. For cold days!")


@pytest.fixture
def system(asking_system: System, server: ModelServer) -> System:
    """A brand that a model has read."""
    server.answer = saying("playful")
    asking_system.ask([an_ad(str(number), said) for number, said in enumerate(TEXTS)])
    asking_system.work()
    ask_for_analysis(asking_system.services.database, US, "acme")
    asking_system.work()
    server.asked.clear()
    return asking_system


def reader_of(system: System) -> ModelReplay:
    services = system.services
    assert services.models is not None
    return ModelReplay(services.models, services.taxonomy, services.objects, services.model_pictures, US)


def again(system: System) -> Measured:
    services = system.services
    return replay(services.database, US, services.taxonomy, reader_of(system), "shared", size=10, seed=1)


def test_a_second_answer_is_compared_and_paid_and_changes_no_label(system: System, server: ModelServer) -> None:
    before, calls = system.rows("label"), len(system.rows("ai_call"))
    server.answer = saying("urgent")

    found = {m.dimension: m for m in again(system).measures if m.statistic is Statistic.AGREEMENT}

    assert (found["tone"].n, found["tone"].estimate) == (len(TEXTS), 0.0)
    assert found["hook"].estimate == 1.0
    assert "openai/gpt-4.1" in found["tone"].method
    assert (len(server.asked), len(system.rows("ai_call"))) == (len(TEXTS), calls + len(TEXTS))
    assert sorted(map(str, system.rows("label"))) == sorted(map(str, before))


def test_a_refusal_says_nothing_where_the_first_answer_did(system: System, server: ModelServer) -> None:
    server.answer = lambda _: refused()
    found = {m.dimension: m for m in again(system).measures if m.statistic is Statistic.AGREEMENT}
    assert found["tone"].estimate == 0.0


def test_without_money_nothing_is_asked_and_nothing_kept(system: System, server: ModelServer) -> None:
    with system.services.database.machinery() as connection:
        connection.exec_driver_sql("INSERT INTO ai_budget VALUES ('local', 0, 'x')")
    with pytest.raises(BudgetSpentError):
        again(system)
    assert server.asked == []
    assert not newest_measures(system.services.database, US)


def test_a_replay_is_quoted_by_what_it_would_read(system: System) -> None:
    services = system.services
    sample = sample_of(services.database, US, reader_of(system), "shared", size=2, seed=1)
    quote = services.quoter.quote_sample(US, [each.text for each in sample], [])
    assert (quote.texts, quote.pictures, quote.calls, quote.model) == (2, 0, 2, "gpt-4.1")
    assert quote.usd_low is not None
    assert quote.usd_low > 0


def test_what_no_model_has_read_is_not_replayed_by_one(system: System) -> None:
    with system.services.database.worker("shared") as connection:
        connection.exec_driver_sql("DELETE FROM label")
    with pytest.raises(NotFoundError, match="labels, visual_labels"):
        again(system)
