"""Entry of the workbench: ``streamlit run app``, from anywhere. The pages, behind a door of our own."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:  # Streamlit puts only app/ on the path
    sys.path.insert(0, _ROOT)

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402

from app.door.gate import SessionGate  # noqa: E402
from app.door.pictures import picture_routes  # noqa: E402
from app.door.routes import door_routes  # noqa: E402
from core.observability.logs import configure_logging  # noqa: E402
from core.settings import load_settings  # noqa: E402

_settings = load_settings()
configure_logging(level=_settings.log_level, json=_settings.log_json)  # over the handlers that Streamlit has made
app = st.App(
    Path(__file__).resolve().parent / "workbench.py",
    routes=[*door_routes(), *picture_routes()],
    middleware=[Middleware(SessionGate)],
)
