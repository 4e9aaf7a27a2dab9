"""What every page holds: the services of this process, and who asks."""

from __future__ import annotations

import streamlit as st

from core.bootstrap import Services, build_services
from core.domain.principal import LOCAL_PRINCIPAL, Principal
from core.observability.logs import configure_logging
from core.settings import load_settings


@st.cache_resource(show_spinner=False)
def services() -> Services:
    """Made once per process. Raises UnavailableError without a database address; that isn't remembered."""
    return build_services(load_settings())


def current_principal() -> Principal:
    """Who looks at the page."""
    return LOCAL_PRINCIPAL


@st.cache_resource(show_spinner=False)
def set_up_logging() -> None:
    """Send this process's logs through the one pipeline, once."""
    settings = load_settings()
    configure_logging(level=settings.log_level, json=settings.log_json)
