"""No organisation gets a byte of another: by no operation, in no place of a call, by key or session, by socket.

What another organisation has is answered as what nobody has. The operations are those of the API's own description,
so a new one fails here until what it takes is known here. Row-level security is one wall. The other stands in
``core/queries`` and the stores: what belongs to organisations is asked for once more without row-level security.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import create_engine, pool, text

from core.access.organisations import name_operator
from core.access.sign_in import make_link_token, sign_out_everywhere
from core.access.users import change_role, disable_user, enable_user
from core.adapters.postgres.embedded import EmbeddedPostgres
from core.adapters.postgres.event_feed import announce
from core.adapters.postgres.roles import Cluster, describe_cluster
from core.curation.brandspaces import choose_brandspace
from core.domain.principal import Role
from core.errors import NotFoundError
from core.ports import SecretStore
from core.queries.brandspaces import ALL_BRANDS, chosen_brandspace
from core.queries.events import Topics, catch_up
from core.queries.users import list_users
from tests.api.calls import NAMES_NOTHING, Operation, bodies, in_query, operations, own, readings, told, unlike
from tests.api.customers import (
    REPEATED,
    SHARED_BRANDS,
    Ask,
    Customer,
    a_customer,
    a_shared_market,
    asking,
    traces_in,
)
from tests.daemon.conftest import StartDaemon, daemons
from tests.daemon.support import Answer, LocalDaemon, hear, subscribe
from tests.people import NOW
from tests.reused_database import ReusedDatabase

OFTEN = {"rate_limit": "1000000/second", "rate_limit_writes": "1000000/second"}
OF_ORGANISATIONS = {
    "brandspaces", "requests", "exports", "account", "users", "sessions", "keys", "audit", "webhooks", "comparisons",
}  # fmt: skip
# An address belongs to one organisation, so whoever invites it hears that it is taken; not by whom.
SAYS_THAT_IT_IS_TAKEN = {"users_new_user": 409}
FIGURES_ALONE = {  # whose answers name nothing
    "ads_brandspace_ads_count", "insights_coverage", "insights_scan_dates", "insights_turnover", "spending_budget",
    "spending_spending", "taxonomy_taxonomy",
}  # fmt: skip
OF_WORKERS_ALONE = {"run_record.scope", "dead_letter.scope", "label_past.scope"}  # no customer's call leads there


@pytest.fixture(scope="module")
def cluster(
    postgres_server: EmbeddedPostgres, database_secrets: SecretStore, reused_database: ReusedDatabase
) -> Iterator[Cluster]:
    """One database for all that is asked here: customers take seconds to make."""
    yield describe_cluster(postgres_server.url, reused_database.provide(), database_secrets)
    reused_database.restore()


@pytest.fixture(scope="module")
def start_daemon(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartDaemon]:
    with daemons(cluster, tmp_path_factory.mktemp("home")) as start:
        yield start


@pytest.fixture(scope="module")
def daemon(start_daemon: StartDaemon) -> LocalDaemon:
    daemon = start_daemon(**OFTEN)
    a_shared_market(daemon.services)
    return daemon


@pytest.fixture(scope="module")
def ours(daemon: LocalDaemon) -> Customer:
    """Whoever only reads, and is refused."""
    return a_customer(daemon, "ours", "heron")


@pytest.fixture(scope="module")
def theirs(daemon: LocalDaemon) -> Customer:
    return a_customer(daemon, "theirs", "quokka")


@pytest.fixture(scope="module")
def writers(daemon: LocalDaemon) -> Customer:
    """Whoever calls things as theirs are called."""
    return a_customer(daemon, "writers", "ibis")


def ask_as(daemon: LocalDaemon, customer: Customer, way: str) -> Ask:
    if way == "key":
        return asking(daemon, Authorization=customer.key)
    return asking(daemon, Cookie=customer.cookies[Role.OWNER], Origin=daemon.url)


@dataclass(frozen=True)
class Tried:
    """A call with what is theirs, the same with what nobody has, and which values these are."""

    operation: Operation
    theirs: tuple[str, Any]  # address, body
    nobodys: tuple[str, Any]
    values: tuple[str, ...]


def in_paths(operation: Operation, ours: Customer, theirs: Customer) -> Iterator[Tried]:
    """All that the path names is theirs, and one thing beside what is ours."""
    body = bodies(ours).get(operation.name)
    for places in {operation.places, *((place,) for place in operation.places)} - {()}:
        for values in {tuple(theirs.ids[place][at] for place in places) for at in (0, -1)}:
            nobodys = tuple(unlike(value, theirs.word) for value in values)
            addresses = [
                operation.at({**own(ours), **dict(zip(places, some, strict=True))}) for some in (values, nobodys)
            ]
            yield Tried(operation, (addresses[0], body), (addresses[1], body), (*values, *nobodys))


def in_queries(operation: Operation, ours: Customer, theirs: Customer) -> Iterator[Tried]:
    for name in (name for name in operation.queries if name != "cursor" and name not in NAMES_NOTHING):
        values = in_query(theirs, name), unlike(in_query(theirs, name), theirs.word)
        one, other = (operation.at(own(ours), urlencode({name: value})) for value in values)
        yield Tried(operation, (one, None), (other, None), values)


def in_bodies(operation: Operation, ours: Customer, theirs: Customer) -> Iterator[Tried]:
    if operation.method in ("POST", "PUT", "PATCH") and (body := bodies(theirs)[operation.name]):
        nobodys = unlike(body, theirs.word)
        address = operation.at(own(ours))
        values = (theirs.word, unlike(theirs.word, theirs.word), theirs.ids["brandspace_id"][0])
        yield Tried(operation, (address, body), (address, nobodys), (*values, unlike(values[-1], theirs.word)))


PLACES = {"key": (in_paths, in_queries, in_bodies), "session": (in_paths,)}  # behind the door both are one


def difference(ask: Ask, tried: Tried, of: Customer) -> str | None:
    """What the answers tell of another's things; None if that is nothing."""
    method = tried.operation.method
    answer, control = ask(method, *tried.theirs), ask(method, *tried.nobodys)
    expected = told(control, *tried.values)
    if tried.operation.name in SAYS_THAT_IT_IS_TAKEN and control.status < 400:
        expected = SAYS_THAT_IT_IS_TAKEN[tried.operation.name], told(answer, *tried.values)[1]
    found = traces_in(answer, of, *tried.values)
    if told(answer, *tried.values) == expected and not found:
        return None
    return f"{method} {tried.theirs}: {answer.status} {answer.body!r}, else {control.status} {control.body!r}; {found}"


