"""Brandspaces: whom we watch, and what is new."""

from __future__ import annotations

import streamlit as st

from app.components.brand_table import brand_table, overview_tiles
from app.components.brandspace_forms import brandspace_forms
from app.components.coverage_bar import pictures_bar
from app.components.empty_state import nothing_imported
from app.components.error_notice import shown_errors
from app.components.newest_strip import newest_strip
from app.components.page_header import page_header
from app.components.request_progress import request_progress
from app.components.themes import themes_section
from app.components.unit_switch import read_unit, unit_switch
from app.loaders import load_brands, load_newest_ads, load_overviews, load_pictures_read, load_voices, now
from app.resources import current_principal
from app.view_models.brand_overviews import concepts_by_brand, make_overview
from core.queries.filters import ADS, AdFilters

with shown_errors():
    principal = current_principal()
    shown = page_header(principal, "Brandspaces", "Whom we watch, and what is new.")
    brandspace = shown.brandspace_id
    request_progress()
    pictures_bar(load_pictures_read(principal, brandspace))
    states = {brand.slug: brand.state for brand in load_brands(principal)}
    concepts, active_concepts = (
        {} if read_unit(ADS) == ADS else concepts_by_brand(load_voices(principal, brandspace, asked))
        for asked in (AdFilters(), AdFilters(statuses=("active",)))
    )
    view = make_overview(
        load_overviews(principal, brandspace), now().date(), roles=shown.roles, states=states,
        concepts=concepts, active_concepts=active_concepts,
    )  # fmt: skip
    if not view.ads:
        nothing_imported()
    else:
        if view.has_sample:
            st.badge("Includes sample data: invented brands and ads", icon=":material/science:", color="violet")
        unit = unit_switch(ADS)
        overview_tiles(view, unit)
        st.subheader("What is new", anchor=False)
        st.caption(view.news)
        newest_strip(load_newest_ads(principal, brandspace), brandspace, view.new)
        brand_table(view.brands, brandspace, unit)
        themes_section(principal, shown, unit, {brand.slug: brand.name for brand in view.brands})
    brandspace_forms(principal, shown)
