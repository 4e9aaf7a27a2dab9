"""An ad as a card: its picture or why there is none, its copy, its labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import streamlit as st

from app.door.pictures import picture_path
from app.filters import write_own
from app.formatting import escape, one_line
from app.resources import workbench_origin
from app.view_models.ad_cards import Badge, Card

NO_PICTURE = str(Path(__file__).parents[1] / "assets" / "no_creative.svg")
SIDE = 480  # pixels of a card's picture


def creative_card(card: Card) -> None:
    """The card. Everything in it that is data is escaped."""
    with st.container(border=True, height="stretch", gap="xsmall", key=f"card_{card.ad_id}"):
        cover(card.picture, card.problem, alt=f"Creative of {card.brand_name}")
        badges(card.badges)
        st.markdown(f"**{one_line(card.brand_name)}** {_small(card.byline)}")
        if card.title and card.title not in card.copy:
            st.markdown(one_line(card.title))
        st.markdown(_small(card.copy) or ":small[:gray[No text]]")
        st.caption(card.dates)
        badges(card.labels)
        st.space("stretch")
        st.button(
            "Details", key=f"open_{card.ad_id}", icon=":material/open_in_full:", type="tertiary",
            on_click=write_own, args=("ad", card.ad_id),
        )  # fmt: skip


def cover(sha256: str | None, problem: tuple[str, str] | None, *, alt: str, side: int = SIDE) -> None:
    """A square picture, or a tile of the same size with what became of the creative below it."""
    picture = f"{workbench_origin()}{picture_path(sha256, side)}" if sha256 else NO_PICTURE
    st.image(picture, width="stretch", alt=alt if sha256 else "No picture")
    if sha256 is None:
        status, reason = problem or ("Not shown", "")
        st.caption(f":material/hide_image: {escape(status)}{': ' + one_line(reason) if reason else ''}")


def badges(shown: Iterable[Badge]) -> None:
    """Badges in a row that wraps."""
    with st.container(horizontal=True, gap="xxsmall"):
        for badge in shown:
            # st.badge would escape brackets a second time
            st.markdown(f":{badge.colour}-badge[{one_line(badge.text)}]", width="content", help=badge.help)


def _small(text: str) -> str:
    return f":small[{one_line(text)}]" if text else ""
