"""Open sessions: one's own, and for owners everybody's."""

from __future__ import annotations

import streamlit as st

from app.components.changing import changing
from app.formatting import one_line
from app.loaders import load_sessions, now
from app.resources import services
from app.view_models.account_rows import session_line
from core.access.sign_in import end_session
from core.domain.principal import Principal


def session_list(principal: Principal) -> None:
    """Each with a button that ends it."""
    for session in load_sessions(principal):
        with st.container(
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
            border=True,
            key=f"session_{session.session_id}",
        ):
            st.markdown(f"**{one_line(session.email)}**  \n:small[:gray[{one_line(session_line(session, now()))}]]")
            if st.button("End", key=f"end_{session.session_id}", type="tertiary"):
                with changing("The session has ended."):
                    end_session(services().database, principal, session.session_id, now=now())
