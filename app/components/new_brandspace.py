"""A form that makes a brandspace."""

from __future__ import annotations

import streamlit as st

from app.formatting import escape
from app.loaders import forget, load_brands
from app.resources import current_principal, services
from core.curation.brandspaces import create_brandspace
from core.errors import AdologyError


def new_brandspace() -> None:
    """Name, own brand, competitors."""
    names = {brand.slug: brand.display_name for brand in load_brands(current_principal())}
    with st.popover("New brandspace", icon=":material/add:"), st.form("new_brandspace", border=False):
        name = st.text_input("Name", max_chars=100, placeholder="Running shoes, Europe")
        primary = st.selectbox("Your brand", names, index=None, format_func=names.__getitem__, placeholder="Optional")
        others = st.multiselect("Brands to watch", names, format_func=names.__getitem__, placeholder="Choose brands")
        if st.form_submit_button("Create", type="primary"):
            _create(name, others, primary)


def _create(name: str, brands: list[str], primary: str | None) -> None:
    try:
        made = create_brandspace(
            services().database, current_principal(), name=name, competitors=brands, primary=primary
        )
    except AdologyError as error:
        st.error(escape(str(error)))
        return
    forget()
    st.query_params["brandspace"] = made.brandspace_id
    st.rerun()
