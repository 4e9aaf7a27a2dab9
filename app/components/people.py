"""The users of an organisation: invited, given a role, disabled."""

from __future__ import annotations

import streamlit as st

from app.components.changing import changing
from app.components.shown_once import show_once
from app.formatting import ago, one_line, words
from app.loaders import load_users, now
from app.resources import services
from core.access import users as access
from core.access.sign_in import LINK_HOURS, make_link_token, sign_out_everywhere
from core.domain.principal import Principal, Role
from core.queries.users import UserView

_ROLES = {
    Role.OWNER: "Owner: everything, people and keys too",
    Role.ANALYST: "Analyst: reads, corrects, asks for work",
    Role.VIEWER: "Viewer: reads",
}


def people(principal: Principal) -> None:
    """Everybody, and a form to invite one more."""
    for user in load_users(principal):
        _person(principal, user)
    with st.popover("Invite", icon=":material/person_add:"), st.form("invite", border=False, clear_on_submit=True):
        email = st.text_input("E-mail address", placeholder="ana@customer.example")
        role = st.selectbox("Role", list(_ROLES), index=1, format_func=_ROLES.__getitem__)
        if st.form_submit_button("Invite", type="primary"):
            with changing():
                user_id = access.invite_user(services().database, principal, email=email, role=role, now=now())
                _show_link(principal, user_id)


def _person(principal: Principal, user: UserView) -> None:
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        border=True,
        key=f"person_{user.user_id}",
    ):
        seen = f"last sign-in {ago(user.last_sign_in_at, now())}" if user.last_sign_in_at else "hasn't signed in yet"
        state = " · :red[disabled]" if user.disabled_at else ""
        you = " (you)" if user.user_id == principal.user_id else ""
        st.markdown(f"**{one_line(user.email)}**{you}{state}  \n:small[:gray[{words(user.role.value)} · {seen}]]")
        with st.popover("Change", type="tertiary", width="content"):
            _changes(principal, user)


def _changes(principal: Principal, user: UserView) -> None:
    database = services().database
    role = st.selectbox(
        "Role", list(_ROLES), index=list(_ROLES).index(user.role), format_func=_ROLES.__getitem__,
        key=f"role_{user.user_id}",
    )  # fmt: skip
    if st.button("Save role", key=f"save_role_{user.user_id}", disabled=role == user.role, width="stretch"):
        with changing("The role was changed."):
            access.change_role(database, principal, user.user_id, role)
    if user.disabled_at:
        if st.button("Enable", key=f"enable_{user.user_id}", width="stretch"):
            with changing("Enabled: a sign-in link lets them in."):
                access.enable_user(database, principal, user.user_id)
        return
    if st.button("New sign-in link", key=f"link_{user.user_id}", width="stretch"):
        with changing():
            _show_link(principal, user.user_id)
    if st.button("Sign out everywhere", key=f"sign_out_{user.user_id}", width="stretch"):
        with changing("Every session has ended."):
            sign_out_everywhere(database, principal, user.user_id, now=now())
    if st.button(
        "Disable", key=f"disable_{user.user_id}", width="stretch", help="Ends every session; what they made stays"
    ):
        with changing("Disabled."):
            access.disable_user(database, principal, user.user_id, now=now())


def _show_link(principal: Principal, user_id: str) -> None:
    token = make_link_token(services().database, principal, user_id, now=now())
    address = f"{services().settings.workbench_address}/sign-in?token={token}"
    show_once(f"A link that signs them in once, within {LINK_HOURS} hours: send it to them", address)
