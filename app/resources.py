"""What every page holds: the services of this process, and who asks."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from core.access.sign_in import SignedIn, bearer_of_session
from core.access.tokens import SESSION_COOKIE
from core.bootstrap import Services, build_services
from core.domain.principal import Principal
from core.errors import NotAllowedError, SignInError
from core.settings import load_settings


@st.cache_resource(show_spinner=False)
def services() -> Services:
    """Made once per process. Raises UnavailableError without a database address; that isn't remembered."""
    return build_services(load_settings())


def session_token() -> str | None:
    """What the browser showed when it connected."""
    return st.context.cookies.get(SESSION_COOKIE)


def signed_in() -> SignedIn | None:
    """Who looks at the page: asked of the database each time, so that what was revoked ends with the next click."""
    return bearer_of(session_token())


def bearer_of(token: str | None) -> SignedIn | None:
    """Whose session a browser shows."""
    if not token:
        return None
    return bearer_of_session(services().database, token, now=services().clock.now())


def current_principal() -> Principal:
    """For whom the page reads and writes. Raises SignInError."""
    found = signed_in()
    if found is None:
        raise SignInError("your session has ended: sign in again")
    return found.principal


def api_address() -> str:
    """Where this browser reaches the API with its session's cookie.

    On one's own machine that is the name by which the workbench was opened: a cookie of localhost isn't 127.0.0.1's.
    """
    settings = services().settings
    opened = urlsplit(st.context.url or "").hostname
    if settings.public_url or opened not in ("localhost", "127.0.0.1"):
        return settings.api_url
    return f"http://{opened}:{settings.api_port}"


def workbench_origin() -> str:
    """Under which address this browser has the workbench open, without a slash at its end."""
    opened = urlsplit(st.context.url or "")
    return f"{opened.scheme}://{opened.netloc}" if opened.netloc else services().settings.workbench_address


def require_operator() -> None:
    """Figures over all organisations are for staff. Raises NotAllowedError, and SignInError."""
    if not current_principal().is_operator:
        raise NotAllowedError("this page is for operators: one of them names another with `./adology operators add`")
