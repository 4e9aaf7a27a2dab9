"""The pages, for whoever is signed in."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app.components.error_notice import session_ended, shown_errors
from app.navigation import all_pages
from app.resources import signed_in

_ASSETS = Path(__file__).resolve().parent / "assets"

# Streamlit writes white on the primary colour, which in the dark is a light one: 2.4 to 1. This is 7.6 to 1.
_DARK_ON_PRIMARY = "<style>span[data-tag], button[data-testid=stBaseButton-primary] {color: #11171A}</style>"

st.set_page_config(page_title="Adology", page_icon=str(_ASSETS / "icon.svg"), layout="wide")
visitor = None
with shown_errors():
    visitor = signed_in()
    if visitor is None:
        session_ended()
if visitor is not None:
    if st.context.theme.type == "dark":
        st.html(_DARK_ON_PRIMARY)
    st.logo(str(_ASSETS / "logo.svg"), size="large")
    st.navigation(all_pages(visitor.principal), position="top").run()
