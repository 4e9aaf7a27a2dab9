"""Where a page ends badly: a sentence for people, the traceback for the log."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from app.formatting import escape
from core.errors import AdologyError, BadInputError, NotFoundError, RetryableError, SignInError
from core.observability.logs import get_logger

_log = get_logger(__name__)


@contextmanager
def shown_errors() -> Iterator[None]:
    """Show what goes wrong inside. Every page and fragment stands in one."""
    try:
        yield
    except SignInError:
        session_ended()
    except RetryableError as error:
        _log.warning("page could not be read", error=str(error))
        _failed("A store doesn't answer", str(error), ":material/cloud_off:")
    except AdologyError as error:
        _failed("That can't be shown", str(error), ":material/info:")
    except Exception:  # here the page ends
        reference = secrets.token_hex(4)
        _log.exception("page ended unexpectedly", reference=reference)
        _failed("Something went wrong", f"It is written in the log under {reference}.", ":material/error:")


@contextmanager
def way_back(label: str, take: Callable[[], None]) -> Iterator[None]:
    """Where the address asks for what isn't there: trying again would find nothing either, so ``take`` leads away."""
    try:
        yield
    except (BadInputError, NotFoundError) as error:
        with _notice("That can't be shown", str(error), ":material/info:"):
            st.button(label, icon=":material/arrow_back:", key="way_back", on_click=take)


def session_ended() -> None:
    """Take the browser to the door: what it still shows is no longer its reader's to see."""
    st.logout()  # sends it to the address LEFT of the door
    st.markdown("Your session has ended. Reload this page to sign in.")
    st.stop()


def _failed(title: str, text: str, icon: str) -> None:
    with _notice(title, text, icon):
        st.button("Try again", icon=":material/refresh:", key=f"retry_{title}")


@contextmanager
def _notice(title: str, text: str, icon: str) -> Iterator[None]:
    """A box with what happened; what can be done comes below."""
    with st.container(border=True, key="error_notice"):
        st.markdown(f"**{icon} {title}**")
        st.markdown(escape(text[:1].upper() + text[1:]))
        yield