def last(customer: Customer) -> dict[str, str]:
    """An import with refused rows among them."""
    return {name: ids[-1] for name, ids in customer.ids.items()}


def rows_of(cluster: Cluster, customer: Customer) -> dict[str, list[str]]:
    """Every row of a customer in every table there is, as text."""
    of_tenants = text(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name IN ('scope', 'organisation_id') ORDER BY 1, 2"
    )
    engine = create_engine(cluster.owner, poolclass=pool.NullPool)
    with engine.connect() as connection:
        views = {"seen_label", "request_brandspace"}
        return {
            f"{table}.{column}": sorted(
                connection.execute(
                    text(f'SELECT t::text FROM "{table}" t WHERE {column} = :id'),
                    {"id": customer.principal.organisation_id},
                ).scalars()
            )
            for table, column in connection.execute(of_tenants).all()
            if table not in views
        }


# --- both walls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["key", "session"])
def test_what_is_anothers_is_answered_as_what_nobody_has(
    daemon: LocalDaemon, writers: Customer, theirs: Customer, cluster: Cluster, way: str
) -> None:
    before, ask = rows_of(cluster, theirs), ask_as(daemon, writers, way)
    places = PLACES[way]
    tried = [one for operation in operations(daemon) for place in places for one in place(operation, writers, theirs)]
    assert {name for name, rows in before.items() if not rows} == OF_WORKERS_ALONE
    assert [found for one in tried if (found := difference(ask, one, theirs))] == []
    assert rows_of(cluster, theirs) == before


