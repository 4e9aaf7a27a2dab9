"""The newest creatives as a strip of small pictures."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.components.creative_card import cover
from app.formatting import day, one_line
from app.navigation import page
from core.queries.ads import AdCard

_WIDTH = 164  # pixels on the screen
_SIDE = 320  # pixels of the picture
_SHOWN = 7


def newest_strip(cards: Sequence[AdCard], brandspace: str) -> None:
    """The pictures with brand and date, and a way to all of them."""
    with st.container(horizontal=True, gap="small"):
        for card in different_pictures(cards)[:_SHOWN]:
            with st.container(width=_WIDTH, gap="xxsmall"):
                cover(card.cover_sha256, (card.media_status, ""), alt=f"Creative of {card.brand_name}", side=_SIDE)
                st.markdown(f"**{one_line(card.brand_name)}**")
                st.caption(f"First seen {day(card.first_seen)}")
    if st.button("All creatives", icon=":material/arrow_forward:", icon_position="right", type="tertiary"):
        st.switch_page(page("creatives"), query_params={"brandspace": brandspace})


def different_pictures(cards: Sequence[AdCard]) -> list[AdCard]:
    """One card for each picture, the newest first: a creative often runs under many ads."""
    different: dict[str, AdCard] = {}
    for card in cards:
        if card.cover_sha256:
            different.setdefault(card.cover_sha256, card)
    return list(different.values())
