"""A secret that is shown once: on the run after it was made, and never again."""

from __future__ import annotations

import streamlit as st

_KEY = "shown_once"


def show_once(title: str, secret: str, *, hint: str = "") -> None:
    """Keep it for the next run of this page, in this browser session only. ``title`` and ``hint`` are ours."""
    st.session_state[_KEY] = (title, secret, hint)


def shown_once() -> None:
    """What was just made, if something was."""
    made = st.session_state.pop(_KEY, None)
    if made is None:
        return
    title, secret, hint = made
    with st.container(border=True, key="shown_once_box"):
        st.markdown(f":material/key: **{title}** :small[:gray[It can't be shown again: copy it now.]]")
        st.code(secret, language=None, wrap_lines=True)
        if hint:
            st.caption("Try it:")
            st.code(hint, language="bash", wrap_lines=True)
