"""The pages, for whoever is signed in."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.components.error_notice import session_ended, shown_errors
from app.navigation import all_pages
from app.resources import signed_in

_ASSETS = Path(__file__).resolve().parent / "assets"

st.set_page_config(page_title="Adology", page_icon=str(_ASSETS / "icon.svg"), layout="wide")
visitor = None
with shown_errors():
    visitor = signed_in()
    if visitor is None:
        session_ended()
if visitor is not None:
    st.html(_ASSETS / "style.css")
    if st.context.theme.type == "dark":
        st.html(_ASSETS / "dark.css")
    st.logo(str(_ASSETS / "logo.svg"), size="large")
    st.navigation(all_pages(visitor.principal), position="top").run()
