"""Whoever resumes after an event hears each that came after it, once and in order; or is told that he can't."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.request_store import forget_old_events, insert_request, record_event
from core.curation.brandspaces import create_brandspace
from core.domain.principal import Principal
from core.errors import BadInputError
from core.queries import events
from core.queries.events import CaughtUp, Topics, catch_up

US, THEM = Principal("ours"), Principal("theirs")
EVERYTHING = Topics(everything=True)
KEPT_HOURS = 24


def resume(database: Database, after: int | None, topics: Topics = EVERYTHING, who: Principal = US) -> CaughtUp:
    return catch_up(database, who, topics, after=after, kept_hours=KEPT_HOURS)


def a_request(database: Database, brand: str = "acme", who: Principal = US) -> str:
    """With one event of its own."""
    with database.machinery() as connection:
        return insert_request(connection, who, kind="ingest", params={"brand": brand})


def ids(caught_up: CaughtUp) -> list[int]:
    return [event.event_id for event in caught_up.events]


def made_old(database: Database, *event_ids: int) -> None:
    old = {"hours": timedelta(hours=KEPT_HOURS + 1), "ids": list(event_ids)}
    with database.machinery() as connection:
        connection.execute(text("UPDATE event SET created_at = now() - :hours WHERE event_id = ANY(:ids)"), old)


def forget(database: Database) -> None:
    with database.machinery() as connection:
        forget_old_events(connection, hours=KEPT_HOURS)


def test_what_came_after_an_event_is_told_in_order(database: Database) -> None:
    named = [a_request(database) for _ in range(3)]

    everything = resume(database, 0)

    assert [event.request_id for event in everything.events] == named
    assert ids(resume(database, ids(everything)[0])) == ids(everything)[1:]
    assert everything.position == ids(everything)[-1]
    assert resume(database, everything.position) == CaughtUp(everything.position)


def test_only_what_was_asked_for_is_told(database: Database) -> None:
    space = create_brandspace(database, US, name="Shoes", primary="acme").brandspace_id
    acme, bolt, cleo = (a_request(database, brand) for brand in ("acme", "bolt", "cleo"))

    by_request = resume(database, 0, Topics(requests=frozenset({bolt})))
    by_brandspace = resume(database, 0, Topics(brandspaces=frozenset({space})))
    by_both = resume(database, 0, Topics(frozenset({acme, cleo}), frozenset({space})))

    assert [event.request_id for event in by_request.events] == [bolt]
    assert [event.request_id for event in by_brandspace.events] == [acme]
    assert [event.request_id for event in by_both.events] == [acme, cleo]


def test_an_export_of_a_brandspace_concerns_it(database: Database) -> None:
    space = create_brandspace(database, US, name="Shoes").brandspace_id
    with database.machinery() as connection:
        export = insert_request(connection, US, kind="export", params={"brandspace": space})

    told = resume(database, 0, Topics(brandspaces=frozenset({space})))
    assert [event.request_id for event in told.events] == [export]


def test_nothing_of_another_organisation_is_told_or_known(database: Database) -> None:
    space = create_brandspace(database, THEM, name="Theirs", primary="acme").brandspace_id
    theirs = a_request(database, who=THEM)
    topics = Topics(frozenset({theirs}), frozenset({space}), everything=True)

    for after in (None, 0):
        told = resume(database, after, topics)
        assert (told.position, told.events, told.requests) == (0, (), ())
        assert told.unknown == Topics(frozenset({theirs}), frozenset({space}))


@pytest.mark.parametrize("after", [-1, 2**63])
def test_an_impossible_event_id_is_refused(database: Database, after: int) -> None:
    with pytest.raises(BadInputError):
        resume(database, after)


def test_an_event_that_never_was_is_a_gap(database: Database) -> None:
    """Of a database that was restored from a backup, for instance."""
    request_id = a_request(database)

    told = resume(database, resume(database, 0).position + 1)

    assert told.is_gap
    assert [request.request_id for request in told.requests] == [request_id]


def test_more_than_is_replayed_is_a_gap(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_REPLAYED", 2)
    for _ in range(3):
        a_request(database)

    told = resume(database, 0)

    assert told.is_gap
    assert told.events == ()
    assert len(told.requests) == 3


def test_what_is_forgotten_is_a_gap_and_what_is_kept_is_not(database: Database) -> None:
    for _ in range(4):
        a_request(database)
    first, second, third, fourth = ids(resume(database, 0))
    made_old(database, first, second, third)
    forget(database)

    for after in (0, first, second):
        assert resume(database, after).is_gap
    assert ids(resume(database, third)) == [fourth]


def test_a_quiet_organisation_misses_nothing_however_long(database: Database) -> None:
    a_request(database)
    (only,) = ids(resume(database, 0))
    made_old(database, only)
    a_request(database, who=THEM)
    forget(database)
    assert not resume(database, only).is_gap
    a_request(database)
    forget(database)

    assert len(resume(database, only).events) == 1


def test_of_a_brandspace_the_open_requests_are_shown_and_the_named_ones_in_any_state(database: Database) -> None:
    space = create_brandspace(database, US, name="Shoes", primary="acme").brandspace_id
    over, named, opened, other = (a_request(database, brand) for brand in ("acme", "bolt", "acme", "bolt"))
    with database.machinery() as connection:
        statement = text("UPDATE request SET status = 'completed' WHERE request_id = ANY(:ids)")
        connection.execute(statement, {"ids": [over, named]})

    told = resume(database, None, Topics(frozenset({named}), frozenset({space})))

    assert [request.request_id for request in told.requests] == [named, opened]
    assert other not in str(told)


# --- ids are given in the order of commits -----------------------------------------------------------


def test_an_event_committed_late_has_a_greater_id_than_those_seen_before(database: Database) -> None:
    request_id = a_request(database)
    early = database.worker_engine.connect()
    with early.begin():
        record_event(early, organisation_id="ours", request_id=request_id, status="early")
        with database.machinery() as connection:
            record_event(connection, organisation_id="ours", request_id=request_id, status="late")
        seen = resume(database, 0)
    early.close()

    assert [event.body["status"] for event in resume(database, seen.position).events] == ["early"]


def test_a_reader_who_resumes_by_id_misses_none_of_many_who_write_at_once(database: Database) -> None:
    """Eight writers whose transactions overlap, several events each; the reader asks again and again meanwhile."""
    request_id = a_request(database)
    after, heard, is_over = resume(database, 0).position, list[int](), False
    writers = [threading.Thread(target=write(database, request_id, seed)) for seed in range(8)]
    for writer in writers:
        writer.start()
    while not is_over:
        is_over = not any(writer.is_alive() for writer in writers)
        told = resume(database, after)
        heard += ids(told)
        after = told.position

    assert heard == sorted(set(heard))
    assert heard == ids(resume(database, 0))[1:]
    assert len(heard) == 8 * 15 * 2


def write(database: Database, request_id: str, seed: int) -> Callable[[], None]:
    """Fifteen transactions of two events each, which stay open for a moment of random length."""
    chance = random.Random(seed)

    def run() -> None:
        for number in range(15):
            with database.machinery() as connection:
                for _ in range(2):
                    record_event(
                        connection, organisation_id="ours", request_id=request_id, status="processing", result=number
                    )
                    connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": chance.random() / 100})

    return run
