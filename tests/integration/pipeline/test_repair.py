"""What could not be had is had later; what is no longer wanted stops; what died is sent again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.adapters.postgres.request_store import cancel_open_request
from core.adapters.postgres.roles import Cluster
from core.domain.principal import LOCAL_PRINCIPAL, Principal
from core.domain.run import RunState
from core.errors import ConflictError, NotFoundError
from core.messages import AI_QUEUE, BACKGROUND_SUFFIX, GATHER_QUEUE, URL_QUEUE
from core.pipeline.redrive import redrive
from core.pipeline.requests import ask_for_repair, cancel_request
from tests.fakes.media_server import answering, media_server
from tests.running_system import System, a_picture, an_ad, running_system


def lose(system: System, url: str) -> bytes:
    """Take an upload out of the store, as a medium that can't be had; its bytes."""
    sha256 = url.removeprefix("upload://").split("/")[0]
    with system.services.objects.open(sha256) as stream:
        content = stream.read()
    system.services.objects.delete(sha256)
    return content


def a_partial_run(system: System) -> tuple[str, bytes]:
    """Two ads of one run, the second's picture missing; (batch_id, the missing picture)."""
    good, missing = system.upload(a_picture("red")), system.upload(a_picture("blue"))
    content = lose(system, missing)
    system.ingest(an_ad("1", "One.", good), an_ad("2", "Two.", missing))
    (run,) = system.rows("run")
    assert run["partial"]
    assert system.ad("2")["media_status"] != "ok"
    return run["batch_id"], content


def repair(system: System, batch_id: str) -> dict[str, Any]:
    request_id = ask_for_repair(system.services.database, LOCAL_PRINCIPAL, batch_id)
    system.work()
    return system.request(request_id)


def test_a_repair_run_acquires_what_the_run_lacked_and_nothing_else(system: System) -> None:
    batch_id, content = a_partial_run(system)
    scans, observations = system.rows("scan"), system.rows("observation")
    good = system.ad("1")
    system.upload(content)

    request = repair(system, batch_id)

    assert request["status"] == "completed"
    assert request["result"]["repaired"] == 1
    assert request["progress"]["items"] == 1
    repaired = system.ad("2")
    assert (repaired["media_status"], repaired["media_reason"]) == ("ok", None)
    assert repaired["cover_sha256"] in {row["sha256"] for row in system.rows("creative")}
    assert (system.rows("scan"), system.rows("observation")) == (scans, observations)
    assert system.ad("1") == good


def test_what_still_can_not_be_had_says_so_and_may_be_repaired_again(system: System) -> None:
    batch_id, content = a_partial_run(system)

    assert repair(system, batch_id)["result"]["repaired"] == 0
    assert system.ad("2")["media_status"] != "ok"
    system.upload(content)
    assert repair(system, batch_id)["result"]["repaired"] == 1
    assert repair(system, batch_id)["result"]["repaired"] == 0  # it is well already


def test_only_a_run_that_is_over_and_may_be_seen_can_be_repaired(system: System) -> None:
    request_id = system.ask([an_ad("1", "One.", system.upload(a_picture("red")))], scope="private")
    system.work(without=[URL_QUEUE])
    (run,) = system.rows("run")

    with pytest.raises(ConflictError):
        ask_for_repair(system.services.database, LOCAL_PRINCIPAL, run["batch_id"])
    system.work()
    assert system.request(request_id)["status"] == "completed"
    stranger = Principal(organisation_id="stranger", user_id="eve")
    with pytest.raises(NotFoundError):
        ask_for_repair(system.services.database, stranger, run["batch_id"])


# --- cancelled ----------------------------------------------------------------------------------------


def cancel(system: System, request_id: str) -> None:
    cancel_request(system.services.database, LOCAL_PRINCIPAL, request_id)


def runs(system: System) -> list[str]:
    return [run["state"] for run in system.rows("run")]


def test_a_cancelled_request_stops_its_run_at_the_next_sweep(system: System) -> None:
    request_id = system.ask([an_ad("1"), an_ad("2")])
    system.work(without=[URL_QUEUE])
    cancel(system, request_id)

    system.sweep()

    assert runs(system) == [RunState.CANCELLED]
    assert system.request(request_id)["status"] == "cancelled"
    assert not system.rows("ad")
    assert not system.rows("queue_message")  # its items' messages were of the past
    assert not system.rows("dead_letter")
    system.ingest(an_ad("1"))  # and the brand is free
    assert len(system.rows("ad")) == 1


