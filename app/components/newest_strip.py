"""What the newest scans brought, as a strip of small pictures."""

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
_NONE = ("The newest scans brought no new ad.", "The new ad has no picture.")  # of no new ad, of one


def newest_strip(cards: Sequence[AdCard], brandspace: str, new: int) -> None:
    """The pictures with brand and date, or why there are none; and a way to all ads. ``new``: all that are new."""
    if without := without_pictures(cards, new):
        st.caption(without)
    with st.container(horizontal=True, gap="small"):
        for card in different_pictures(cards)[:_SHOWN]:
            with st.container(width=_WIDTH, gap="xxsmall"):
                cover(card.cover_sha256, (card.media_status, ""), alt=f"Creative of {card.brand_name}", side=_SIDE)
                st.markdown(f"**{one_line(card.brand_name)}**")
                st.caption(f"First seen {day(card.first_seen)}")
    if st.button("All creatives", icon=":material/arrow_forward:", icon_position="right", type="tertiary"):
        st.switch_page(page("creatives"), query_params={"brandspace": brandspace})


def without_pictures(cards: Sequence[AdCard], new: int) -> str:
    """Why the strip is empty; "" where it isn't."""
    if cards:
        return ""
    return f"None of the {new:,} new ads has a picture." if new > 1 else _NONE[new]


def different_pictures(cards: Sequence[AdCard]) -> list[AdCard]:
    """One card for each picture, the newest first: a creative often runs under many ads."""
    different: dict[str, AdCard] = {}
    for card in cards:
        if card.cover_sha256:
            different.setdefault(card.cover_sha256, card)
    return list(different.values())
