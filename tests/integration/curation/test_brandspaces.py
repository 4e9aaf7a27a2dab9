"""Brandspaces: roles, edits, the archive, and the one a user looks at."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from core.access.users import invite_user
from core.adapters.postgres.engine import Database
from core.curation import brandspaces as curation
from core.curation.brandspaces import (
    Edit,
    archive_brandspace,
    choose_brandspace,
    create_brandspace,
    edit_brandspace,
    restore_brandspace,
)
from core.domain.principal import LOCAL_PRINCIPAL, Principal, Role
from core.errors import AdologyError, BadInputError, ConflictError, NotAllowedError, NotFoundError
from core.queries.ads import count_ads
from core.queries.brandspaces import chosen_brandspace, get_brandspace, list_brandspaces
from core.queries.filters import AdFilters
from tests.builders import AnAd, store, store_brand

OURS, THEIRS = Principal("ours"), Principal("theirs")
NONE = AdFilters()


def audit(database: Database, who: Principal = OURS) -> list[tuple[str, dict[str, Any]]]:
    with database.reader(who) as connection:
        rows = connection.execute(text("SELECT action, details FROM audit ORDER BY audit_id"))
        return [(row.action, row.details) for row in rows]


def names(database: Database, who: Principal = OURS, *, archived: bool = False) -> list[str]:
    return [space.name for space in list_brandspaces(database, who, archived=archived)]


def test_each_brand_has_one_role_and_the_primary_comes_first(database: Database) -> None:
    made = create_brandspace(
        database, OURS, name="Shoes", primary="us", competitors=["b", "a", "us"], followed=["c", "a"]
    )

    assert (made.primary_brand, made.competitors, made.followed) == ("us", ("a", "b"), ("c",))
    assert made.brands[0] == "us"
    assert get_brandspace(database, OURS, made.brandspace_id) == made


def test_a_brand_is_found_by_any_of_its_names_and_an_unknown_one_waits_under_its_slug(database: Database) -> None:
    store_brand(database, "acme", aliases={"acme": "Acme", "에이크미": "에이크미"})
    store(database, AnAd("1", brand="new_brand", copy="no alias was stored"))

    made = create_brandspace(database, OURS, name="x", competitors=["에이크미", "A-C-M-E", "new_brand", "Not Yet Met"])

    assert set(made.competitors) == {"acme", "new_brand", "not-yet-met"}
    assert count_ads(database, OURS, made.brandspace_id, NONE) == 1


@pytest.mark.parametrize("nothing", [{"name": " "}, {"name": "x" * 101}, {"name": "x", "competitors": [" "]}])
def test_nothing_is_no_name(database: Database, nothing: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        create_brandspace(database, OURS, **nothing)


def test_an_edit_replaces_what_it_names_and_leaves_the_rest(database: Database) -> None:
    made = create_brandspace(database, OURS, name="Old", primary="us", competitors=["a", "b"], followed=["c"])

    renamed = edit_brandspace(database, OURS, made.brandspace_id, Edit(name=" New  name "))
    assert renamed == replace(made, name="New name")

    moved = edit_brandspace(database, OURS, made.brandspace_id, Edit(competitors=["c", "d"]))
    assert (moved.primary_brand, moved.competitors, moved.followed) == ("us", ("c", "d"), ())

    without = edit_brandspace(database, OURS, made.brandspace_id, Edit(primary="", followed=["us"]))
    assert (without.primary_brand, without.competitors, without.followed) == (None, ("c", "d"), ("us",))


def test_the_trail_tells_what_an_edit_replaced_and_nothing_of_one_that_changes_nothing(database: Database) -> None:
    made = create_brandspace(database, OURS, name="Old", primary="us")
    edit_brandspace(database, OURS, made.brandspace_id, Edit(name="New", followed=["a"]))
    edit_brandspace(database, OURS, made.brandspace_id, Edit(name="New"))

    (_, created), (_, edited) = audit(database)

    assert created == {"name": "Old", "brands": {"us": "primary"}}
    assert (edited["name_before"], edited["brands_before"]) == ("Old", {"us": "primary"})
    assert edited["brands"] == {"us": "primary", "a": "followed"}
    assert audit(database, THEIRS) == []


def test_a_name_is_taken_once_whoever_comes_together(database: Database) -> None:
    create_brandspace(database, OURS, name="Taken")
    other = create_brandspace(database, OURS, name="Other")
    create_brandspace(database, THEIRS, name="Taken")
    with pytest.raises(ConflictError, match="Taken"):
        edit_brandspace(database, OURS, other.brandspace_id, Edit(name="Taken"))
    barrier = threading.Barrier(4)

    def make(_: int) -> bool:
        barrier.wait(10)
        try:
            create_brandspace(database, OURS, name="Race")
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(make, range(4))) == 1
    assert names(database) == ["All brands", "Other", "Race", "Taken"]


def test_edits_that_come_together_leave_one_of_them_whole(database: Database) -> None:
    made = create_brandspace(database, OURS, name="x")
    edits = [Edit(primary=f"p{n}", competitors=[f"c{n}"], followed=[f"f{n}"]) for n in range(4)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda edit: edit_brandspace(database, OURS, made.brandspace_id, edit), edits))

    left = get_brandspace(database, OURS, made.brandspace_id)
    assert left.brands in {(f"p{n}", f"c{n}", f"f{n}") for n in range(4)}


def test_an_edit_that_waited_for_another_keeps_what_that_one_changed(database: Database) -> None:
    made = create_brandspace(database, OURS, name="Old")
    with ThreadPoolExecutor(1) as pool:
        with database.together(OURS):
            edit_brandspace(database, OURS, made.brandspace_id, Edit(name="New"))
            waiting = pool.submit(edit_brandspace, database, OURS, made.brandspace_id, Edit(competitors=["a"]))
            wait_for_a_lock(database, waiting)
        waiting.result(10)

    left = get_brandspace(database, OURS, made.brandspace_id)
    assert (left.name, left.competitors) == ("New", ("a",))


def wait_for_a_lock(database: Database, waiting: Future[Any]) -> None:
    """Until somebody stands before a lock."""
    statement = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
    while not waiting.done():
        with database.machinery() as connection:
            if connection.execute(statement).scalar_one():
                return


def test_an_archived_brandspace_is_not_listed_can_not_be_asked_and_frees_its_name(database: Database) -> None:
    store(database, AnAd("1"))
    made = create_brandspace(database, OURS, name="Old", competitors=["acme"])

    archived = archive_brandspace(database, OURS, made.brandspace_id)

    assert archived.archived_at is not None
    assert archive_brandspace(database, OURS, made.brandspace_id) == archived  # twice is once
    assert (names(database), names(database, archived=True)) == (["All brands"], ["Old"])
    assert get_brandspace(database, OURS, made.brandspace_id) == archived
    with pytest.raises(NotFoundError, match="restore"):
        count_ads(database, OURS, made.brandspace_id, NONE)
    with pytest.raises(ConflictError, match="restore"):
        edit_brandspace(database, OURS, made.brandspace_id, Edit(name="Else"))
    create_brandspace(database, OURS, name="Old")
    assert [action for action, _ in audit(database)] == [
        "brandspace.create",
        "brandspace.archive",
        "brandspace.create",
    ]


def test_a_restored_brandspace_is_as_it_was_unless_its_name_is_taken(database: Database) -> None:
    made = create_brandspace(database, OURS, name="Old", primary="us", followed=["a"])
    archive_brandspace(database, OURS, made.brandspace_id)
    successor = create_brandspace(database, OURS, name="Old")
    with pytest.raises(ConflictError, match="Old"):
        restore_brandspace(database, OURS, made.brandspace_id)

    edit_brandspace(database, OURS, successor.brandspace_id, Edit(name="Newer"))

    assert restore_brandspace(database, OURS, made.brandspace_id) == made
    assert restore_brandspace(database, OURS, made.brandspace_id) == made


def test_a_list_shows_every_brandspace_because_there_can_not_be_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curation, "MAX_BRANDSPACES", 2)
    first = create_brandspace(database, OURS, name="1")
    create_brandspace(database, OURS, name="2")
    with pytest.raises(ConflictError, match="archive"):
        create_brandspace(database, OURS, name="3")

    archive_brandspace(database, OURS, first.brandspace_id)
    create_brandspace(database, OURS, name="3")

    with pytest.raises(ConflictError, match="archive"):
        restore_brandspace(database, OURS, first.brandspace_id)


CHANGES: list[Callable[[Database, Principal, str], object]] = [
    lambda database, who, space: edit_brandspace(database, who, space, Edit(name="Mine")),
    archive_brandspace,
    restore_brandspace,
]


@pytest.mark.parametrize("change", CHANGES)
def test_who_only_reads_and_who_is_somebody_else_changes_none(
    database: Database, change: Callable[[Database, Principal, str], object]
) -> None:
    made = create_brandspace(database, OURS, name="Ours")

    with pytest.raises(NotAllowedError):
        change(database, Principal("ours", Role.VIEWER), made.brandspace_id)
    with pytest.raises(NotFoundError):
        change(database, THEIRS, made.brandspace_id)
    with pytest.raises(AdologyError, match="all"):
        change(database, OURS, "all")
    assert get_brandspace(database, OURS, made.brandspace_id) == made


def test_a_user_finds_the_brandspace_he_looked_at_last(database: Database) -> None:
    ann, bob = (
        replace(
            LOCAL_PRINCIPAL,
            role=Role.VIEWER,
            user_id=invite_user(database, LOCAL_PRINCIPAL, email=email, role=Role.VIEWER, now=datetime.now(UTC)),
        )
        for email in ("ann@example.com", "bob@example.com")
    )
    made = create_brandspace(database, LOCAL_PRINCIPAL, name="Shoes")
    theirs = create_brandspace(database, THEIRS, name="Theirs")
    assert chosen_brandspace(database, ann) == "all"

    choose_brandspace(database, ann, made.brandspace_id)

    assert (chosen_brandspace(database, ann), chosen_brandspace(database, bob)) == (made.brandspace_id, "all")
    with pytest.raises(NotFoundError):
        choose_brandspace(database, ann, theirs.brandspace_id)
    archive_brandspace(database, LOCAL_PRINCIPAL, made.brandspace_id)
    assert chosen_brandspace(database, ann) == "all"
    restore_brandspace(database, LOCAL_PRINCIPAL, made.brandspace_id)
    choose_brandspace(database, ann, "all")
    assert chosen_brandspace(database, ann) == "all"
    choose_brandspace(database, LOCAL_PRINCIPAL, made.brandspace_id)  # the command line: nobody's visit
    assert chosen_brandspace(database, LOCAL_PRINCIPAL) == "all"