def test_the_ledger_of_a_cancelled_request_says_what_it_had_brought(system: System) -> None:
    lost = an_ad("2", "Two.", system.upload(a_picture("red")), brand_name="Zenith")
    request_id = system.ask([an_ad("1"), lost])
    system.work(without=[URL_QUEUE])
    system.execute("UPDATE queue_message SET visible_at = now() + interval '1 hour' WHERE body LIKE '%zenith%'")
    system.poll(URL_QUEUE)
    cancel(system, request_id)

    system.sweep()

    assert sorted(runs(system)) == [RunState.CANCELLED, RunState.COMMITTED]
    request = system.request(request_id)
    assert request["status"] == "cancelled"
    ledger = request["result"]
    assert (ledger["rows"], ledger["new"], ledger["not_processed"]) == (len(system.rows("ad")), 1, 1)


def test_what_a_cancelled_run_lacks_is_not_repaired(system: System) -> None:
    """None of its ads is stored: a repair would end well and bring nothing."""
    request_id = system.ask([an_ad("1", "One.", system.upload(a_picture("red")))])
    system.work(without=[URL_QUEUE])
    system.bury("queue = :queue", queue=URL_QUEUE)
    cancel(system, request_id)
    system.sweep()
    (run,), (letter,) = system.rows("run"), system.rows("dead_letter")

    with pytest.raises(ConflictError, match="ask for the brand again"):
        ask_for_repair(system.services.database, LOCAL_PRINCIPAL, run["batch_id"])
    with pytest.raises(ConflictError, match="ask for the brand again"):
        redrive(system.services.database, letter["dead_letter_id"])

    (letter,) = system.rows("dead_letter")
    assert letter["redriven_at"] is None


def test_a_run_that_somebody_else_waits_for_goes_on(system: System) -> None:
    system.source.ads["acme"] = [an_ad("1")]
    first = system.ask_source("acme")
    system.work(without=[URL_QUEUE])
    second = system.ask_source("acme")
    system.work(without=[URL_QUEUE])
    cancel(system, first)

    system.sweep()

    assert runs(system) == [RunState.COMMITTED]
    assert system.request(first)["status"] == "cancelled"
    assert system.request(second)["status"] == "completed"


def test_a_request_cancelled_before_its_gather_opens_no_run(system: System) -> None:
    request_id = system.ask([an_ad("1")])
    cancel(system, request_id)

    system.work()

    assert runs(system) == []
    assert not system.rows("queue_message")


def test_a_run_no_request_hangs_on_is_nobodys_to_cancel(system: System) -> None:
    system.source.ads["acme"] = [an_ad("1")]
    system.services.queue.send_batch(GATHER_QUEUE, ['{"brand": "acme"}'])
    system.work(without=[URL_QUEUE])

    system.sweep()

    assert runs(system) == [RunState.COMMITTED]


@pytest.mark.parametrize("bare_comes", ["first", "second"])
def test_a_run_that_a_bare_message_asked_for_goes_on(system: System, bare_comes: str) -> None:
    """It has no handle by which anybody could take it back, and it is gone: nothing would ask again."""
    system.source.ads["acme"] = [an_ad("1")]

    def send_a_bare_message() -> None:
        system.services.queue.send_batch(GATHER_QUEUE, ['{"brand": "acme"}'])
        system.work(without=[URL_QUEUE])

    if bare_comes == "first":
        send_a_bare_message()
    request_id = system.ask_source("acme")
    system.work(without=[URL_QUEUE])
    if bare_comes == "second":
        send_a_bare_message()
    cancel(system, request_id)

    system.sweep()

    assert runs(system) == [RunState.COMMITTED]
    assert len(system.rows("ad")) == 1
    assert system.request(request_id)["status"] == "cancelled"


def test_the_media_of_a_cancelled_run_are_not_fetched(cluster: Cluster, tmp_path: Path) -> None:
    with media_server() as media, running_system(cluster, tmp_path, fetch_allow_hosts=media.host) as system:
        media.routes = {path: answering(200, a_picture("red")) for path in ("/cancelled.png", "/wanted.png")}
        cancelled = system.ask([an_ad("1", "One.", media.url("/cancelled.png"))])
        system.work(without=[URL_QUEUE])
        cancel(system, cancelled)

        system.sweep()

        assert media.connections == 0
        assert not system.rows("queue_message")
        system.ingest(an_ad("1", "One.", media.url("/wanted.png")))
        assert media.connections == 1


