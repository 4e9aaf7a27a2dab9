"""A page with nothing to show says what to do next."""

from __future__ import annotations

import streamlit as st


def empty_state(title: str, text: str, *, command: str | None = None, icon: str = ":material/inbox:") -> None:
    """``title`` and ``text`` are our own Markdown, never data; ``command`` can be copied."""
    with st.container(border=True, horizontal_alignment="center", key="empty_state"):
        st.space("small")
        st.markdown(f"### {icon}", width="content", anchors=False)
        st.markdown(f"**{title}**", width="content")
        st.markdown(text, width="content", text_alignment="center")
        if command:
            st.code(command, language="bash", width="content")
        st.space("small")


def nothing_imported() -> None:
    """The first thing a new user sees, if the sample market was left out."""
    empty_state(
        "No ads yet",
        "Import a file or folder of ads; they appear here while they are being labelled.",
        command="./adology import PATH",
        icon=":material/upload_file:",
    )
