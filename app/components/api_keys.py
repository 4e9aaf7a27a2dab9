"""The API keys of an organisation."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from app.components.changing import changing
from app.components.shown_once import show_once
from app.formatting import ago, one_line
from app.loaders import load_keys, now
from app.resources import services
from app.view_models.account_rows import key_state
from core.access.keys import create_key, revoke_key
from core.domain.principal import Permission, Principal
from core.queries.account import KeyView

_LASTS = {"90 days": 90, "1 year": 365, "Until revoked": None}


def api_keys(principal: Principal) -> None:
    """Every key, and a form to make one."""
    keys = load_keys(principal)
    if not keys:
        st.caption("No key yet. Programs show one with every call; it is shown to you once.")
    for key in keys:
        _key(principal, key)
    with st.popover("New key", icon=":material/add:"), st.form("new_key", border=False, clear_on_submit=True):
        name = st.text_input("Name", max_chars=100, placeholder="Nightly report")
        scopes = st.multiselect(
            "Scopes", [scope.value for scope in Permission], default=["read"],
            help="read: every question. write: brandspaces, corrections, requests. admin: people, keys, webhooks.",
        )  # fmt: skip
        lasts = st.selectbox("Valid for", list(_LASTS))
        if st.form_submit_button("Create", type="primary"):
            with changing():
                _create(principal, name, scopes, _LASTS[lasts])


def _create(principal: Principal, name: str, scopes: list[str], days: int | None) -> None:
    made = create_key(
        services().database,
        principal,
        name=name,
        permissions=[Permission(scope) for scope in scopes],
        now=now(),
        expires_at=now() + timedelta(days=days) if days else None,
    )
    address = services().settings.api_url
    show_once("Your new API key", made.key, hint=f'curl -H "Authorization: Bearer {made.key}" {address}/api/v1/account')


def _key(principal: Principal, key: KeyView) -> None:
    used = f"used {ago(key.last_used_at, now())}" if key.last_used_at else "never used"
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        border=True,
        key=f"key_{key.key_id}",
    ):
        st.markdown(
            f"**{one_line(key.name)}** :small[`{key.key_id}`]  \n"
            f":small[:gray[{', '.join(key.scopes)} · {key_state(key, now())} · {used}]]"
        )
        if key.revoked_at is None:
            with st.popover("Revoke", type="tertiary", width="content"):
                st.write("Whatever uses this key stops working at once.")
                if st.button("Revoke it", key=f"revoke_{key.key_id}", type="primary"):
                    with changing("The key opens nothing any more."):
                        revoke_key(services().database, principal, key.key_id, now=now())
