"""Compare: the label mix and the launches of brands, n on everything."""

from __future__ import annotations

import streamlit as st

from app.components.comparison import choose_brands, choose_dimension, show_launches, show_mix
from app.components.coverage_bar import coverage_bar
from app.components.empty_state import nothing_imported
from app.components.error_notice import shown_errors
from app.components.page_header import page_header
from app.filters import read_filters
from app.loaders import load_coverage, load_launches, load_mix, load_overviews
from app.resources import current_principal
from app.view_models.comparisons import make_launches, make_mix

with shown_errors():
    principal = current_principal()
    brandspace = page_header("Compare", "How the brands' advertising differs.").brandspace_id
    stored = sorted((item for item in load_overviews(principal, brandspace) if item.ads), key=lambda item: -item.ads)
    if not stored:
        nothing_imported()
    else:
        names = {item.slug: item.display_name for item in stored}
        filters = choose_brands(read_filters(), list(names), names)
        dimension = choose_dimension()
        mix = load_mix(principal, brandspace, dimension, filters)
        coverage_bar(load_coverage(principal, brandspace, filters))
        show_mix(make_mix(mix, names, dimension=dimension))
        st.space("medium")
        show_launches(make_launches(load_launches(principal, brandspace, filters), names))
