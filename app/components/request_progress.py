"""Requests under way, followed without a reload."""

from __future__ import annotations

import streamlit as st

from app.components.error_notice import shown_errors
from app.formatting import one_line
from app.loaders import forget, load_brands, load_requests, now
from app.resources import current_principal
from app.view_models.request_rows import RequestRow, running, stopped

POLL_SECONDS = 2
_SEEN = "running_requests"
_SHOWN = 4  # bars; the rest is a number


@st.fragment(run_every=POLL_SECONDS)
def request_progress() -> None:
    """A bar for each running request. When one ends, the page is read anew: it has brought ads."""
    with shown_errors():
        principal = current_principal()
        requests = load_requests(principal)
        names = {brand.slug: brand.display_name for brand in load_brands(principal)}
        rows = running(requests, now(), names)
        before = st.session_state.get(_SEEN, frozenset())
        st.session_state[_SEEN] = current = frozenset(row.request_id for row in rows)
        if before - current:
            forget()
            st.rerun()
        _show(rows)
        for row in stopped(requests, now(), names):
            st.warning(f"{one_line(row.name)}, {row.when}: {one_line(row.step)}", icon=":material/savings:")


def _show(rows: tuple[RequestRow, ...]) -> None:
    if not rows:
        return
    with st.container(border=True, key="running_requests_box", gap="xsmall"):
        st.markdown(f":material/sync: **Running now** :small[:gray[{len(rows)}]]")
        for row in rows[:_SHOWN]:
            st.progress(row.share, text=f"{one_line(row.name)} · {row.step} · started {row.when}")
        if len(rows) > _SHOWN:
            st.caption(f"and {len(rows) - _SHOWN} more, waiting or running")
