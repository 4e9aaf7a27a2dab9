"""The brands of a brandspace with how they stand; a click leads to a brand's creatives."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.formatting import day, number
from app.navigation import page
from app.view_models.brand_overviews import BrandRow, Overview

_TABLE_KEY = "brand_table"
_WHOLE_UP_TO = 25  # brands; a longer table scrolls


def overview_tiles(view: Overview) -> None:
    """Sums over the brandspace."""
    tiles = (
        ("Brands", number(len(view.brands)), None),
        ("Ads stored", number(view.ads), "Every ad ever seen, with everything it said."),
        ("Active", number(view.active), "Shown by the newest scan of their source."),
        ("New", number(view.new), "In the newest scan of each source and not in the scan before."),
        ("Changed", number(view.changed), "Seen before, and saying something else now."),
        ("Last scan", day(view.last_scan_on), None),
    )
    with st.container(horizontal=True, gap="small"):
        for label, value, meaning in tiles:
            st.metric(label, value, help=meaning, border=True, width="stretch")


def brand_table(brands: Sequence[BrandRow], brandspace: str) -> None:
    """One row a brand. The table is drawn as a picture: nothing in it is read as Markdown or HTML."""
    chosen = st.dataframe(
        [_row(brand, has_roles=any(one.role for one in brands)) for brand in brands],
        key=_TABLE_KEY,
        hide_index=True,
        height="content" if len(brands) <= _WHOLE_UP_TO else "auto",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Brand": st.column_config.TextColumn(width="medium"),
            "Ads": st.column_config.NumberColumn(format="localized", width="small"),
            "Last scan": st.column_config.DateColumn(format="D MMM YYYY"),
            "Reading": st.column_config.TextColumn(
                help="Tracked: read when its turn comes. Analysed: asked for, read first"
            ),
            "New": st.column_config.NumberColumn(help="In the newest scan of its sources, not in the one before"),
            "Not seen": st.column_config.NumberColumn(help="The newest scan doesn't show it: no proof that it stopped"),
        },
    )
    if chosen.selection.rows:
        parameters = {"brands": brands[chosen.selection.rows[0]].slug}
        st.switch_page(page("creatives"), query_params=parameters | {"brandspace": brandspace})


def _row(brand: BrandRow, *, has_roles: bool) -> dict[str, object]:
    role = {"Role": brand.role} if has_roles else {}
    return {
        "Brand": brand.name,
        **role,
        "Reading": brand.reading,
        "Source": brand.sources or "not scanned yet",
        "Ads": brand.ads,
        "Active": brand.active,
        "New": brand.new,
        "Changed": brand.changed,
        "Not seen": brand.not_seen,
        "Last scan": brand.last_scan_on,
    }
