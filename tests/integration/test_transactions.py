"""What joins a transaction that stands open, and what doesn't."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.curation.brandspaces import create_brandspace
from core.domain.principal import Principal
from core.errors import NotFoundError
from core.queries.brandspaces import list_brandspaces
from tests.builders import AnAd, store

OURS, THEIRS = Principal("ours"), Principal("theirs")


def _names(database: Database, principal: Principal = OURS) -> list[str]:
    return [space.name for space in list_brandspaces(database, principal)][1:]


def test_what_is_written_together_is_read_together(database: Database) -> None:
    with database.together(OURS):
        create_brandspace(database, OURS, name="One", competitors=[])
        assert _names(database) == ["One"]


def test_what_is_written_together_is_undone_together(database: Database) -> None:
    def fail() -> None:
        with database.together(OURS):
            create_brandspace(database, OURS, name="One", competitors=[])
            create_brandspace(database, OURS, name="Two", competitors=[])
            raise NotFoundError("something else went wrong")

    with pytest.raises(NotFoundError):
        fail()
    assert _names(database) == []


def test_a_step_that_fails_undoes_itself_only(database: Database) -> None:
    def fail() -> None:
        with database.writer(OURS) as connection:
            connection.execute(text("UPDATE brandspace SET name = 'Other'"))
            raise RuntimeError

    with database.together(OURS):
        create_brandspace(database, OURS, name="One", competitors=[])
        with pytest.raises(RuntimeError):
            fail()
    assert _names(database) == ["One"]


def test_another_organisation_never_joins(database: Database) -> None:
    with database.together(OURS):
        create_brandspace(database, OURS, name="One", competitors=[])
        create_brandspace(database, THEIRS, name="Theirs", competitors=[])
        assert _names(database, THEIRS) == ["Theirs"]
    assert _names(database) == ["One"]


def test_afterwards_nothing_joins(database: Database) -> None:
    with database.together(OURS) as first:
        pass
    with database.reader(OURS) as second:
        assert second is not first


def test_a_snapshot_shows_one_moment(database: Database) -> None:
    count = text("SELECT count(*) FROM ad")
    store(database, AnAd("1"))
    with database.snapshot(OURS):
        with database.reader(OURS) as connection:
            before = connection.execute(count).scalar_one()
        store(database, AnAd("2", copy="Later"))
        with database.reader(OURS) as connection:
            assert connection.execute(count).scalar_one() == before == 1
    with database.reader(OURS) as connection:
        assert connection.execute(count).scalar_one() == 2


def test_who_is_nobody_sees_no_row(database: Database) -> None:
    store(database, AnAd("1"))
    create_brandspace(database, OURS, name="One", competitors=[])
    with database.anonymous() as connection:
        for table in ("ad", "brandspace", "session", "api_key", "user_account"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0
