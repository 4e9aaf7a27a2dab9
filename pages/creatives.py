"""Creatives: a gallery of ads or concepts, its filters in the address, each ad with its labels and their evidence."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app.components.ad_page import ad_page
from app.components.error_notice import shown_errors, way_back
from app.components.exports import export_menu
from app.components.filter_panel import active_filters, filter_panel
from app.components.gallery import gallery
from app.components.page_header import page_header
from app.components.unit_switch import unit_switch
from app.filters import choose_sort, read_filters, write_own
from app.formatting import counted
from app.loaders import load_ad, load_brands, load_count, load_facets
from app.resources import current_principal, services
from app.view_models.ad_details import make_detail
from core.queries.ads import SORTS
from core.queries.filters import ADS
from core.queries.groups import GROUP_SORTS

with shown_errors():
    principal = current_principal()
    if "ad" in st.query_params:
        with way_back("All creatives", partial(write_own, "ad", "")):
            detail = make_detail(load_ad(principal, st.query_params["ad"]), services().taxonomy)
            ad_page(principal, detail)
    else:
        brandspace = page_header(principal, "Creatives", "What the brands show and say.").brandspace_id
        filters = read_filters()
        names = {brand.slug: brand.display_name for brand in load_brands(principal)}
        filter_panel(filters, partial(load_facets, principal, brandspace, filters), names)
        is_ads = filters.unit == ADS
        with st.container(horizontal=True, vertical_alignment="center"):
            total = load_count(principal, brandspace, filters)
            st.markdown(f"**{counted(total, 'ad' if is_ads else 'concept')}**", width="stretch")
            unit_switch(ADS)
            sort = choose_sort(SORTS if is_ads else GROUP_SORTS)
            export_menu(principal, brandspace, filters, sort if is_ads else SORTS[0])
        active_filters(filters, names)
        with way_back("To the first page", partial(write_own, "cursor", "")):
            gallery(principal, brandspace, filters, sort)
