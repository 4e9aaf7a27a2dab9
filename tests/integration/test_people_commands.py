"""The commands about people, as a person types them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from core.access.first_user import FIRST_USER
from core.access.sign_in import bearer_of_session, sign_in_by_link
from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from core.bootstrap import SystemClock
from core.domain.principal import LOCAL_PRINCIPAL, Principal, Role
from core.errors import AdologyError, SignInError
from core.queries.users import list_users
from core.settings import load_settings
from daemon.commands import app
from daemon.first_run import first_run

ANN = "ann@acme.example"
Adology = Callable[..., str]


@pytest.fixture
def adology(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Adology:
    """``adology("users", "invite", …)``: what it says. A command that fails raises the error that is told."""
    for role in ("app", "worker", "operator"):
        url = getattr(cluster.urls, role).render_as_string(hide_password=False)
        monkeypatch.setenv(f"ADOLOGY_DATABASE_{role.upper()}_URL", url)
    monkeypatch.setenv("ADOLOGY_DATABASE_URL", "postgresql://not-needed")
    monkeypatch.setenv("ADOLOGY_HOME", str(tmp_path))

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, words)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output

    return run


def sign_in(database: Database, said: str) -> Principal:
    """By the link that a command printed."""
    found = re.search(r"/sign-in\?token=(\S+)", said)
    assert found, said
    now = SystemClock().now()
    signed_in = bearer_of_session(database, sign_in_by_link(database, found[1], now=now, hours=1), now=now)
    assert signed_in is not None
    return signed_in.principal


def test_an_invitation_prints_a_link_that_signs_in_once(adology: Adology, database: Database) -> None:
    said = adology("users", "invite", ANN, "--role", "viewer")
    assert sign_in(database, said).role is Role.VIEWER
    with pytest.raises(SignInError):
        sign_in(database, said)


def test_login_prints_a_link_for_the_first_owner_or_whom_one_names(adology: Adology, database: Database) -> None:
    adology("users", "invite", ANN)
    with pytest.raises(AdologyError, match="has no owner"):
        adology("login")
    adology("users", "invite", "boss@acme.example", "--role", "owner")
    assert sign_in(database, adology("login")).role is Role.OWNER
    assert sign_in(database, adology("login", "Ann@Acme.example")).role is Role.ANALYST


def test_login_names_the_port_on_which_the_workbench_runs(adology: Adology, tmp_path: Path) -> None:
    adology("users", "invite", ANN, "--role", "owner")
    assert "make up" in adology("login")
    (tmp_path / "run").mkdir(exist_ok=True)
    (tmp_path / "run" / "workbench_url").write_text("http://127.0.0.1:4711")
    said = adology("login")
    assert "http://127.0.0.1:4711/sign-in?token=" in said
    assert "make up" not in said


def test_roles_disabling_and_signing_out_reach_open_sessions(adology: Adology, database: Database) -> None:
    adology("users", "invite", "boss@acme.example", "--role", "owner")
    sign_in(database, adology("users", "invite", ANN))
    adology("users", "role", ANN, "viewer")
    assert "sessions ended 1" in adology("users", "sign-out", ANN)
    sign_in(database, adology("login", ANN))
    adology("users", "disable", ANN)
    assert re.search(rf"{ANN} +viewer +\S+ \S+ +disabled", adology("users"))
    with pytest.raises(AdologyError, match="disabled"):
        adology("login", ANN)
    adology("users", "enable", ANN)
    assert sign_in(database, adology("login", ANN)).role is Role.VIEWER


def test_every_command_works_for_the_organisation_that_is_set(
    adology: Adology, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "'acme' is there" in adology("organisations", "add", "acme", "--name", "Acme")
    monkeypatch.setenv("ADOLOGY_ORGANISATION", "acme")
    assert sign_in(database, adology("users", "invite", ANN)).organisation_id == "acme"
    assert list_users(database, LOCAL_PRINCIPAL) == ()
    assert re.search(r"acme +Acme +1 +0", adology("organisations"))


@pytest.mark.parametrize("command", ["users", "login", "brands", "requests", "cancel x"])
@pytest.mark.parametrize("organisation", ["nobody", "shared", "No Id"])
def test_an_organisation_that_is_not_there_is_refused(
    adology: Adology, monkeypatch: pytest.MonkeyPatch, command: str, organisation: str
) -> None:
    monkeypatch.setenv("ADOLOGY_ORGANISATION", organisation)
    with pytest.raises(AdologyError, match=organisation):
        adology(*command.split())


def test_operators_are_named_and_dismissed_here(adology: Adology, database: Database) -> None:
    link = adology("users", "invite", ANN)
    adology("operators", "add", ANN.upper())
    assert ANN in adology("operators")
    assert sign_in(database, link).is_operator
    adology("operators", "remove", ANN)
    assert "No operators" in adology("operators")
    assert not sign_in(database, adology("login", ANN)).is_operator


def test_the_first_start_makes_an_owner_who_operates_and_each_start_a_link(
    adology: Adology, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADOLOGY_SAMPLE_MARKET", "false")
    links = [first_run(load_settings(), Console(quiet=True)) for _ in range(2)]
    assert len(set(links)) == 2
    for link in links:
        principal = sign_in(database, link)
        assert (principal.role, principal.is_operator) == (Role.OWNER, True)
    assert [user.email for user in list_users(database, LOCAL_PRINCIPAL)] == [FIRST_USER]


def test_an_operator_who_was_dismissed_stays_dismissed(
    adology: Adology, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADOLOGY_SAMPLE_MARKET", "false")
    first_run(load_settings(), Console(quiet=True))
    adology("operators", "remove", FIRST_USER)
    assert not sign_in(database, first_run(load_settings(), Console(quiet=True))).is_operator
