"""Ads as a file: asked for here, made in the background, fetched from the API with the session's cookie.

Beside each file lies its ledger: a table of ads that doesn't say what it covers is half an answer.
"""

from __future__ import annotations

import json

import streamlit as st
from pydantic import TypeAdapter

from app.components.changing import changing
from app.components.coverage_bar import stored_line
from app.formatting import ago, counted
from app.loaders import load_requests, now
from app.resources import api_address, current_principal, services
from core.domain.principal import Permission, Principal
from core.pipeline.exports import ask_for_export
from core.queries.coverage import Coverage
from core.queries.exports import EXPORT
from core.queries.filters import AdFilters
from core.queries.requests import RequestView

_FORMATS = {"csv": "CSV, for a spreadsheet", "ndjson": "NDJSON, for programs"}
_SHOWN = 5
_COVERAGE = TypeAdapter(Coverage)


def export_menu(principal: Principal, brandspace: str, filters: AdFilters, sort: str) -> None:
    """A menu: export what is filtered, and the newest files."""
    menu = st.popover("Export", icon=":material/download:", on_change="rerun", key="export_menu")
    if menu.open:
        with menu:
            _ask(principal, brandspace, filters, sort)
            _files()


def _ask(principal: Principal, brandspace: str, filters: AdFilters, sort: str) -> None:
    if not principal.may(Permission.WRITE):
        st.caption("You may fetch exports; to have one made, ask an owner or analyst of your organisation.")
        return
    chosen = st.radio("Every ad that passes the filters, as", list(_FORMATS), format_func=_FORMATS.__getitem__)
    if st.button("Export", type="primary", key="ask_for_export"):
        with changing("The export is being made: this menu shows when it is done."):
            ask_for_export(
                services().database, principal, brandspace=brandspace, filters=filters, format_name=chosen, sort=sort
            )


@st.fragment(run_every=3)
def _files() -> None:
    found = [item for item in load_requests(current_principal(), limit=50) if item.kind == EXPORT][:_SHOWN]
    for request in found:
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            _file(request)


def _file(request: RequestView) -> None:
    result, kind = request.result or {}, str(request.params.get("format", "")).upper()
    asked = ago(request.created_at, now())
    if request.status == "completed" and not result.get("expired"):
        size = f"{result.get('bytes', 0) / 1_000:,.0f} kB"
        covered = stored_line(_COVERAGE.validate_python(result["coverage"]))
        about = f"{kind} · {counted(result.get('rows', 0), 'ad')} · {size}"
        st.markdown(f"{about}  \n:small[:gray[{asked}: {covered}]]")
        address = f"{api_address()}/api/v1/exports/{request.request_id}/content"
        st.link_button("Download", address, icon=":material/download:")
        st.download_button(
            "Coverage", json.dumps(result, indent=1, ensure_ascii=False), f"adology-{request.request_id[:8]}.json",
            "application/json", key=f"covers_{request.request_id}", icon=":material/fact_check:", type="tertiary",
            on_click="ignore", help="What was asked and when, the file's hash, what it rests on, what it can't show.",
        )  # fmt: skip
    elif request.status == "completed":
        st.markdown(f"{kind} · expired  \n:small[:gray[{asked}]]")
    else:
        rows = request.progress.get("rows", 0)
        st.markdown(f"{kind} · {request.status}, {counted(rows, 'ad')} so far  \n:small[:gray[{asked}]]")
