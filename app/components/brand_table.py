"""The brands of a brandspace with how they stand; a click leads to a brand's creatives."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.formatting import NOTHING, counted, day, number
from app.navigation import page
from app.view_models.brand_overviews import BrandRow, Overview
from core.queries.filters import ADS, Unit

_TABLE_KEY = "brand_table"
Tile = tuple[str, str, str | None]  # name, figure, what it means
_WHOLE_UP_TO = 25  # brands; a longer table scrolls


def overview_tiles(view: Overview, unit: Unit) -> None:
    """Sums over the brandspace."""
    scans = (
        (_in_ads("New", unit), number(view.new), "In the newest scan of each source and not in the scan before."),
        (_in_ads("Changed", unit), number(view.changed), "Seen before, and saying something else now."),
    )
    tiles = (
        ("Brands", number(len(view.brands)), None),
        *(_stored_ads(view) if unit == ADS else _stored_concepts(view)),
        *scans,
        ("Last scan", day(view.last_scan_on), None),
    )
    with st.container(horizontal=True, gap="small"):
        for label, value, meaning in tiles:
            st.metric(label, value, help=meaning, border=True, width="stretch")


def _stored_ads(view: Overview) -> tuple[Tile, ...]:
    return (
        ("Ads stored", number(view.ads), "Every ad ever seen, with everything it said."),
        ("Active", number(view.active), "Shown by the newest scan of their source."),
    )


def _stored_concepts(view: Overview) -> tuple[Tile, ...]:
    return (
        ("Concepts stored", number(view.concepts), f"Ideas, each counted once: {counted(view.ads, 'ad')} in all."),
        ("Active", number(view.active_concepts), "The newest scan of its source shows an ad of it."),
    )


def _in_ads(name: str, unit: Unit) -> str:
    """What scans brought is counted in ads; beside concepts that is said."""
    return name if unit == ADS else f"{name} ads"


def brand_table(brands: Sequence[BrandRow], brandspace: str, unit: Unit) -> None:
    """One row a brand. The table is drawn as a picture: nothing in it is read as Markdown or HTML."""
    st.subheader("Brands", anchor=False)
    st.caption("Choose a row to see the brand's creatives.")
    chosen = st.dataframe(
        [_row(brand, unit, has_roles=any(one.role for one in brands)) for brand in brands],
        key=_TABLE_KEY,
        hide_index=True,
        placeholder=NOTHING,
        height="content" if len(brands) <= _WHOLE_UP_TO else "auto",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Brand": st.column_config.TextColumn(width="medium"),
            "Ads": st.column_config.NumberColumn(format="localized", width="small"),
            "Concepts": st.column_config.NumberColumn(format="localized", width="small"),
            "Last scan": st.column_config.DateColumn(format="D MMM YYYY"),
            "Reading": st.column_config.TextColumn(
                help="Tracked: read when its turn comes. Analysed: asked for, read first"
            ),
            _in_ads("New", unit): st.column_config.NumberColumn(
                help="In the newest scan of its sources, not in the one before"
            ),
            _in_ads("Not seen", unit): st.column_config.NumberColumn(
                help="The newest scan doesn't show it: no proof that it stopped"
            ),
        },
    )
    if chosen.selection.rows:
        parameters = {"brands": brands[chosen.selection.rows[0]].slug}
        st.switch_page(page("creatives"), query_params=parameters | {"brandspace": brandspace})


def _row(brand: BrandRow, unit: Unit, *, has_roles: bool) -> dict[str, object]:
    ads = {"Ads": brand.ads, "Active": brand.active}
    concepts = {"Concepts": brand.concepts, "Active": brand.active_concepts}
    role = {"Role": brand.role} if has_roles else {}
    return {
        "Brand": brand.name,
        **role,
        "Reading": brand.reading,
        "Source": brand.sources or "not scanned yet",
        **(ads if unit == ADS else concepts),
        _in_ads("New", unit): brand.new,
        _in_ads("Changed", unit): brand.changed,
        _in_ads("Not seen", unit): brand.not_seen,
        "Last scan": brand.last_scan_on,
    }
