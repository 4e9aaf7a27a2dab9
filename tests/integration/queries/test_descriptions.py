"""What a model wrote of an ad, and what its source gave: whose they are, and what is told where there is nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from core.adapters.postgres.engine import Database
from core.adapters.postgres.pg_documents import PostgresDocuments
from core.adapters.postgres.roles import Cluster
from core.ai.methods.description import Attribute
from core.domain.label import Modality, Outcome
from core.domain.principal import Permission, Principal
from core.errors import NotAllowedError, NotFoundError
from core.queries.description import AdDescription, ad_description
from core.queries.raw_source import raw_source
from tests.builders import DAY, AnAd, store, store_description, store_raw

OURS = Principal("ours")
PUBLIC, PRIVATE, THEIRS = AnAd("1"), AnAd("1", scope="ours"), AnAd("1", scope="theirs")  # all say the same


@pytest.fixture
def stored(database: Database) -> Database:
    store(database, PUBLIC, PRIVATE, THEIRS)
    for item in (PUBLIC, PRIVATE, THEIRS):
        store_description(database, item, description=f"Of {item.scope}")
        store_raw(database, item, {"rows": [item.scope]})
    return database


@pytest.fixture
def unwalled(cluster: Cluster) -> Iterator[Database]:
    """Its readers are the tables' owner: no policy hides a row."""
    database = Database(replace(cluster.urls, app=cluster.owner))
    yield database
    database.dispose()


def described(database: Database, item: AnAd, who: Principal = OURS) -> AdDescription:
    return ad_description(database, who, PostgresDocuments(database), item.ad_id)


def test_each_scope_has_its_own_also_where_ads_say_the_same(stored: Database) -> None:
    assert [described(stored, item).text for item in (PUBLIC, PRIVATE)] == ["Of shared", "Of ours"]
    assert described(stored, THEIRS, Principal("theirs")).text == "Of theirs"


def test_without_row_level_security_anothers_ad_is_still_nobodys(stored: Database, unwalled: Database) -> None:
    for query in (ad_description, raw_source):
        for database in (stored, unwalled):
            assert query(database, OURS, PostgresDocuments(stored), PUBLIC.ad_id)
            with pytest.raises(NotFoundError, match="no such ad"):
                query(database, OURS, PostgresDocuments(stored), THEIRS.ad_id)


def test_who_may_not_read_is_told_nothing(stored: Database) -> None:
    writer = replace(OURS, permissions=(Permission.WRITE,))
    for query in (ad_description, raw_source):
        with pytest.raises(NotAllowedError):
            query(stored, writer, PostgresDocuments(stored), PUBLIC.ad_id)


def test_an_ad_that_is_not_described_and_one_that_is_not_there_are_told_apart(database: Database) -> None:
    store(database, PUBLIC)
    with pytest.raises(NotFoundError, match="no model has described"):
        described(database, PUBLIC)
    with pytest.raises(NotFoundError, match="no such ad"):
        described(database, AnAd("nobody's"))


def test_attributes_come_with_what_they_were_read_in_and_no_cost(stored: Database) -> None:
    store_description(stored, PUBLIC, attributes=[{"name": "main_colour", "value": "red", "read_in": "image"}])
    found = described(stored, PUBLIC)
    assert found.attributes == (Attribute("main_colour", "red", Modality.IMAGE),)
    assert found.described_at == datetime.combine(DAY, time(9), UTC)
    assert "cost" not in repr(found)  # another organisation may have paid


@pytest.mark.parametrize("outcome", ["refused", "truncated", "invalid", "failed"])
def test_what_came_to_nothing_has_a_reason_and_no_text(stored: Database, outcome: str) -> None:
    store_description(stored, PUBLIC, outcome=outcome, description=None, reason="because", provenance=None)
    found = described(stored, PUBLIC)
    assert (found.outcome, found.text, found.reason, found.provenance) == (Outcome(outcome), None, "because", {})


def test_brands_that_say_the_same_have_descriptions_of_their_own(database: Database) -> None:
    ours, theirs = AnAd("1", brand="acme"), AnAd("2", brand="zeta")
    store(database, ours, theirs)
    store_description(database, ours, description="Of acme")
    assert described(database, ours).text == "Of acme"
    with pytest.raises(NotFoundError, match="no model has described"):
        described(database, theirs)


@pytest.mark.parametrize(("picture", "is_other"), [("of it", False), ("another", True), (None, False)])
def test_a_description_of_another_picture_says_so(database: Database, picture: str | None, is_other: bool) -> None:
    item = AnAd("1", sha256="of it")
    store(database, item)
    store_description(database, item, picture_sha256=picture)
    assert described(database, item).is_of_another_picture is is_other
