"""Who is signed in, and the way out."""

from __future__ import annotations

import streamlit as st

from app.formatting import one_line
from app.loaders import load_organisation_name, now
from app.resources import services, signed_in
from core.access.sign_in import sign_out, sign_out_everywhere


def account_menu() -> None:
    """A small menu: e-mail address, organisation, role, sign out."""
    visitor = signed_in()
    if visitor is None:
        return  # the page finds out itself
    principal = visitor.principal
    with st.popover("Account", icon=":material/account_circle:", type="tertiary", width="content"):
        st.markdown(f"**{one_line(visitor.email)}**")
        also = " · operator" if principal.is_operator else ""
        st.caption(f"{one_line(load_organisation_name(principal))} · {principal.role.value}{also}")
        st.button("Sign out", icon=":material/logout:", key="sign_out", width="stretch", on_click=_sign_out)
        st.button(
            "Sign out everywhere", icon=":material/devices:", key="sign_out_everywhere", width="stretch",
            help="Ends your sessions in every browser and spoils your unused links", on_click=_sign_out_everywhere,
        )  # fmt: skip


def _sign_out() -> None:
    """The run that follows finds nobody signed in and leads to the door, which forgets the cookie."""
    visitor = signed_in()
    if visitor is not None:
        sign_out(services().database, visitor, now=now())


def _sign_out_everywhere() -> None:
    visitor = signed_in()
    if visitor is not None and visitor.principal.user_id is not None:
        sign_out_everywhere(services().database, visitor.principal, visitor.principal.user_id, now=now())
