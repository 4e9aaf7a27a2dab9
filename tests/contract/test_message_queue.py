"""Every MessageQueue keeps SQS's promises, and refuses what SQS refuses. Waiting is long polling, never sleep."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from core.adapters.postgres.engine import Database
from core.adapters.postgres.pg_queue import PostgresQueue
from core.adapters.sqs_address import SqsAddress
from core.adapters.sqs_queue import SqsQueue
from core.errors import BadInputError, NotFoundError, StaleError
from core.messages import AI_QUEUE, DEAD_LETTER_SUFFIX, GATHER_QUEUE, QUEUES, URL_QUEUE
from core.ports import MessageQueue, ReceivedMessage
from tests.fakes.sqs_clients import moto_server
from tests.fakes.sqs_server import SqsServer

OpenQueues = Callable[..., MessageQueue]
MEBIBYTE = 1_048_576


except_moto = pytest.mark.parametrize("open_queues", ["postgres", "sqs"], indirect=True)
except_sqs = pytest.mark.parametrize("open_queues", ["postgres"], indirect=True)


@pytest.fixture(scope="module")
def sqs_urls() -> Iterator[dict[str, str]]:
    with SqsServer() as ours, moto_server() as moto:
        yield {"sqs": ours.url, "moto": moto}


@pytest.fixture(params=["postgres", "sqs", "moto"])
def open_queues(request: pytest.FixtureRequest) -> OpenQueues:
    """Opens fresh queues of one adapter: ``open_queues(visibility_seconds=30, max_receive_count=5)``.

    "sqs" is the adapter of SQS over our server, "moto" the same over moto's.
    """

    def open_postgres(visibility_seconds: int = 30, max_receive_count: int = 5) -> MessageQueue:
        database: Database = request.getfixturevalue("database")
        return PostgresQueue(
            database.worker_engine, visibility_seconds=visibility_seconds, max_receive_count=max_receive_count
        )

    def open_sqs(visibility_seconds: int = 30, max_receive_count: int = 5) -> MessageQueue:
        urls = request.getfixturevalue("sqs_urls")
        address = SqsAddress("eu-west-1", f"{uuid.uuid4().hex}-", urls[request.param])
        queues = SqsQueue(
            address,
            visibility_seconds=visibility_seconds,
            handler_timeout_seconds=0.1,
            max_receive_count=max_receive_count,
        )
        queues.prepare()
        return queues

    return {"postgres": open_postgres, "sqs": open_sqs, "moto": open_sqs}[request.param]


def drain(queues: MessageQueue, queue: str) -> list[ReceivedMessage]:
    received: list[ReceivedMessage] = []
    while batch := queues.receive(queue):
        received += batch
    return received


# --- delivery -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 10, 11, 250])
def test_every_body_sent_is_received_as_it_was(open_queues: OpenQueues, count: int) -> None:
    queues = open_queues()
    bodies = [f'{{"brand": "nike", "n": {n}}}' for n in range(count)]
    queues.send_batch(GATHER_QUEUE, bodies)
    received = drain(queues, GATHER_QUEUE)
    assert sorted(m.body for m in received) == sorted(bodies)
    assert len({m.message_id for m in received}) == count
    assert {m.queue for m in received} <= {GATHER_QUEUE}


@pytest.mark.parametrize("body", ["광고 テスト 😀", "tab\tline\r\n", "\\N \\. '; --", "%s :name {}"])
def test_any_text_survives_the_way(open_queues: OpenQueues, body: str) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, [body])
    assert [m.body for m in queues.receive(GATHER_QUEUE)] == [body]


def test_queues_do_not_mix(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["a"])
    assert queues.receive(AI_QUEUE) == []


def test_at_most_the_asked_number_comes(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["a"] * 12)
    assert len(queues.receive(GATHER_QUEUE, max_messages=3)) == 3
    assert len(queues.receive(GATHER_QUEUE)) <= 10


def test_a_long_poll_ends_when_a_message_comes(open_queues: OpenQueues) -> None:
    queues = open_queues()
    sender = threading.Timer(0.3, queues.send_batch, [GATHER_QUEUE, ["late"]])
    sender.start()
    assert [m.body for m in queues.receive(GATHER_QUEUE, wait_seconds=10)] == ["late"]
    sender.join()


def test_an_empty_long_poll_ends_by_itself(open_queues: OpenQueues) -> None:
    assert open_queues().receive(GATHER_QUEUE, wait_seconds=0.3) == []


def test_a_delayed_message_is_hidden_until_its_time(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["later"], delay_seconds=1)
    assert queues.receive(GATHER_QUEUE) == []
    assert queues.depth(GATHER_QUEUE).delayed == 1
    assert [m.body for m in queues.receive(GATHER_QUEUE, wait_seconds=5)] == ["later"]


# --- visibility ---------------------------------------------------------------------------------------


def test_a_message_in_flight_is_hidden_and_comes_again_when_its_visibility_lapses(open_queues: OpenQueues) -> None:
    queues = open_queues(visibility_seconds=1)
    queues.send_batch(GATHER_QUEUE, ["a"])
    [first] = queues.receive(GATHER_QUEUE)
    assert queues.receive(GATHER_QUEUE) == []
    [second] = queues.receive(GATHER_QUEUE, wait_seconds=5)
    assert (first.message_id, first.receive_count) == (second.message_id, 1)
    assert second.receive_count == 2
    assert second.receipt != first.receipt


def test_a_message_given_back_is_there_at_once(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["a"])
    [message] = queues.receive(GATHER_QUEUE)
    queues.change_visibility(message, seconds=0)
    assert [m.body for m in queues.receive(GATHER_QUEUE)] == ["a"]


def test_an_extended_message_stays_hidden_beyond_its_first_visibility(open_queues: OpenQueues) -> None:
    queues = open_queues(visibility_seconds=1)
    queues.send_batch(GATHER_QUEUE, ["a"])
    [message] = queues.receive(GATHER_QUEUE)
    queues.change_visibility(message, seconds=30)
    assert queues.receive(GATHER_QUEUE, wait_seconds=1.5) == []


@except_moto  # it honours every receipt a message ever had
def test_a_lost_receipt_cannot_extend(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["a"])
    [old] = queues.receive(GATHER_QUEUE)
    queues.change_visibility(old, seconds=0)
    [_] = queues.receive(GATHER_QUEUE)
    with pytest.raises(StaleError):
        queues.change_visibility(old, seconds=30)


def test_a_deleted_message_cannot_be_extended(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["a"])
    [message] = queues.receive(GATHER_QUEUE)
    queues.delete_batch([message])
    with pytest.raises(StaleError):
        queues.change_visibility(message, seconds=30)


# --- settling -----------------------------------------------------------------------------------------


def test_a_deleted_message_never_comes_again(open_queues: OpenQueues) -> None:
    queues = open_queues(visibility_seconds=1)
    queues.send_batch(GATHER_QUEUE, ["a", "b"])
    assert queues.delete_batch(queues.receive(GATHER_QUEUE)) == []
    assert queues.receive(GATHER_QUEUE, wait_seconds=1.5) == []


def test_deleting_twice_is_no_failure(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["a"])
    [message] = queues.receive(GATHER_QUEUE)
    assert queues.delete_batch([message, message]) == []
    assert queues.delete_batch([message]) == []


@except_moto  # it honours every receipt a message ever had
def test_a_lost_receipt_does_not_delete(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["a", "b"])
    old, other = queues.receive(GATHER_QUEUE)
    queues.change_visibility(old, seconds=0)
    [new] = queues.receive(GATHER_QUEUE)
    queues.delete_batch([old, other])
    assert queues.depth(GATHER_QUEUE).in_flight == 1
    assert queues.delete_batch([new]) == []
    assert queues.depth(GATHER_QUEUE).in_flight == 0


@except_sqs  # it tells nobody
def test_a_lost_receipt_is_reported(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["a", "b"])
    old, other = queues.receive(GATHER_QUEUE)
    queues.change_visibility(old, seconds=0)
    [_] = queues.receive(GATHER_QUEUE)
    assert queues.delete_batch([old, other]) == [old]


def test_more_than_a_batch_is_deleted_at_once(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["a"] * 25)
    assert queues.delete_batch(drain(queues, GATHER_QUEUE)) == []
    assert queues.depth(GATHER_QUEUE).in_flight == 0


# --- dead letters -------------------------------------------------------------------------------------


def test_a_message_received_too_often_becomes_a_dead_letter(open_queues: OpenQueues) -> None:
    queues = open_queues(max_receive_count=2)
    queues.send_batch(URL_QUEUE, ["poison"])
    for expected in (1, 2):
        [message] = queues.receive(URL_QUEUE)
        assert message.receive_count == expected
        queues.change_visibility(message, seconds=0)
    assert queues.receive(URL_QUEUE) == []
    [dead] = queues.receive(URL_QUEUE + DEAD_LETTER_SUFFIX)
    assert dead.body == "poison"
    assert queues.delete_batch([dead]) == []


@except_moto  # it doesn't tell where a dead letter comes from, so its count goes on
def test_a_dead_letter_is_counted_anew(open_queues: OpenQueues) -> None:
    queues = open_queues(max_receive_count=1)
    queues.send_batch(URL_QUEUE, ["poison"])
    queues.change_visibility(queues.receive(URL_QUEUE)[0], seconds=0)
    assert queues.receive(URL_QUEUE) == []
    for expected in (1, 2):
        [dead] = queues.receive(URL_QUEUE + DEAD_LETTER_SUFFIX)
        assert dead.receive_count == expected
        queues.change_visibility(dead, seconds=0)


def test_a_dead_letter_hides_no_living_message(open_queues: OpenQueues) -> None:
    queues = open_queues(max_receive_count=1)
    queues.send_batch(URL_QUEUE, ["poison"] * 30)
    for message in drain(queues, URL_QUEUE):
        queues.change_visibility(message, seconds=0)
    queues.send_batch(URL_QUEUE, ["healthy"])
    assert [m.body for m in queues.receive(URL_QUEUE, wait_seconds=5)] == ["healthy"]
    assert queues.depth(URL_QUEUE + DEAD_LETTER_SUFFIX).waiting == 30


def test_a_dead_letter_is_received_however_often(open_queues: OpenQueues) -> None:
    queues = open_queues(max_receive_count=1)
    dead_letters = URL_QUEUE + DEAD_LETTER_SUFFIX
    queues.send_batch(dead_letters, ["a"])
    for expected in (1, 2, 3):
        [message] = queues.receive(dead_letters)
        assert message.receive_count == expected
        queues.change_visibility(message, seconds=0)


# --- depth --------------------------------------------------------------------------------------------


def test_depth_tells_waiting_from_in_flight_from_delayed(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["a"] * 5)
    queues.send_batch(GATHER_QUEUE, ["b"], delay_seconds=60)
    queues.receive(GATHER_QUEUE, max_messages=2)
    depth = queues.depth(GATHER_QUEUE)
    assert (depth.waiting, depth.in_flight, depth.delayed) == (3, 2, 1)


@except_sqs  # it can't be asked
def test_depth_tells_the_age_of_the_oldest_message(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["a"])
    age_seconds = queues.depth(GATHER_QUEUE).oldest_age_seconds
    assert age_seconds is not None
    assert 0 <= age_seconds < 60


def test_an_empty_queue_has_no_age(open_queues: OpenQueues) -> None:
    assert open_queues().depth(GATHER_QUEUE).oldest_age_seconds is None


# --- refusals -----------------------------------------------------------------------------------------


def test_every_queue_we_name_is_there(open_queues: OpenQueues) -> None:
    queues = open_queues()
    assert {queues.depth(name).waiting for name in QUEUES} == {0}


def test_an_unknown_queue_is_not_found(open_queues: OpenQueues) -> None:
    queues = open_queues()
    for use in (lambda: queues.send_batch("no", ["a"]), lambda: queues.receive("no"), lambda: queues.depth("no")):
        with pytest.raises(NotFoundError, match="no"):
            use()


def test_the_largest_body_goes_through(open_queues: OpenQueues) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["x" * MEBIBYTE] * 3)
    assert {len(m.body) for m in drain(queues, GATHER_QUEUE)} == {MEBIBYTE}


@pytest.mark.parametrize("body", ["", "x" * (MEBIBYTE + 1), "é" * (MEBIBYTE // 2 + 1)], ids=["empty", "long", "bytes"])
def test_a_body_of_wrong_size_is_refused(open_queues: OpenQueues, body: str) -> None:
    with pytest.raises(BadInputError, match="message 1"):
        open_queues().send_batch(GATHER_QUEUE, ["fine", body])


@pytest.mark.parametrize("character", ["\0", "\x08", "\x1b", "\ud800", "\ufffe"])
def test_a_character_xml_lacks_is_refused_and_nothing_is_sent(open_queues: OpenQueues, character: str) -> None:
    queues = open_queues()
    with pytest.raises(BadInputError, match=r"U\+"):
        queues.send_batch(GATHER_QUEUE, ["fine", f"a{character}b"])
    assert queues.receive(GATHER_QUEUE) == []


@pytest.mark.parametrize("delay_seconds", [-1, 901])
def test_a_delay_out_of_range_is_refused(open_queues: OpenQueues, delay_seconds: int) -> None:
    with pytest.raises(BadInputError, match="delay_seconds"):
        open_queues().send_batch(GATHER_QUEUE, ["a"], delay_seconds=delay_seconds)


@pytest.mark.parametrize(("max_messages", "wait_seconds"), [(0, 0), (11, 0), (1, -1), (1, 21)])
def test_a_receive_out_of_range_is_refused(open_queues: OpenQueues, max_messages: int, wait_seconds: float) -> None:
    with pytest.raises(BadInputError):
        open_queues().receive(GATHER_QUEUE, max_messages=max_messages, wait_seconds=wait_seconds)


@pytest.mark.parametrize("seconds", [-1, 43_201])
def test_a_visibility_out_of_range_is_refused(open_queues: OpenQueues, seconds: int) -> None:
    queues = open_queues()
    queues.send_batch(GATHER_QUEUE, ["a"])
    [message] = queues.receive(GATHER_QUEUE)
    with pytest.raises(BadInputError, match="43200"):
        queues.change_visibility(message, seconds=seconds)


# --- concurrency --------------------------------------------------------------------------------------


@except_moto  # two of its threads may take one message
def test_eight_consumers_share_500_messages_without_a_double(open_queues: OpenQueues) -> None:
    queues = open_queues(visibility_seconds=60)
    queues.send_batch(URL_QUEUE, [str(n) for n in range(500)])
    seen: Counter[str] = Counter()
    start = threading.Barrier(8)

    def consume() -> None:
        start.wait()
        while batch := queues.receive(URL_QUEUE):
            assert queues.delete_batch(batch) == []
            seen.update(message.body for message in batch)

    consumers = [threading.Thread(target=consume) for _ in range(8)]
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join()
    assert seen == Counter(str(n) for n in range(500))
