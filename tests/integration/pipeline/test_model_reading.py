"""What models read of analysed brands: once, paid, and never lost, whatever stops them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core.curation.labels import correct_label
from core.domain.ad import DESCRIPTION_COLLECTION, description_id
from core.domain.label import Rerun
from core.domain.principal import LOCAL_PRINCIPAL
from core.messages import AI_QUEUE, BACKGROUND_SUFFIX
from core.pipeline.analysis import ask_for_analysis, ask_for_rerun
from core.pipeline.background_reading import BackgroundReader
from daemon.roles import build_model_reader
from tests.fakes.model_answers import HttpError, Said, quota_spent, rate_limited, refused, saying
from tests.fakes.model_server import ModelServer
from tests.running_system import DAY, System, an_ad

TEXTS = ["Fresh coffee. Roasted today!", "Fresh bread. Baked today!", "Warm socks. For cold days!"]
COST = 0.0025  # of a call: 1,000 tokens in, of which 200 cached, and 100 out, at gpt-4.1's prices
CALLS = 2 * len(TEXTS)  # labels and a description of each text
answered = saying("playful")


@pytest.fixture
def system(asking_system: System, server: ModelServer) -> System:
    """A collected brand, to whose texts the model will say: playful."""
    server.answer = answered
    asking_system.ask([an_ad(str(number), said) for number, said in enumerate(TEXTS)])
    asking_system.work()
    return asking_system


def analyse(system: System) -> dict[str, Any]:
    request_id = ask_for_analysis(system.services.database, LOCAL_PRINCIPAL, "acme")
    system.work()
    return system.request(request_id)


def set_budget(system: System, usd: float) -> None:
    with system.services.database.machinery() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_budget VALUES ('local', :usd, 'x') ON CONFLICT (organisation_id)"
                " DO UPDATE SET usd_per_day = excluded.usd_per_day"
            ),
            {"usd": usd},
        )


def tones(system: System, table: str = "label") -> list[tuple[str, str]]:
    return [(row["value"], row["outcome"]) for row in system.rows(table, "dimension = 'tone'")]


def outcomes(system: System) -> list[str | None]:
    return [row["outcome"] for row in system.rows("content")]


def overlays_of(system: System) -> list[Any]:
    with system.services.database.reader(LOCAL_PRINCIPAL) as connection:
        return list(connection.execute(text("SELECT * FROM label_overlay")).all())


def in_background(system: System) -> BackgroundReader:
    return BackgroundReader(build_model_reader(system.services), monotonic=lambda: 0.0)


def test_an_analysed_brand_is_read_by_the_model_and_paid_by_who_asked(system: System, server: ModelServer) -> None:
    local = {row["content_id"]: row for row in system.rows("label", "dimension = 'tone'")}

    request = analyse(system)

    assert len(server.asked) == CALLS
    assert request["result"] == {
        "brand": "acme", "state": "analysed", "texts": 3, "texts_read": 3, "asked": 3, "answered": 3, "pending": 0,
        "cost_usd": pytest.approx(CALLS * COST),
    }  # fmt: skip
    assert (outcomes(system), tones(system)) == (["ok"] * 3, [("playful", "ok")] * 3)
    past = system.rows("label_past", "dimension = 'tone'")
    assert {row["content_id"]: row["value"] for row in past} == {key: row["value"] for key, row in local.items()}
    assert all(row["replaced_at"] for row in past)
    assert [row["analysed_for"] for row in system.rows("brand")] == ["local"]
    calls = system.rows("ai_call")
    assert {(row["organisation_id"], row["brand_slug"], row["outcome"], row["model"]) for row in calls} == {
        ("local", "acme", "ok", "gpt-4.1")
    }
    document_id = description_id("acme", system.rows("content")[0]["content_id"])
    described = system.services.documents.get("shared", DESCRIPTION_COLLECTION, document_id)
    assert (described["description"], described["outcome"], described["picture_sha256"]) == ("An ad.", "ok", None)
    assert datetime.fromisoformat(described["described_at"]).tzinfo is not None


def test_a_brand_that_is_only_collected_is_read_by_no_model(system: System, server: ModelServer) -> None:
    assert in_background(system).read_waiting() == 0
    assert server.asked == []


def test_what_comes_later_is_read_in_the_background_and_nothing_twice(system: System, server: ModelServer) -> None:
    analyse(system)
    system.ingest(an_ad("9", "Soft towels. For wet days!"), an_ad("0", TEXTS[0]))

    assert in_background(system).read_waiting() == 1

    assert (len(server.asked), outcomes(system)) == (CALLS + 2, ["ok"] * 4)
    assert in_background(system).read_waiting() == 0


def test_five_deliveries_at_once_make_one_set_of_paid_calls(system: System, server: ModelServer) -> None:
    request_id = ask_for_analysis(system.services.database, LOCAL_PRINCIPAL, "acme")
    system.relay()
    (message,) = system.rows("queue_message", "body LIKE '%on_demand%'")
    system.services.queue.send_batch(AI_QUEUE, [message["body"]] * 4)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: system.poll(AI_QUEUE), range(3)))
    system.work()

    assert len(server.asked) == CALLS == len(system.rows("ai_call"))
    assert system.request(request_id)["status"] == "completed"


def test_a_budget_that_is_spent_leaves_items_pending_and_a_raised_one_goes_on(
    system: System, server: ModelServer
) -> None:
    set_budget(system, 0.0)
    request = analyse(system)

    assert server.asked == []
    assert request["status"] == "completed"
    result = request["result"]
    assert (result["stopped_by"], result["pending"], result["cost_usd"]) == ("budget", 3, 0)
    assert "raise it with `./adology budget USD`, or wait for tomorrow" in result["stopped"]
    assert outcomes(system) == [None] * 3
    assert in_background(system).read_waiting() == 0

    set_budget(system, 5.0)
    assert in_background(system).read_waiting() == 3
    assert (outcomes(system), len(server.asked)) == (["ok"] * 3, CALLS)


def test_a_budget_may_be_spent_in_the_middle_and_none_is_lost_or_paid_twice(
    system: System, server: ModelServer
) -> None:
    server.answer = lambda asked: Said(json.dumps(answered(asked)), input_tokens=50_000, output_tokens=1_000)
    set_budget(system, 0.5)  # a call costs 0.1077 USD here, and reserves some 0.1 before it
    result = analyse(system)["result"]
    assert result["stopped_by"] == "budget"
    assert 0 < len(server.asked) < CALLS
    assert result["cost_usd"] == pytest.approx(len(server.asked) * 0.1077)

    set_budget(system, 50.0)
    in_background(system).read_waiting()

    assert (outcomes(system), len(server.asked)) == (["ok"] * 3, CALLS)


def test_a_refusal_is_a_state_of_the_label_and_costs(system: System, server: ModelServer) -> None:
    server.answer = lambda asked: answered(asked) if asked.schema_name == "description" else refused()
    request = analyse(system)

    assert (outcomes(system), tones(system)) == (["refused"] * 3, [("unknown", "refused")] * 3)
    assert request["result"]["pending"] == 0
    assert sorted(row["outcome"] for row in system.rows("ai_call")) == ["ok"] * 3 + ["refused"] * 3
    assert all(row["cost_usd"] > 0 for row in system.rows("ai_call"))


def test_a_provider_that_rests_parks_the_message_and_burns_no_receive(system: System, server: ModelServer) -> None:
    server.answer = lambda _: rate_limited(retry_after="3600")
    request_id = ask_for_analysis(system.services.database, LOCAL_PRINCIPAL, "acme")
    system.relay()
    for _ in range(12):  # more often than a message may be received
        system.bring_forward_delayed_messages()
        assert system.poll(AI_QUEUE) == 1

    assert system.request(request_id)["status"] == "processing"
    assert [row["receive_count"] for row in system.rows("queue_message", "queue = :q", q=AI_QUEUE)] == [0]
    assert system.rows("dead_letter") == []
    assert outcomes(system) == [None] * 3
    assert 0 < len(server.asked) <= CALLS  # then the circuit is open
    assert {row["cost_usd"] for row in system.rows("ai_call")} == {0}


def test_a_wrong_key_lets_the_work_wait_and_people_are_told(system: System, server: ModelServer) -> None:
    server.answer = lambda _: HttpError("credentials")
    request_id = ask_for_analysis(system.services.database, LOCAL_PRINCIPAL, "acme")
    system.relay()
    system.poll(AI_QUEUE)

    assert system.request(request_id)["status"] == "processing"
    assert len(system.rows("queue_message", "queue = :q", q=AI_QUEUE)) == 1
    assert "openai" in system.rows("notice")[0]["subject"]
    assert outcomes(system) == [None] * 3


def test_a_vendor_without_quota_ends_the_request_and_keeps_the_contents(system: System, server: ModelServer) -> None:
    server.answer = lambda _: quota_spent()
    result = analyse(system)["result"]
    assert (result["stopped_by"], result["pending"]) == ("quota", 3)


def test_no_rescan_import_or_redelivery_changes_a_label(system: System, server: ModelServer) -> None:
    analyse(system)
    before = {name: system.rows(name) for name in ("label", "label_past", "content")}
    bodies = [row["body"] for row in system.rows("outbox")]

    server.answer = lambda _: refused()
    system.ingest(*[an_ad(str(number), said, scanned_on=DAY + timedelta(days=1)) for number, said in enumerate(TEXTS)])
    for queue in (AI_QUEUE, AI_QUEUE + BACKGROUND_SUFFIX):
        system.services.queue.send_batch(queue, [body for body in bodies if "on_demand" not in body][:10] or ["{}"])
    system.work()
    analyse(system)
    in_background(system).read_waiting()

    assert {name: system.rows(name) for name in before} == before


def test_a_rerun_on_purpose_reads_again_and_leaves_corrections_alone(system: System, server: ModelServer) -> None:
    analyse(system)
    ad_id = system.ad("0")["ad_id"]
    correct_label(
        system.services.database, LOCAL_PRINCIPAL, system.services.taxonomy, ad_id, dimension="tone", values=["urgent"]
    )
    overlays = overlays_of(system)
    hooks = system.rows("label", "dimension = 'hook'")
    server.asked.clear()

    request_id = ask_for_rerun(
        system.services.database, LOCAL_PRINCIPAL, "acme", by=Rerun.LOCAL, dimensions=["tone"], reason="new rules"
    )
    system.work()

    assert system.request(request_id)["status"] == "completed"
    assert server.asked == []
    assert ("playful", "ok") in tones(system, "label_past")
    assert ("playful", "ok") not in tones(system)
    assert system.rows("label", "dimension = 'hook'") == hooks
    assert overlays_of(system) == overlays

    ask_for_rerun(
        system.services.database, LOCAL_PRINCIPAL, "acme", by=Rerun.MODEL, dimensions=["tone"], reason="again"
    )
    system.work()

    assert len(server.asked) == len(TEXTS)  # labels in one dimension; descriptions are there
    assert {tuple((asked.schema or {})["properties"]) for asked in server.asked} == {("tone",)}
    assert tones(system) == [("playful", "ok")] * 3
    assert system.rows("label", "dimension = 'hook'") == hooks
    assert overlays_of(system) == overlays
