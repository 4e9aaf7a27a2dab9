"""Compare: whether brands differ, in what, and how sure that is. n on everything; what is shown can be frozen."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app.components.comparison import choose_brands, choose_dimension, choose_focal, warn_of_address
from app.components.comparison_sections import AGAINST_ONE, BY_DIMENSION, choose_section, show_frozen, show_section
from app.components.empty_state import nothing_imported
from app.components.error_notice import shown_errors
from app.components.frozen_comparisons import frozen_menu
from app.components.page_header import page_header
from app.components.unit_switch import unit_switch
from app.filters import read_filters
from app.loaders import load_overviews
from app.resources import current_principal, services
from core.queries.questions import Question, dimensions_of

with shown_errors():
    principal = current_principal()
    space = page_header(principal, "Compare", "What differs between the brands, and whether it really does.")
    stored = sorted(
        (item for item in load_overviews(principal, space.brandspace_id) if item.ads), key=lambda item: -item.ads
    )
    if frozen_id := st.query_params.get("frozen"):
        show_frozen(principal, frozen_id)
    elif not stored:
        nothing_imported()
    else:
        names = {item.slug: item.display_name for item in stored}
        filters = choose_brands(read_filters(), list(names), names)
        dimensions, section = dimensions_of(services().taxonomy), choose_section()
        warn_of_address(dimensions, filters.brands)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            dimension = choose_dimension(dimensions, is_used=section in BY_DIMENSION)
            focal = choose_focal(filters.brands, names, space.primary_brand, is_used=section in AGAINST_ONE)
            filters = replace(filters, unit=unit_switch(key="compare_unit"))
            question = Question(space.brandspace_id, dimension, filters, focal)
            frozen_menu(principal, question)
        show_section(principal, section, question, names)
