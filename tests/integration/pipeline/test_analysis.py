"""Analysis on demand: read at once, ahead of the background, whatever is delivered how often."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from core.domain.principal import LOCAL_PRINCIPAL, Principal, Role
from core.errors import NotAllowedError, NotFoundError
from core.messages import AI_QUEUE, BACKGROUND_SUFFIX, DEAD_LETTER_SUFFIX
from core.pipeline import analysis, enrich
from core.pipeline.analysis import ask_for_analysis
from core.pipeline.redrive import redrive
from core.pipeline.requests import cancel_request
from core.queries.brands import get_brand
from tests.running_system import System, an_ad

CLOSELY = AI_QUEUE + BACKGROUND_SUFFIX
TEXTS = ["Fresh coffee. Roasted today!", "Fresh bread. Baked today!", "Warm socks. For cold days!"]


def collected(system: System, **options: Any) -> None:
    """Acme's ads are stored, and nobody has read them."""
    system.ask([an_ad(str(number), said) for number, said in enumerate(TEXTS)], **options)
    system.work(without=(AI_QUEUE, CLOSELY))


def ask(system: System, brand: str = "acme", principal: Principal = LOCAL_PRINCIPAL) -> str:
    return ask_for_analysis(system.services.database, principal, brand)


def forget_messages(system: System) -> None:
    system.execute("DELETE FROM queue_message")
    system.execute("DELETE FROM outbox")


def unread(system: System, scope: str = "shared") -> int:
    return len(system.rows("content", "labelled_with IS NULL AND t.scope = :own", scope=scope, own=scope))


def state(system: System, principal: Principal = LOCAL_PRINCIPAL) -> str:
    return get_brand(system.services.database, principal, "acme").state


def test_a_brand_asked_for_is_read_while_the_background_still_waits(system: System) -> None:
    collected(system)
    assert state(system) == "tracked"

    request_id = ask(system, "A C M E")
    system.work(without=(CLOSELY,))

    request = system.request(request_id)
    assert (unread(system), state(system)) == (0, "analysed")
    assert (request["kind"], request["status"]) == ("analyse", "completed")
    assert request["result"] == {"brand": "acme", "state": "analysed", "texts": 3, "texts_read": 3}
    assert [row["ai_state"] for row in system.rows("run")] == ["pending"]  # its own phase ends with its own turn
    system.work()
    assert [row["ai_state"] for row in system.rows("run")] == ["done"]


def test_what_the_asker_may_see_is_read_and_nothing_of_others(system: System) -> None:
    theirs = Principal("theirs")
    collected(system)
    collected(system, scope="private")
    collected(system, scope="private", principal=theirs)

    ask(system)
    system.work(without=(CLOSELY,))

    assert [unread(system, scope) for scope in ("shared", "local", "theirs")] == [0, 0, 3]
    with system.services.database.worker("theirs") as connection:
        states = connection.execute(text("SELECT scope, state FROM brand ORDER BY scope")).all()
    assert [tuple(row) for row in states] == [("shared", "analysed"), ("theirs", "tracked")]


def test_progress_is_told_as_it_goes_and_a_long_analysis_lets_others_have_their_turn(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrich, "_VECTORS_BATCH", 1)
    monkeypatch.setattr(analysis, "_BATCHES_AT_ONCE", 1)
    collected(system)
    forget_messages(system)
    request_id = ask(system)
    system.relay()
    before = unread(system)
    while system.request(request_id)["status"] in ("queued", "processing"):
        assert system.poll(AI_QUEUE) == 1  # one message, and it went behind whoever waits
        assert before - unread(system) <= 1
        before = unread(system)

    events = system.rows("event", "request_id = :id", id=request_id)
    told = [event["body"] for event in sorted(events, key=lambda event: event["event_id"])]
    assert [body["status"] for body in told[:2]] == ["queued", "processing"]
    counts = [body["result"]["texts_read"] for body in told[1:]]
    assert counts == sorted(counts)
    assert (told[-1]["status"], counts[-1]) == ("completed", 3)


def test_delivered_again_it_changes_nothing_and_ends_once(system: System) -> None:
    collected(system)
    request_id = ask(system)
    system.relay()
    (message,) = system.rows("queue_message", "body LIKE '%on_demand%'")
    system.work()
    before, request = system.record(), system.request(request_id)

    system.services.queue.send_batch(AI_QUEUE, [message["body"]] * 3)
    system.work()

    assert (system.record(), system.request(request_id)) == (before, request)


def test_a_cancelled_analysis_reads_nothing_more(system: System) -> None:
    collected(system)
    request_id = ask(system)
    cancel_request(system.services.database, LOCAL_PRINCIPAL, request_id)

    system.relay()
    system.poll(AI_QUEUE)
    system.poll(AI_QUEUE)

    assert system.request(request_id)["status"] == "cancelled"
    assert unread(system) == 3


def test_an_analysis_whose_worker_always_dies_fails_with_the_reason_and_is_redriven(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected(system)
    forget_messages(system)
    request_id = ask(system)
    system.relay()
    system.bury("true")
    system.execute("UPDATE queue_message SET receive_count = 2")
    system.poll(AI_QUEUE + DEAD_LETTER_SUFFIX)

    request = system.request(request_id)
    assert request["status"] == "failed"
    assert "died" in request["error"]

    (letter,) = system.rows("dead_letter")
    redrive(system.services.database, letter["dead_letter_id"])
    system.work()
    assert system.request(request_id)["status"] == "completed"


def test_a_brand_nobody_knows_is_not_found_and_a_viewer_asks_for_none(system: System) -> None:
    collected(system, scope="private", principal=Principal("theirs"))
    with pytest.raises(NotFoundError):
        ask(system)
    with pytest.raises(NotAllowedError):
        ask(system, principal=Principal("local", Role.VIEWER))
    assert system.rows("request", "kind = 'analyse'") == []
