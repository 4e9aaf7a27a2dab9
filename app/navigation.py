"""The one list of pages."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import streamlit as st

from core.domain.principal import Principal

_FOLDER = Path(__file__).resolve().parents[1] / "pages"
_PAGES = {
    "brandspaces": ("Brandspaces", ":material/visibility:"),
    "creatives": ("Creatives", ":material/gallery_thumbnail:"),
    "compare": ("Compare", ":material/balance:"),
    "label_quality": ("Label quality", ":material/verified:"),
    "account": ("Account", ":material/badge:"),
    "operations": ("Operations", ":material/monitor_heart:"),
}
_OF_OPERATORS = ("operations",)
FIRST = "brandspaces"


def page(name: str, visibility: Literal["visible", "hidden"] = "visible") -> st.Page:
    """One page, by absolute path: where the entry lies doesn't matter."""
    title, icon = _PAGES[name]
    path = _FOLDER / f"{name}.py"
    return st.Page(path, title=title, icon=icon, url_path=name, default=name == FIRST, visibility=visibility)


def all_pages(principal: Principal) -> list[st.Page]:
    """In the order of the menu. A page for operators isn't in the menu of others; by its address it refuses them."""
    hidden = () if principal.is_operator else _OF_OPERATORS
    return [page(name, "hidden" if name in hidden else "visible") for name in _PAGES]
