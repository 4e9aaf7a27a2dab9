"""A page run as Streamlit runs it, over a real database."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.resources import services
from core.access.organisations import name_operator
from core.access.sign_in import make_link_token, sign_in_by_link
from core.access.users import invite_user
from core.adapters.postgres.roles import Cluster
from core.bootstrap import build_services
from core.domain.principal import LOCAL_ORGANISATION, Principal
from core.settings import load_settings
from tests.fakes.oidc_server import CLIENT_ID, CLIENT_SECRET, OidcServer, oidc_server
from tests.pages.door import Door, running_door

ROOT = Path(__file__).parents[2]
PAGE_SECONDS = 30
OPERATOR = Principal(LOCAL_ORGANISATION, is_operator=True)

ShowPage = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def fresh_caches() -> Iterator[None]:
    """Streamlit's caches outlive a test: what one read, the next would see."""
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def show(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ShowPage]:
    """Run a page: ``show("creatives", brands=["acme"])``."""
    for role in ("app", "worker", "operator"):
        url = getattr(cluster.urls, role).render_as_string(hide_password=False)
        monkeypatch.setenv(f"ADOLOGY_DATABASE_{role.upper()}_URL", url)
    monkeypatch.setenv("ADOLOGY_HOME", str(tmp_path))
    sign_in_as(monkeypatch)
    yield run_page
    services().database.dispose()


class MovedClock:
    """The machine's time, moved by the test."""

    moved = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.moved


StartDoor = Callable[..., Door]


@pytest.fixture
def start_door(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: OidcServer
) -> Iterator[StartDoor]:
    """The workbench's door: ``start_door(ADOLOGY_WORKBENCH_URL="https://…")``."""
    clock = MovedClock()
    monkeypatch.setattr("core.bootstrap.SystemClock", lambda: clock)
    with ExitStack() as stack:

        def start(**environment: str) -> Door:
            sock = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            oidc = {"ISSUER": provider.url, "CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET}
            own = {"ADOLOGY_HOME": str(tmp_path), "ADOLOGY_WORKBENCH_PORT": str(sock.getsockname()[1])}
            own |= {f"ADOLOGY_OIDC_{name}": value for name, value in oidc.items()}
            own |= {
                f"ADOLOGY_DATABASE_{role.upper()}_URL": getattr(cluster.urls, role).render_as_string(False)
                for role in ("app", "worker", "operator")
            }
            for name, value in {**own, **environment}.items():
                monkeypatch.setenv(name, value)
            stack.callback(services().database.dispose)
            return stack.enter_context(running_door(clock, sock))

        yield start


@pytest.fixture
def door(start_door: StartDoor) -> Door:
    return start_door()


@pytest.fixture
def provider() -> Iterator[OidcServer]:
    """An honest identity provider."""
    with oidc_server() as server:
        yield server


def sign_in_as(monkeypatch: pytest.MonkeyPatch, principal: Principal = OPERATOR) -> str:
    """Give the pages the cookie of a session: of a user of the principal's organisation and role; the user's id."""
    ports = build_services(load_settings())
    database, now, owner = ports.database, ports.clock.now(), Principal(principal.organisation_id)
    email = f"{principal.role}{'-operator' if principal.is_operator else ''}@{principal.organisation_id}.example"
    user = invite_user(database, owner, email=email, role=principal.role, now=now)
    name_operator(database, email, is_operator=principal.is_operator)
    token = sign_in_by_link(database, make_link_token(database, owner, user, now=now), now=now, hours=1)
    database.dispose()
    monkeypatch.setattr("app.resources.session_token", lambda: token)
    return user


@pytest.fixture
def show_without_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ShowPage:
    """Run a page where nothing listens at the database's address."""
    for role in ("APP", "WORKER", "OPERATOR"):
        monkeypatch.setenv(f"ADOLOGY_DATABASE_{role}_URL", "postgresql://nobody:x@127.0.0.1:1/nowhere")
    monkeypatch.setenv("ADOLOGY_HOME", str(tmp_path))
    monkeypatch.setattr("app.resources.session_token", lambda: "of a session")
    return run_page


def run_page(name: str, **params: str | list[str]) -> AppTest:
    """The page after its first run, with these query parameters."""
    page = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=PAGE_SECONDS)
    for key, value in params.items():
        page.query_params[key] = value
    return page.run()


def texts(page: AppTest) -> str:
    """Everything the page says, in one text."""
    kinds = (page.markdown, page.caption, page.title, page.header, page.subheader, page.code, page.warning)
    said = [str(element.value) for kind in kinds for element in kind]
    return "\n".join([*said, *(f"{metric.label}={metric.value}" for metric in page.metric)])


def params_of(page: AppTest) -> Mapping[str, list[str]]:
    """The query parameters as the page left them."""
    return {key: list(value) if isinstance(value, list) else [value] for key, value in page.query_params.items()}
