"""No page shows a byte of another organisation: not with its ids in the address, not out of a cache, to no operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.filters import OWN
from core.access.organisations import name_operator
from core.adapters.postgres.roles import Cluster
from core.domain.principal import Role
from tests.api.customers import SHARED_BRANDS, Customer, a_customer, a_shared_market, asking
from tests.daemon.conftest import daemons
from tests.daemon.support import LocalDaemon
from tests.pages.conftest import ROOT, ShowPage

PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))
# Parameters of addresses in which nothing of anybody's fits.
NAMES_NOTHING = {"sort", "dimension", "view", "scale", "tab", "since", "until", "unit"}


@pytest.fixture
def daemon(show: ShowPage, cluster: Cluster, tmp_path: Path) -> Iterator[LocalDaemon]:
    """Of the same home as the pages."""
    with daemons(cluster, tmp_path) as start:
        daemon = start(rate_limit_writes="1000/second")
        a_shared_market(daemon.services)
        yield daemon


def shown(page: AppTest) -> str:
    """All that the browser is sent, tables and pictures' names too; without what escaping adds to it."""
    assert not page.exception
    sent = "\n".join(str(node.proto) for part in (page.main, page.sidebar) for node in part)
    return sent.replace(r"\342\201\240", "").replace("\\", "").lower()  # the joiner of words, as protobuf writes it


def addresses(daemon: LocalDaemon, of: Customer) -> list[Mapping[str, str]]:
    """Whatever of a customer's fits into an address."""
    assert {"brandspace", "ad", "cursor", "focal", "frozen"} == OWN - NAMES_NOTHING
    page = asking(daemon, Authorization=of.key)("GET", "/brandspaces/all/ads?limit=1")
    return [
        {},
        {"brandspace": of.ids["brandspace_id"][0], "cursor": page.json["next_cursor"]},
        {"cursor": page.json["next_cursor"]},
        {"brands": of.ids["slug"][0]},
        {"labels": f"offer:{of.word}"},
        {"words": f"{of.word} says", "landing_domain": f"{of.word}.example"},
        {"ad": of.ids["ad_id"][0]},
        {"focal": of.ids["slug"][0]},
        {"frozen": of.ids["frozen_id"][0]},
    ]


def traces(text: str, of: Customer, *sent: str) -> list[str]:
    for value in (part for one in sent for part in (one, one.rpartition(":")[2])):  # a value chosen is shown
        text = text.replace(value.lower(), "")
    return [trace for trace in of.traces if trace.lower() in text]


def test_no_page_shows_anything_of_anothers(
    daemon: LocalDaemon, show: ShowPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks first fills the caches of the process that serves both."""
    ours, theirs = a_customer(daemon, "ours", "heron"), a_customer(daemon, "theirs", "quokka")
    name_operator(daemon.services.database, f"owner@{ours.word}.example", is_operator=True)
    known = addresses(daemon, theirs)

    def look_as(customer: Customer) -> None:
        token = customer.cookies[Role.OWNER].partition("=")[2]
        monkeypatch.setattr("app.resources.session_token", lambda: token)

    for name in (name for name in PAGES if name != "operations"):
        look_as(theirs)
        assert traces(shown(show(name)), theirs), name
        look_as(ours)
        for address in known:
            found = shown(show(name, **address))
            assert address or name in {"account", "label_quality"} or SHARED_BRANDS[1] in found, (
                name
            )  # these name no brand
            assert traces(found, theirs, *address.values()) == [], (name, address)

    text = shown(show("operations"))  # an operator: figures of all, content of nobody
    assert "theirs" in text
    content = ("says", "title", "now", ".example", "rivals", "name", "reason", "key")
    assert [
        f"{theirs.word}{gap}{word}" for word in content for gap in ("", " ") if f"{theirs.word}{gap}{word}" in text
    ] == []
    assert not set(traces(text, theirs)) - {theirs.word, theirs.ids["slug"][0]}  # a run is named by its brand
