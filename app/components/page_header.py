"""The top of a page: what it is, and whose brands it shows."""

from __future__ import annotations

import streamlit as st

from app.filters import choose_brandspace
from core.queries.brandspaces import Brandspace


def page_header(title: str, subtitle: str) -> Brandspace:
    """Title on the left, brandspace on the right; the brandspace that was chosen."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        plain_header(title, subtitle)
    with right:
        return choose_brandspace()


def plain_header(title: str, subtitle: str) -> None:
    """For pages that show every brand. Both texts are ours."""
    st.title(title, anchor=False)
    st.caption(subtitle)
