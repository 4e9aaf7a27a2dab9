"""The top of a page: what it is, whose brands it shows, and who looks at it."""

from __future__ import annotations

import streamlit as st

from app.components.account_menu import account_menu
from app.filters import choose_brandspace
from core.domain.principal import Principal
from core.queries.brandspaces import Brandspace


def page_header(principal: Principal, title: str, subtitle: str) -> Brandspace:
    """Title on the left, brandspace and account on the right; the brandspace that was chosen."""
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        _title(title, subtitle)
    with right, st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="small"):
        chosen = choose_brandspace(principal)
        account_menu()
    return chosen


def plain_header(title: str, subtitle: str) -> None:
    """For pages that show every brand. Both texts are ours."""
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        _title(title, subtitle)
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        account_menu()


def _title(title: str, subtitle: str) -> None:
    st.title(title, anchor=False)
    st.caption(subtitle)
