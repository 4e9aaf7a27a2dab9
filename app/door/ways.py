"""The addresses of the door, and what its pages say. Pure."""

from __future__ import annotations

from typing import Final

from app.door.page import Button, Command, show
from core.bootstrap import OIDC_CALLBACK
from core.errors import AdologyError
from core.settings import Settings

__all__ = ["OIDC_CALLBACK"]

SIGN_IN: Final = "/sign-in"
SIGN_OUT: Final = "/sign-out"
OIDC: Final = "/sign-in/oidc"
LEFT: Final = "/auth/logout"  # where Streamlit's `st.logout` sends the browser
_FOR_A_LINK: Final = Command("A one-time link signs you in. Whoever runs Adology prints one with:", "./adology login")


def sign_in_page(settings: Settings) -> str:
    """How to come in."""
    text = "This workbench is for people who were invited."
    return show("Sign in", text, buttons=_provider(settings), command=_FOR_A_LINK)


def link_page(token: str) -> str:
    """One button: a scanner of links that opens every address doesn't use the link up."""
    text = "Your link is ready. It works once, in this browser."
    return show("Sign in", text, buttons=(Button("Sign in", SIGN_IN, (("token", token),)),))


def signed_in_page(email: str) -> str:
    """For who is in already."""
    buttons = (Button("Open the workbench", "/", is_link=True), Button("Sign out", SIGN_OUT, is_quiet=True))
    return show("You are signed in", f"as {email}.", buttons=buttons)


def refused_page(error: AdologyError, settings: Settings) -> str:
    """Why somebody isn't in, and what to do."""
    other = Button("Other ways to sign in", SIGN_IN, is_link=True, is_quiet=True)
    return show("That didn't work", _sentence(error), buttons=(*_provider(settings), other), is_bad=True)


def unavailable_page(error: AdologyError) -> str:
    """A store or the provider is silent."""
    again = (Button("Try again", "/", is_link=True),)
    return show("Something doesn't answer", _sentence(error), buttons=again, is_bad=True)


def broken_page(reference: str) -> str:
    """What nobody expected."""
    return show("Something went wrong", f"It is written in the log under {reference}.", is_bad=True)


def _sentence(error: AdologyError) -> str:
    text = str(error).replace("`", "")
    return f"{text[:1].upper()}{text[1:]}."


def _provider(settings: Settings) -> tuple[Button, ...]:
    """At the address the provider sends people back to: the cookie of the attempt must be there, too."""
    if not settings.oidc_issuer:
        return ()
    return (Button(f"Continue with {settings.oidc_name}", settings.workbench_address + OIDC, is_link=True),)
