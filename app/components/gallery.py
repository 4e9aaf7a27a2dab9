"""Cards in rows, and the way through them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.components.creative_card import creative_card
from app.components.empty_state import empty_state, nothing_imported
from app.filters import write_own
from app.loaders import CARDS, load_ads, load_concepts
from app.view_models.ad_cards import Card, make_card, make_concept_card
from core.domain.principal import Principal
from core.queries.filters import ADS, AdFilters
from core.queries.groups import GroupPage

COLUMNS = 4
_TRAIL = 40  # cursors kept in the address


def gallery(principal: Principal, brandspace: str, filters: AdFilters, sort: str) -> None:
    """Cards of what is counted, ads or concepts, and the pager; or why there are none."""
    trail = st.query_params.get_all("cursor")
    cards, next_cursor = _cards(principal, brandspace, filters, sort, trail[-1] if trail else None)
    if not cards:
        _nothing(filters)
        return
    for start in range(0, len(cards), COLUMNS):
        for column, card in zip(st.columns(COLUMNS), cards[start : start + COLUMNS], strict=False):
            with column:
                creative_card(card)
    _pager(trail, next_cursor)


def _cards(
    principal: Principal, brandspace: str, filters: AdFilters, sort: str, cursor: str | None
) -> tuple[Sequence[Card], str | None]:
    if filters.unit == ADS:
        ads = load_ads(principal, brandspace, filters, cursor=cursor, sort=sort)
        return [make_card(ad) for ad in ads.items], ads.next_cursor
    page = GroupPage(cursor=cursor, limit=CARDS, sort=sort)
    concepts = load_concepts(principal, brandspace, filters, page)
    return [make_concept_card(concept) for concept in concepts.items], concepts.next_cursor


def _nothing(filters: AdFilters) -> None:
    """Nothing matches, or nothing is there."""
    if filters == AdFilters(unit=filters.unit):
        nothing_imported()
    else:
        empty_state("No ad matches", "Take a filter away, or use fewer words.", icon=":material/search_off:")


def _pager(trail: list[str], next_cursor: str | None) -> None:
    """Previous and Next. The address holds the way here, so Previous works in a link that was sent, too."""
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
