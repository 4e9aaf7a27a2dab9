"""Signing in through an identity provider: what it vouches for is believed only when everything about it is right."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import text

from app.resources import services
from core.access.tokens import SESSION_COOKIE
from core.domain.principal import LOCAL_PRINCIPAL, Role
from core.observability.logs import configure_logging
from tests.fakes.oidc_server import CLIENT_ID, CLIENT_SECRET, OidcServer
from tests.pages.conftest import StartDoor
from tests.pages.door import ANN, Answer, Browser, Door

LONG_AGO = 1_600_000_000


def through(door: Door, browser: Browser | None = None) -> tuple[Browser, Answer]:
    """Press the button, agree at the provider, come back."""
    browser = browser or door.browser()
    there = browser.get(browser.get("/sign-in/oidc").location)
    return browser, browser.get(there.location)


def sessions() -> int:
    with services().database.reader(LOCAL_PRINCIPAL) as connection:
        return int(connection.execute(text("SELECT count(*) FROM session")).scalar_one())


def test_an_invited_person_comes_in_and_comes_back(door: Door) -> None:
    door.invite()
    for _ in range(2):
        browser, answer = through(door)
        assert (answer.status, answer.location) == (303, "/")
        assert answer.cookie(SESSION_COOKIE)["httponly"]
        assert browser.is_in
    assert set(browser.cookies) == {SESSION_COOKIE}


def test_a_stranger_is_told_whom_to_ask(door: Door) -> None:
    browser, answer = through(door)
    assert answer.status == 403
    assert "ask an owner of your organisation" in answer.text
    assert not browser.is_in


def test_a_disabled_user_stays_outside(door: Door) -> None:
    from core.access.users import disable_user

    door.invite("owner@acme.example", Role.OWNER)
    user_id, ports = door.invite(), services()
    through(door)
    disable_user(ports.database, LOCAL_PRINCIPAL, user_id, now=ports.clock.now())
    assert through(door)[1].status == 403


def test_the_provider_is_asked_with_state_nonce_and_pkce(door: Door, provider: OidcServer) -> None:
    door.invite()
    through(door)
    through(door)
    first, second = provider.asked
    assert first["client_id"] == CLIENT_ID
    assert first["response_type"] == "code"
    assert set(first["scope"].split()) == {"openid", "email"}
    assert first["code_challenge_method"] == "S256"
    assert first["redirect_uri"] == f"{door.url}/sign-in/oidc/callback"
    assert not {first[name] for name in ("state", "nonce", "code_challenge")} & set(second.values())
    assert "code_challenge" not in provider.redeemed[0]
    assert provider.redeemed[0]["code_verifier"] not in first.values()


LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"claims": {"nonce": "of another"}},
    "no nonce": {"claims": {"nonce": None}},
    "for another client": {"claims": {"aud": "another"}},
    "for another client, in our name": {"claims": {"aud": "another", "azp": CLIENT_ID}},
    "for several, in another's name": {"claims": {"aud": [CLIENT_ID, "another"], "azp": "another"}},
    "by another issuer": {"claims": {"iss": "https://evil.example"}},
    "out of date": {"claims": {"exp": LONG_AGO}},
    "without an end": {"claims": {"exp": None}},
    "from the future": {"claims": {"iat": 4_000_000_000}},
    "of nobody": {"claims": {"sub": None}},
    "signed by a stranger": {"signs": "stranger"},
    "not signed": {"signs": "none"},
    "signed with the public key": {"signs": "HS256"},
    "address not verified": {"claims": {"email_verified": False}},
    "address not verified, as text": {"claims": {"email_verified": "false"}},
    "nothing said of the address": {"claims": {"email_verified": None}},
    "no address": {"claims": {"email": None}},
    "an address that is none": {"claims": {"email": [ANN]}},
    "refused": {"error": "access_denied"},
    "another state": {"state": "of another"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_no_session_comes_of(door: Door, provider: OidcServer, lie: dict[str, Any]) -> None:
    door.invite()
    for name, value in lie.items():
        setattr(provider, name, provider.claims | value if name == "claims" else value)
    browser, answer = through(door)
    assert answer.status == 403
    assert SESSION_COOKIE not in browser.cookies
    assert sessions() == 0


def test_a_provider_that_writes_true_as_text_is_believed(door: Door, provider: OidcServer) -> None:
    door.invite()
    provider.claims["email_verified"] = "true"
    assert through(door)[0].is_in


def test_an_answer_counts_only_in_the_browser_that_asked(door: Door) -> None:
    door.invite()
    asked, other = door.browser(), door.browser()
    back = asked.get(asked.get("/sign-in/oidc").location).location
    other.get("/sign-in/oidc")
    for stranger in (door.browser(), other):
        assert stranger.get(back).status == 403
        assert not stranger.is_in
    assert asked.get(back).status == 303


def test_an_answer_counts_once(door: Door) -> None:
    door.invite()
    browser = door.browser()
    back = browser.get(browser.get("/sign-in/oidc").location).location
    attempt = dict(browser.cookies)
    browser.get(back)
    again = Browser(door.url, attempt)
    assert again.get(back).status == 403
    assert not again.is_in


def test_the_attempt_is_kept_from_scripts_and_soon_forgotten(door: Door) -> None:
    cookie = door.browser().get("/sign-in/oidc").cookie("adology_sign_in")
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"], cookie["max-age"]) == ("lax", "/sign-in", "600")


def test_one_identity_is_one_user_for_ever(door: Door, provider: OidcServer) -> None:
    door.invite()
    door.invite("bob@acme.example")
    through(door)
    provider.claims = {"sub": "s1", "email": "bob@acme.example"}  # the provider gave Ann's account Bob's address
    browser, _ = through(door)
    assert ANN in browser.get("/sign-in").text


def test_an_address_given_to_somebody_else_takes_over_nobody(door: Door, provider: OidcServer) -> None:
    door.invite()
    through(door)
    provider.claims = {"sub": "s2", "email": ANN}
    assert through(door)[1].status == 403


BROKEN: dict[str, dict[str, Any]] = {
    "another's name": {"issuer": "https://evil.example"},
    "keys over plain HTTP": {"jwks_uri": "http://192.0.2.1/keys"},
    "tokens over plain HTTP": {"token_endpoint": "http://192.0.2.1/token"},
    "no keys": {"jwks_uri": None},
}


@pytest.mark.parametrize("metadata", BROKEN.values(), ids=BROKEN)
def test_nothing_is_told_to_a_provider_set_up_wrongly(
    door: Door, provider: OidcServer, metadata: dict[str, Any]
) -> None:
    door.invite()
    browser = door.browser()
    asked = browser.get("/sign-in/oidc")
    provider.metadata = metadata
    answer = browser.get(browser.get(asked.location).location)
    assert answer.status == 502
    assert "correct ADOLOGY_OIDC_ISSUER" in answer.text
    assert sessions() == 0


@pytest.mark.parametrize(
    "address", [None, "javascript:alert(1)", "http://192.0.2.1/", "//evil.example", "http://[", ""]
)
def test_nobody_is_sent_to_an_address_that_is_not_safe(door: Door, provider: OidcServer, address: str | None) -> None:
    provider.metadata = {"authorization_endpoint": address}
    assert door.browser().get("/sign-in/oidc").status == 502


def test_a_silent_provider_is_no_fault_of_the_reader(start_door: StartDoor) -> None:
    door = start_door(ADOLOGY_OIDC_ISSUER="http://127.0.0.1:1")
    answer = door.browser().get("/sign-in/oidc")
    assert answer.status == 503
    assert "try again in a minute" in answer.text


def test_without_a_provider_there_is_no_button_and_no_way(start_door: StartDoor) -> None:
    door = start_door(ADOLOGY_OIDC_ISSUER="")
    assert "Continue with" not in door.browser().get("/sign-in").text
    assert door.browser().get("/sign-in/oidc").status == 404


def test_the_button_leads_to_the_address_the_provider_knows(start_door: StartDoor) -> None:
    door = start_door(ADOLOGY_WORKBENCH_URL="https://ads.example/", ADOLOGY_OIDC_NAME="Corp")
    assert (
        '<a class="main" href="https://ads.example/sign-in/oidc">Continue with Corp</a>' in door.browser().get("/").text
    )
    asked = door.browser().get("/sign-in/oidc")
    sent = dict(parse_qsl(urlsplit(asked.location).query))
    assert sent["redirect_uri"] == "https://ads.example/sign-in/oidc/callback"
    assert asked.cookie("adology_sign_in")["secure"]


def test_no_code_token_or_secret_is_logged(
    door: Door, provider: OidcServer, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(level="DEBUG", json=True)
    try:
        door.invite()
        browser, _ = through(door)
        provider.signs = "none"
        through(door)
    finally:
        configure_logging(level="WARNING", json=False)
        logging.getLogger().handlers.clear()
    said = "".join(capsys.readouterr())
    assert "redeem_code" in said
    secret = [CLIENT_SECRET, browser.cookies[SESSION_COOKIE], *(form["code"] for form in provider.redeemed)]
    secret += [form["code_verifier"] for form in provider.redeemed]
    assert [value for value in secret if value in said] == []
