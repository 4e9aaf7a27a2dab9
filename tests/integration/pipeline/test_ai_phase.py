"""The AI phase: once per content, whatever is delivered how often."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from core.errors import RetryableError, WaitingForTurnError
from core.messages import AI_QUEUE, BACKGROUND_SUFFIX, AiPhaseMessage
from core.pipeline.enrich import Enricher
from daemon.handlers.enrich import EnrichHandler
from tests.running_system import System, a_picture, an_ad

CLOSELY = AI_QUEUE + BACKGROUND_SUFFIX
AI_QUEUES = (AI_QUEUE, CLOSELY)
TEXTS = ["Fresh coffee. Roasted today!", "Fresh bread. Baked today!", "Warm socks. For cold days!"]


def enricher_of(system: System) -> Enricher:
    handler = system.consumers[AI_QUEUE].handler
    assert isinstance(handler, EnrichHandler)
    return handler.enricher


def committed(system: System) -> AiPhaseMessage:
    """A committed run whose contents nobody has read; its message."""
    red = system.upload(a_picture("red"))
    system.ask([an_ad(str(number), text, red) for number, text in enumerate(TEXTS)])
    system.work(without=AI_QUEUES)
    (run,) = system.rows("run")
    return AiPhaseMessage(brand=run["brand_slug"], batch_id=run["batch_id"])


def at_once(times: int, action: Callable[[], int]) -> list[int]:
    barrier = threading.Barrier(times)

    def act(_: int) -> int:
        barrier.wait(10)
        return action()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(act, range(times)))


def test_delivered_five_times_at_once_it_reads_once(system: System) -> None:
    message = committed(system)
    enricher = enricher_of(system)
    system.embedder.embedded.clear()

    def read() -> int:
        try:
            return enricher.read_closely(message)
        except WaitingForTurnError:  # the reader may die: only this message would know
            return 0

    counts = at_once(5, read)

    assert sorted(counts) == [0, 0, 0, 0, 3]
    assert [system.embedder.embedded[text] for text in TEXTS] == [1, 1, 1]
    assert all(row["labelled_with"] for row in system.rows("content"))


def test_rules_read_five_times_at_once_leave_one_label_each(system: System) -> None:
    message = committed(system)
    enricher = enricher_of(system)

    at_once(5, lambda: enricher.read_by_rules(message))

    labels = system.rows("label")
    assert len({(row["content_id"], row["dimension"], row["value"]) for row in labels}) == len(labels)
    assert len({row["content_id"] for row in labels}) == 3


def test_a_content_that_came_in_between_is_read_by_rules_first(system: System) -> None:
    """Another run of the brand may commit while this one reads."""
    message = committed(system)
    enricher_of(system).read_by_rules(message)
    system.ask([an_ad("between", "Came in between. With 20 % off!")])
    system.work(without=AI_QUEUES)

    assert enricher_of(system).read_closely(message) == 4

    counts = Counter(row["content_id"] for row in system.rows("label"))
    assert len(counts) == 4
    assert min(counts.values()) >= len(enricher_of(system).labeller.taxonomy.of_words)


def test_messages_that_come_again_change_no_label(system: System) -> None:
    message = committed(system)
    system.work()
    before = system.record()

    system.services.queue.send_batch(AI_QUEUE, [message.to_body()] * 5)
    system.services.queue.send_batch(CLOSELY, [message.to_body()] * 5)
    system.work()

    assert system.record() == before


def test_labels_are_frozen(system: System) -> None:
    """A later run adds labels for what is new and touches none that is there, whichever taxonomy made it."""
    committed(system)
    system.work()
    with system.services.database.worker("shared") as connection:
        connection.exec_driver_sql("UPDATE content SET labelled_with = 'an older taxonomy'")
        connection.exec_driver_sql("UPDATE label SET value = 'decided by a person' WHERE dimension = 'language'")
    before = system.rows("label")

    system.ingest(an_ad("0", TEXTS[0]), an_ad("new", "Something new. Today!"))

    old = {row["content_id"] for row in before}
    after = system.rows("label")
    assert [row for row in after if row["content_id"] in old] == before
    assert {row["content_id"] for row in after} > old


def test_the_same_text_in_two_brands_is_read_once(system: System) -> None:
    text = TEXTS[0]
    system.ingest(an_ad("1", text))
    before = system.rows("label")

    system.embedder.embedded.clear()
    system.ingest(an_ad("2", text, brand_name="Other"))

    assert system.rows("label") == before
    assert system.embedder.embedded[text] == 0


def test_another_scope_reads_for_itself(system: System) -> None:
    system.ingest(an_ad("1", TEXTS[0]))

    system.ingest(an_ad("1", TEXTS[0]), scope="private")

    scopes = {row["scope"] for row in system.rows("label", scope="local")}
    assert scopes == {"shared", "local"}


def test_a_stopping_worker_gives_the_phase_back(system: System) -> None:
    message = committed(system)
    stopping = replace(enricher_of(system), is_stopping=lambda: True)

    with pytest.raises(RetryableError):
        stopping.read_closely(message)

    assert [row["ai_state"] for row in system.rows("run")] == ["pending"]
    assert enricher_of(system).read_closely(message) == 3


def test_a_reader_that_died_is_followed_by_another_when_its_claim_lapses(system: System) -> None:
    message = committed(system)
    system.execute("DELETE FROM queue_message")  # and the message with it
    system.execute("DELETE FROM outbox")
    system.execute("UPDATE run SET ai_state = 'running', ai_lease_until = now() + interval '5 minutes'")
    system.sweep()
    with pytest.raises(WaitingForTurnError):  # the claim lives
        enricher_of(system).read_closely(message)

    system.execute("UPDATE run SET ai_lease_until = now() - interval '20 minutes'")
    system.let_time_pass(20 * 60)
    system.sweep()

    assert [row["ai_state"] for row in system.rows("run")] == ["done"]
    assert all(row["labelled_with"] for row in system.rows("content"))


def test_the_message_of_a_dead_reader_waits_until_his_claim_lapses_and_reads(system: System) -> None:
    message = committed(system)
    system.execute("DELETE FROM outbox")
    system.execute("UPDATE run SET ai_state = 'running', ai_lease_until = now() + interval '1 minute'")
    system.services.queue.send_batch(CLOSELY, [message.to_body()])
    system.bring_forward_delayed_messages()
    system.poll(CLOSELY)
    assert len(system.rows("queue_message", "queue = :closely", closely=CLOSELY)) == 1

    system.execute("UPDATE run SET ai_lease_until = now()")
    system.work()

    assert [row["ai_state"] for row in system.rows("run")] == ["done"]


def test_the_specifications_bare_message_reads_the_brand(system: System) -> None:
    committed(system)
    system.execute("DELETE FROM queue_message")
    system.execute("DELETE FROM outbox")

    system.services.queue.send_batch(AI_QUEUE, ['{"brand": "acme"}'])
    system.work()

    assert all(row["labelled_with"] for row in system.rows("content"))
