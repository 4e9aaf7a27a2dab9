"""Operations: queues, processes, runs, dead letters and errors at a glance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from core.adapters.postgres import schema
from core.adapters.postgres.engine import Database
from core.messages import GATHER_QUEUE
from tests.pages.conftest import ShowPage, texts

NOW = datetime.now(UTC)


def test_a_quiet_system_says_so(show: ShowPage) -> None:
    said = texts(show("operations"))
    assert "Gather=0" in said
    assert "No process was heard of" in said
    assert "no message has crashed its worker" in said


def test_queues_show_what_waits_and_what_is_dead(show: ShowPage, database: Database) -> None:
    messages = [{"queue": GATHER_QUEUE, "body": "{}"}, {"queue": f"{GATHER_QUEUE}-dlq", "body": "{}"}]
    with database.machinery() as connection:
        connection.execute(insert(schema.queue_message), messages)
    said = texts(show("operations"))
    assert "Gather=1" in said
    assert "1 in the dead-letter queue" in said


def test_processes_runs_dead_letters_and_errors_are_listed(show: ShowPage, database: Database) -> None:
    run = {"batch_id": "b1", "scope": "shared", "brand_slug": "acme", "state": "failed", "expected_count": 4}
    with database.machinery() as connection:
        connection.execute(insert(schema.run).values(**run, gather_key="k", error="no disk"))
        connection.execute(
            insert(schema.heartbeat).values(process_id="host:1", roles="api,worker", host="host", last_seen_at=NOW)
        )
        connection.execute(
            insert(schema.dead_letter).values(scope="shared", queue=GATHER_QUEUE, body="{}", reason="worker died")
        )
        connection.execute(insert(schema.notice).values(level="error", subject="Run failed", text="<b>no disk</b>"))
    page = show("operations")
    runs, letters = (table.value for table in page.dataframe)
    assert list(runs["State"]) == ["✕ Failed"]
    assert list(runs["Note"]) == ["no disk"]
    assert list(letters["Reason"]) == ["worker died"]
    assert list(letters["Sent again"]) == [""]
    assert "host\\:\u20601 · api\\, worker" in texts(page)
    assert "\\<b\\>no disk\\<\\/b\\>" in texts(page)


def test_the_ids_that_the_commands_ask_for_are_on_the_page(show: ShowPage, database: Database) -> None:
    run = {"batch_id": "b1", "scope": "shared", "brand_slug": "acme", "state": "committed", "expected_count": 4}
    letter = {"scope": "shared", "queue": GATHER_QUEUE, "body": "{}", "reason": "worker died", "batch_id": "b1"}
    with database.machinery() as connection:
        connection.execute(insert(schema.run).values(**run, gather_key="k"))
        letters = connection.execute(insert(schema.dead_letter).values(**letter).returning(schema.dead_letter))
        letter_id = letters.one().dead_letter_id
    runs, letters_shown = (table.value for table in show("operations").dataframe)
    assert list(runs["Run"]) == ["b1"]
    assert list(letters_shown["Id"]) == [letter_id]
    assert list(letters_shown["Run"]) == ["b1"]


def test_a_process_that_went_quiet_is_no_longer_alive(show: ShowPage, database: Database) -> None:
    with database.machinery() as connection:
        late = {"last_seen_at": NOW - timedelta(minutes=5)}
        connection.execute(insert(schema.heartbeat).values(process_id="host:1", roles="api", host="host", **late))
    assert "No process was heard of" in texts(show("operations"))
