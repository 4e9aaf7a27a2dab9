"""Creatives: a gallery of images and copy, its filters in the address, each ad with its labels and their evidence."""

from __future__ import annotations

import streamlit as st

from app.components.ad_page import ad_page
from app.components.error_notice import shown_errors
from app.components.exports import export_menu
from app.components.filter_panel import active_filters, filter_panel
from app.components.gallery import gallery, no_cards, pager, read_cursor
from app.components.page_header import page_header
from app.filters import choose_sort, read_filters
from app.formatting import counted
from app.loaders import load_ad, load_ads, load_brands, load_count, load_facets
from app.resources import current_principal, services
from app.view_models.ad_cards import make_card
from app.view_models.ad_details import make_detail

with shown_errors():
    principal = current_principal()
    if "ad" in st.query_params:
        ad_page(principal, make_detail(load_ad(principal, st.query_params["ad"]), services().taxonomy))
    else:
        brandspace = page_header("Creatives", "What the brands show and say.").brandspace_id
        filters = read_filters()
        names = {brand.slug: brand.display_name for brand in load_brands(principal)}
        filter_panel(filters, load_facets(principal, brandspace, filters), names)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{counted(load_count(principal, brandspace, filters), 'ad')}**", width="stretch")
            sort = choose_sort()
            export_menu(principal, brandspace, filters, sort)
        active_filters(filters, names)
        cards = load_ads(principal, brandspace, filters, cursor=read_cursor(), sort=sort)
        if cards.items:
            gallery([make_card(card) for card in cards.items])
            pager(cards.next_cursor)
        else:
            no_cards(filters)