def test_what_is_over_or_anothers_can_not_be_cancelled(system: System) -> None:
    request = system.ingest(an_ad("1"))

    with pytest.raises(ConflictError):
        cancel(system, request["request_id"])
    stranger = Principal(organisation_id="stranger", user_id="eve")
    with pytest.raises(NotFoundError):
        cancel_request(system.services.database, stranger, request["request_id"])
    assert system.request(request["request_id"])["status"] == "completed"


def test_the_first_wall_stands_without_the_second(system: System) -> None:
    """A worker's connection sees every organisation's requests: the statement itself must not."""
    request_id = system.ask([an_ad("1")])

    with system.services.database.machinery() as connection:
        assert cancel_open_request(connection, organisation_id="stranger", request_id=request_id) is None
    assert system.request(request_id)["status"] == "queued"


# --- joined -------------------------------------------------------------------------------------------


def test_a_request_joins_a_run_that_asks_as_much_or_more(system: System) -> None:
    system.source.ads["acme"] = [an_ad("1")]
    every = system.ask_source("acme")
    system.work(without=[URL_QUEUE])
    body = '{"brand": "acme", "source": "own"}'
    system.services.queue.send_batch(GATHER_QUEUE, [body])  # less than every source
    system.work()

    assert len(system.rows("run")) == 1
    assert system.request(every)["status"] == "completed"


def test_a_joined_requests_message_that_comes_again_opens_no_second_run(system: System) -> None:
    system.source.ads["acme"] = [an_ad("1")]
    system.ask_source("acme")
    system.work(without=[URL_QUEUE])
    joined = system.ask_source("acme")
    system.relay()
    (message,) = system.services.queue.receive(GATHER_QUEUE)
    system.services.queue.send_batch(GATHER_QUEUE, [message.body])  # its double
    system.services.queue.change_visibility(message, seconds=0)

    system.work(without=[URL_QUEUE])
    system.work()
    system.services.queue.send_batch(GATHER_QUEUE, [message.body])  # and again, when the run is over
    system.work()

    assert len(system.rows("run")) == 1
    assert system.request(joined)["status"] == "completed"


# --- dead letters -------------------------------------------------------------------------------------


def kill(system: System, queue: str) -> None:
    """What the queue holds has crashed its worker often enough."""
    for name in (queue, queue + BACKGROUND_SUFFIX):
        system.bury("queue = :queue", queue=name)
    system.work()


def test_a_redriven_item_of_a_run_that_is_over_is_repaired(system: System) -> None:
    url = system.upload(a_picture("red"))
    system.ask([an_ad("1", "One.", url)])
    system.work(without=[URL_QUEUE])
    kill(system, URL_QUEUE)
    (letter,) = system.rows("dead_letter")
    assert system.ad("1")["media_status"] != "ok"

    told = redrive(system.services.database, letter["dead_letter_id"])
    system.work()

    assert "repair" in told
    assert system.ad("1")["media_status"] == "ok"
    with pytest.raises(ConflictError):
        redrive(system.services.database, letter["dead_letter_id"])


def test_a_redriven_gather_is_a_run_of_its_own(system: System) -> None:
    system.ask([an_ad("1")])
    system.relay()
    kill(system, GATHER_QUEUE)
    (letter,) = system.rows("dead_letter")
    assert runs(system) == [RunState.FAILED]

    redrive(system.services.database, letter["dead_letter_id"])
    system.work()

    assert len(system.rows("ad")) == 1


def test_a_redriven_reading_reads(system: System) -> None:
    system.ask([an_ad("1", "Half price today only.")])
    system.work(without=[AI_QUEUE, AI_QUEUE + BACKGROUND_SUFFIX])
    kill(system, AI_QUEUE)
    (letter,) = system.rows("dead_letter")
    assert not system.rows("label")

    redrive(system.services.database, letter["dead_letter_id"])
    system.work()

    assert system.rows("label")
    assert all(content["labelled_with"] for content in system.rows("content"))  # closely too


def test_there_is_nothing_to_redrive_under_an_unknown_number(system: System) -> None:
    with pytest.raises(NotFoundError):
        redrive(system.services.database, 4711)