def test_no_list_search_or_figure_holds_anything_of_anothers(
    daemon: LocalDaemon, ours: Customer, theirs: Customer
) -> None:
    """Not even for an operator. Whoever owns it finds it at the same addresses."""
    known = operations(daemon)
    name_operator(daemon.services.database, f"owner@{ours.word}.example", is_operator=True)
    ask = ask_as(daemon, ours, "session")
    assert [seen for seen in readings(ask, known, ours) if traces_in(seen.answer, theirs)] == []
    own_readings = readings(ask_as(daemon, theirs, "key"), known, theirs)
    found = {seen.operation.name for seen in own_readings if traces_in(seen.answer, theirs)}
    assert {operation.name for operation in known if operation.method == "GET"} - found == FIGURES_ALONE


def test_a_cursor_of_anothers_leads_to_nothing_of_theirs(daemon: LocalDaemon, ours: Customer, theirs: Customer) -> None:
    ask, ask_theirs = ask_as(daemon, ours, "key"), ask_as(daemon, theirs, "key")
    mine, there = ({**last(customer), "brandspace_id": ALL_BRANDS} for customer in (ours, theirs))
    for operation in (operation for operation in operations(daemon) if "cursor" in operation.queries):
        cursor = ask_theirs("GET", operation.at(there, "limit=1")).json["next_cursor"]
        assert cursor, operation
        answer = ask("GET", operation.at(mine, f"cursor={cursor}"))
        assert answer.status in (200, 400), operation
        assert traces_in(answer, theirs, cursor) == [], operation


def test_an_idempotency_key_of_anothers_gives_no_answer_of_theirs(
    daemon: LocalDaemon, writers: Customer, theirs: Customer
) -> None:
    asked = {
        "name": f"{theirs.word} rivals 0",
        "primary": theirs.ids["slug"][0],
        "competitors": [SHARED_BRANDS[0]],
    }  # word for word what they have asked

    def repeat(asker: Customer, **header: str) -> Answer:
        return ask_as(daemon, asker, "key")("POST", "/brandspaces", asked, **header)

    again = repeat(theirs, Idempotency_Key=f"{REPEATED}-0")
    assert (again.headers["Idempotent-Replayed"], again.json["brandspace_id"]) == (
        "true",
        theirs.ids["brandspace_id"][0],
    )
    with_it, without = repeat(writers, Idempotency_Key=f"{REPEATED}-0"), repeat(writers)
    assert "Idempotent-Replayed" not in with_it.headers
    assert with_it.json["error"]["code"] == "idempotency_key_reused"  # of their own, for a brandspace of their own
    assert traces_in(without, theirs, theirs.word) == []


def test_a_link_to_ones_own_file_opens_no_other(daemon: LocalDaemon, ours: Customer, theirs: Customer) -> None:
    link = ask_as(daemon, ours, "key")("GET", f"/media/{ours.ids['sha256'][0]}").json["url"]
    assert daemon.get(link.removeprefix(daemon.url)).status == 200
    forged = link.replace(ours.ids["sha256"][0], theirs.ids["sha256"][0])
    assert daemon.get(forged.removeprefix(daemon.url)).status == 403


def test_a_socket_tells_nothing_of_anothers(daemon: LocalDaemon, ours: Customer, theirs: Customer) -> None:
    client = daemon.connect(Authorization=ours.key)
    topics = {"requests": list(theirs.ids["request_id"]), "brandspaces": list(theirs.ids["brandspace_id"])}
    nobodys = {name: [unlike(one, theirs.word) for one in ids] for name, ids in topics.items()}
    frames, _ = subscribe(client, topics)
    assert len(frames) == sum(map(len, topics.values()))
    assert _blank(frames) == _blank(subscribe(client, nobodys)[0])

    subscribe(client, "all")
    for one in (theirs, ours):
        announce(daemon.services.database, request_id=one.ids["request_id"][1], status="processing", result=one.word)
    assert hear(client)["result"] == ours.word  # events come in order: theirs would have been heard

    newest = subscribe(daemon.connect(Authorization=theirs.key), "all")[1]
    for after in (newest, newest - 1, 0):
        heard, _ = subscribe(client, "all", after)
        assert not [trace for trace in theirs.traces if trace in json.dumps(heard)]


