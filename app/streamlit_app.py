"""Entry of the workbench: ``streamlit run app``, from anywhere."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:  # Streamlit puts only app/ on the path
    sys.path.insert(0, _ROOT)

import streamlit as st  # noqa: E402

from app.navigation import all_pages  # noqa: E402
from app.resources import set_up_logging  # noqa: E402

_ASSETS = Path(__file__).parent / "assets"

st.set_page_config(page_title="Adology", page_icon=str(_ASSETS / "icon.svg"), layout="wide")
st.logo(str(_ASSETS / "logo.svg"), size="large")
set_up_logging()
st.navigation(all_pages(), position="top").run()
