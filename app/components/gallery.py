"""Cards in rows, and the way through them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.components.creative_card import creative_card
from app.components.empty_state import empty_state, nothing_imported
from app.filters import write_own
from app.view_models.ad_cards import Card
from core.queries.filters import AdFilters

COLUMNS = 4
_TRAIL = 40  # cursors kept in the address


def gallery(cards: Sequence[Card]) -> None:
    """Rows of four; one below the other on a narrow screen."""
    for start in range(0, len(cards), COLUMNS):
        for column, card in zip(st.columns(COLUMNS), cards[start : start + COLUMNS], strict=False):
            with column:
                creative_card(card)


def no_cards(filters: AdFilters) -> None:
    """Nothing matches, or nothing is there."""
    if filters == AdFilters():
        nothing_imported()
    else:
        empty_state("No ad matches", "Take a filter away, or use fewer words.", icon=":material/search_off:")


def read_cursor() -> str | None:
    """The place in the list: the last of the cursors in the address."""
    trail = st.query_params.get_all("cursor")
    return trail[-1] if trail else None


def pager(next_cursor: str | None) -> None:
    """Previous and Next. The address holds the way here, so Previous works in a link that was sent, too."""
    trail = st.query_params.get_all("cursor")
    if not trail and next_cursor is None:
        return
    with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center"):
        st.button(
            "Previous", icon=":material/chevron_left:", disabled=not trail,
            on_click=write_own, args=("cursor", trail[:-1]),
        )  # fmt: skip
        st.caption(f"Page {len(trail) + 1}", width="content")
        st.button(
            "Next", icon=":material/chevron_right:", icon_position="right", disabled=next_cursor is None,
            on_click=write_own, args=("cursor", [*trail, next_cursor or ""][-_TRAIL:]),
        )  # fmt: skip
