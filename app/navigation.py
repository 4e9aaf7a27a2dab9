"""The one list of pages."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).resolve().parents[1] / "pages"
_PAGES = {
    "brandspaces": ("Brandspaces", ":material/visibility:"),
    "creatives": ("Creatives", ":material/gallery_thumbnail:"),
    "compare": ("Compare", ":material/balance:"),
    "operations": ("Operations", ":material/monitor_heart:"),
}
FIRST = "brandspaces"


def page(name: str) -> st.Page:
    """One page, by absolute path: where the entry lies doesn't matter."""
    title, icon = _PAGES[name]
    return st.Page(_FOLDER / f"{name}.py", title=title, icon=icon, url_path=name, default=name == FIRST)


def all_pages() -> list[st.Page]:
    """In the order of the menu."""
    return [page(name) for name in _PAGES]
