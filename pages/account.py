"""Account: the organisation, its people and keys, and what was changed."""

from __future__ import annotations

import streamlit as st

from app.components.ai_cost import ai_cost
from app.components.api_keys import api_keys
from app.components.change_list import change_list
from app.components.error_notice import shown_errors
from app.components.page_header import plain_header
from app.components.people import people
from app.components.session_list import session_list
from app.components.shown_once import shown_once
from app.components.webhook_list import webhook_list
from app.formatting import number, one_line
from app.loaders import load_account
from app.resources import current_principal
from core.domain.principal import Permission

_FOR_OWNERS = {"People": people, "API keys": api_keys, "Webhooks": webhook_list, "Changes": change_list}

with shown_errors():
    principal = current_principal()
    plain_header("Account", "Your organisation, its people, its keys.")
    account = load_account(principal)
    answer_ms = account.avg_response_time_ms
    st.subheader(one_line(account.name), anchor=False)
    with st.container(horizontal=True, gap="small"):
        st.metric("Users", number(account.user_count), border=True, help="Who may sign in.")
        st.metric("Active sessions", number(account.active_sessions), border=True, help="Seen within 30 minutes.")
        shown = "–" if answer_ms is None else f"{answer_ms:,.0f} ms"
        st.metric("API answer time", shown, border=True, help="Mean over the last 24 hours; – without a call.")
    with st.container():  # always there, so that the open tab stays open when something is shown in it
        shown_once()
    parts = {"Sessions": session_list, "AI cost": ai_cost} | (_FOR_OWNERS if principal.may(Permission.ADMIN) else {})
    for tab, show in zip(st.tabs(list(parts)), parts.values(), strict=True):
        with tab:
            show(principal)
    if not principal.may(Permission.ADMIN):
        st.caption("People, keys and webhooks are in the hands of your organisation's owners: ask one of them.")