def _blank(frames: list[Any]) -> list[tuple[str, str]]:
    return sorted((frame["error"]["code"], frame["error"]["message"]) for frame in frames)


# --- the wall in core/queries and the stores, alone ---------------------------------------------------


@pytest.fixture
def bare(start_daemon: StartDaemon, cluster: Cluster) -> LocalDaemon:
    """A daemon whose pages and API come to the database as the tables' owner: no policy hides a row."""
    return start_daemon(**OFTEN, database_app_url=cluster.owner.render_as_string(hide_password=False))


def test_without_row_level_security_what_is_anothers_is_still_nobodys(
    bare: LocalDaemon, ours: Customer, theirs: Customer, cluster: Cluster
) -> None:
    with bare.services.database.reader(ours.principal) as connection:
        organisations = text("SELECT DISTINCT organisation_id FROM request")
        assert set(connection.execute(organisations).scalars()) >= {"ours", "theirs"}, "the wall still stands"
    before, ask = rows_of(cluster, theirs), ask_as(bare, ours, "key")
    known = [operation for operation in operations(bare) if is_of_organisations(operation)]
    tried = [one for operation in known for one in in_paths(operation, ours, theirs)]
    assert [found for one in tried if (found := difference(ask, one, theirs))] == []
    lists = [operation for operation in known if operation.tag in OF_ORGANISATIONS]
    tried = [one for operation in lists for one in in_queries(operation, ours, theirs)]
    assert [found for one in tried if (found := difference(ask, one, theirs))] == []
    assert [seen for seen in readings(ask, lists, ours) if traces_in(seen.answer, theirs)] == []
    assert rows_of(cluster, theirs) == before


def is_of_organisations(operation: Operation) -> bool:
    """Ads and brands have scopes, and these row-level security alone keeps apart."""
    return operation.tag in OF_ORGANISATIONS or "brandspace_id" in operation.places


def test_without_row_level_security_neither_sockets_nor_pages_tell_of_anothers(
    bare: LocalDaemon, ours: Customer, theirs: Customer
) -> None:
    database, principal = bare.services.database, ours.principal
    user = replace(principal, user_id=ours.ids["user_id"][0])
    topics = Topics(frozenset(theirs.ids["request_id"]), frozenset(theirs.ids["brandspace_id"]), everything=True)
    for after in (None, 0):
        found = catch_up(database, principal, topics, after=after, kept_hours=24)
        assert found.unknown == replace(topics, everything=False)
        assert not [trace for trace in theirs.traces if trace in str((found.events, found.requests))]
    assert not [one for one in list_users(database, principal) if theirs.word in one.email]
    with pytest.raises(NotFoundError):
        choose_brandspace(database, user, theirs.ids["brandspace_id"][0])
    assert chosen_brandspace(database, replace(principal, user_id=theirs.ids["user_id"][0])) == ALL_BRANDS


def test_without_row_level_security_nobody_changes_anothers_users_by_the_command_line(
    bare: LocalDaemon, ours: Customer, theirs: Customer, cluster: Cluster
) -> None:
    """There no answer is read afterwards that could refuse it."""
    before = rows_of(cluster, theirs)
    asked = (bare.services.database, ours.principal, theirs.ids["user_id"][0])
    for change in (
        lambda: change_role(*asked, Role.ANALYST),
        lambda: disable_user(*asked, now=NOW),
        lambda: enable_user(*asked),
        lambda: sign_out_everywhere(*asked, now=NOW),
        lambda: make_link_token(*asked, now=NOW),
    ):
        with pytest.raises(NotFoundError):
            change()
    assert rows_of(cluster, theirs) == before
