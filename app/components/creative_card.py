"""An ad as a card: its picture or why there is none, its copy, its labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import streamlit as st

from app.door.pictures import picture_path
from app.filters import write_own
from app.formatting import one_line
from app.resources import workbench_origin
from app.view_models.ad_cards import Badge, Card

NO_PICTURE = str(Path(__file__).parents[1] / "assets" / "no_creative.svg")
SIDE = 480  # pixels of a card's picture


def creative_card(card: Card) -> None:
    """The card. Everything in it that is data is escaped. Few elements: a gallery draws it 24 times with each click."""
    with st.container(border=True, height="stretch", gap="xsmall", key=f"card_{card.ad_id}"):
        picture(card.picture, alt=f"Creative of {card.brand_name}")
        st.markdown("\n\n".join(line for line in _lines(card) if line), width="stretch")
        st.space("stretch")
        st.button(
            "Details", key=f"open_{card.ad_id}", icon=":material/open_in_full:", type="tertiary",
            on_click=write_own, args=("ad", card.ad_id),
        )  # fmt: skip


def _lines(card: Card) -> Iterable[str]:
    if card.picture is None:
        yield _problem(card.problem)
    yield _badges(card.badges)
    yield f"**{one_line(card.brand_name)}** {_small(card.byline)}"
    if card.title and card.title not in card.copy:
        yield one_line(card.title)
    yield _small(card.copy) or ":small[:gray[No text]]"
    yield f":small[:gray[{one_line(card.dates)}]]"
    yield _badges(card.labels)


def picture(sha256: str | None, *, alt: str, side: int = SIDE) -> None:
    """A square picture, or an empty tile of the same size."""
    address = f"{workbench_origin()}{picture_path(sha256, side)}" if sha256 else NO_PICTURE
    st.image(address, width="stretch", alt=alt if sha256 else "No picture")


def cover(sha256: str | None, problem: tuple[str, str] | None, *, alt: str, side: int = SIDE) -> None:
    """A picture; or below its tile what became of the creative."""
    picture(sha256, alt=alt, side=side)
    if sha256 is None:
        st.markdown(_problem(problem))


def _problem(problem: tuple[str, str] | None) -> str:
    status, reason = problem or ("Not shown", "")
    return f":small[:gray[:material/hide_image: {one_line(status)}{': ' + one_line(reason) if reason else ''}]]"


def badges(shown: Iterable[Badge]) -> None:
    """Badges in a row that wraps, each with what it means."""
    with st.container(horizontal=True, gap="xxsmall"):
        for badge in shown:
            # st.badge would escape brackets a second time
            st.markdown(_badge(badge), width="content", help=badge.help)


def _badges(shown: Iterable[Badge]) -> str:
    return " ".join(map(_badge, shown))


def _badge(badge: Badge) -> str:
    return f":{badge.colour}-badge[{one_line(badge.text)}]"


def _small(text: str) -> str:
    return f":small[{one_line(text)}]" if text else ""
