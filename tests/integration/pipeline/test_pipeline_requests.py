"""Requests: their ledger, who joins whose run, and how they end."""

from __future__ import annotations

import threading

from core.adapters.postgres.content_store import mark_labelled
from core.domain.ad import Rejection
from core.messages import AI_QUEUE, GATHER_QUEUE, URL_QUEUE
from tests.running_system import System, a_picture, an_ad


def a_rejection(line: int) -> Rejection:
    return Rejection("ads.csv", line, "ragged_row", "3 fields instead of 5", "a,\tb\\N,c")


def test_the_rows_of_a_request_are_stored_or_rejected(system: System) -> None:
    ads = [an_ad("1", lines=(2, 3)), an_ad("2", lines=(4,)), an_ad("3", brand_name="Other", lines=(7,))]

    request = system.ingest(*ads, rejections=[a_rejection(5), a_rejection(6)])

    assert (request["result"]["rows"], request["result"]["rejected"]) == (4, 2)
    assert set(request["result"]["brands"]) == {"acme", "other"}
    assert [row["line"] for row in system.rows("rejected_row")] == [5, 6]
    assert {row["excerpt"] for row in system.rows("rejected_row")} == {"a,\tb\\N,c"}


def test_a_request_of_nothing_but_rejected_rows_ends_too(system: System) -> None:
    request = system.ingest(rejections=[a_rejection(2)])

    assert request["status"] == "failed"
    assert "none of the rows" in request["error"]
    assert (request["result"]["rows"], request["result"]["rejected"]) == (0, 1)


def test_progress_is_told_step_by_step(system: System) -> None:
    request_id = system.ask([an_ad("1"), an_ad("2")])
    assert system.request(request_id)["status"] == "queued"

    system.work(without=[URL_QUEUE])
    gathered = system.request(request_id)
    assert (gathered["status"], gathered["progress"]["items_finished"]) == ("processing", 0)

    system.work(without=[AI_QUEUE])
    committed = system.request(request_id)["progress"]
    assert (committed["items_finished"], committed["brands_committed"], committed["brands_read"]) == (2, 1, 0)
    assert (committed["texts_read"], committed["texts"]) == (0, 2)

    system.work()
    done = system.request(request_id)["progress"]
    assert (done["brands_read"], done["texts_read"], done["texts"]) == (1, 2, 2)
    statuses = [row["body"]["status"] for row in sorted(system.rows("event"), key=lambda row: row["event_id"])]
    assert statuses[0] == "queued"
    assert statuses[-1] == "completed"
    assert set(statuses[1:-1]) == {"processing"}


def test_progress_counts_the_texts_that_the_request_brought(system: System) -> None:
    system.ingest(an_ad("1", "Read before."))
    request_id = system.ask([an_ad("1", "Read before."), an_ad("2", "New."), an_ad("3", "New, too.")])
    system.work(without=[AI_QUEUE])
    progress = system.request(request_id)["progress"]
    assert (progress["texts_read"], progress["texts"]) == (0, 2)

    one, _ = system.rows("content", "labelled_with IS NULL")
    with system.services.database.worker("shared") as connection:
        mark_labelled(connection, scope="shared", content_ids=[one["content_id"]], taxonomy_version="v1")
    system.work(without=[AI_QUEUE])
    assert system.request(request_id)["progress"]["texts_read"] == 1


def test_requests_for_the_same_sources_join_one_run(system: System) -> None:
    system.source.ads["acme"] = [an_ad("1"), an_ad("2")]
    system.ingest(an_ad("0"))  # the brand is known
    requests = [system.ask_source("acme") for _ in range(3)]
    system.relay()
    system.poll(GATHER_QUEUE)

    system.work()

    runs = system.rows("run", "source ->> 'bundle' IS NULL")
    assert len(runs) == 1
    assert {system.request(request_id)["status"] for request_id in requests} == {"completed"}
    assert len(system.rows("request_run", "batch_id = :batch", batch=runs[0]["batch_id"])) == 3


def test_a_request_for_other_sources_waits_its_turn(system: System) -> None:
    first, second = system.ask([an_ad("1")]), system.ask([an_ad("2")])
    for _ in range(2):
        system.relay()
        system.poll(GATHER_QUEUE)
    assert len(system.rows("run", "state IN ('open', 'committing')")) == 1

    system.work()

    assert {system.request(request_id)["status"] for request_id in (first, second)} == {"completed"}
    assert len(system.rows("run", "state = 'committed'")) == 2
    assert {row["external_id"] for row in system.rows("ad")} == {"1", "2"}


def test_waiting_for_ones_turn_uses_up_no_attempts(system: System) -> None:
    system.ask([an_ad("1", "One.", system.upload(a_picture("red")))])
    waiting = system.ask([an_ad("2")])
    for _ in range(10):  # twice the deliveries after which a message is dead
        system.relay()
        system.bring_forward_delayed_messages()
        system.poll(GATHER_QUEUE)

    system.work()

    assert system.request(waiting)["status"] == "completed"


def test_two_gathers_of_one_brand_at_once_open_one_run_each_in_turn(system: System) -> None:
    requests = [system.ask([an_ad(str(number))]) for number in range(2)]
    system.relay()
    messages = system.services.queue.receive(GATHER_QUEUE)
    handler = system.consumers[GATHER_QUEUE].handler
    barrier = threading.Barrier(2)
    failures: list[str] = []

    def gather(number: int) -> None:
        barrier.wait(10)
        try:
            handler.handle(messages[number])
        except Exception as error:
            failures.append(type(error).__name__)

    threads = [threading.Thread(target=gather, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert failures == ["WaitingForTurnError"]
    assert len(system.rows("run")) == 1
    system.work()  # the one that failed comes again; the other one too, and finds its run
    assert {system.request(request_id)["status"] for request_id in requests} == {"completed"}
    assert len(system.rows("run")) == 2


def test_one_failed_brand_does_not_fail_the_request(system: System) -> None:
    request_id = system.ask([an_ad("1"), an_ad("2", brand_name="Other")])
    other = next(row["body"] for row in system.rows("outbox") if '"other"' in row["body"])
    system.services.objects.delete(other.split('"bundle":"')[1][:64])

    system.work()

    request = system.request(request_id)
    assert request["status"] == "completed"
    assert request["error"].startswith("other: ")
    assert request["result"]["ads"] == 1
    assert (request["result"]["rows"], request["result"]["not_processed"]) == (1, 1)


def test_two_spellings_of_one_brand_are_one_ledger(system: System) -> None:
    system.ingest(an_ad("0", brand_aliases=("Acme Inc",)))

    result = system.ingest(an_ad("1"), an_ad("2", brand_name="Acme Inc"), an_ad("3", brand_name="Acme Inc"))["result"]

    assert result["ads"] == 3
    assert {slug: brand["ads"] for slug, brand in result["brands"].items()} == {"acme": 3}
