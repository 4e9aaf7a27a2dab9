"""One ad, whole: pictures, text with the quoted words marked, labels with their evidence, facts, scans."""

from __future__ import annotations

import streamlit as st

from app.components.ai_cost import cost_of_ad
from app.components.creative_card import badges, cover
from app.components.evidence_popover import marked_text
from app.components.label_rows import label_rows
from app.components.model_description import model_description
from app.components.variants import variants_of
from app.filters import write_own
from app.formatting import NOTHING, day, escape, one_line
from app.loaders import load_raw_source
from app.run_chart import run_chart
from app.view_models.ad_details import Detail
from core.domain.principal import Principal

_FACT_WIDTH = 240  # pixels
_ABREAST = 3  # smaller pictures below the first


def ad_page(principal: Principal, detail: Detail) -> None:
    """Pictures on the left, what was read in them on the right."""
    st.button("All creatives", icon=":material/arrow_back:", type="tertiary", on_click=write_own, args=("ad", ""))
    pictures, text = st.columns([2, 3], gap="large")
    with pictures:
        _pictures(detail)
    with text:
        st.header(one_line(detail.brand_name), anchor=False)
        badges(detail.badges)
        _copy(detail)
        _words(principal, detail)
        _shown(principal, detail)
        model_description(principal, detail.ad_id, has_text=detail.has_text)
        _run(detail)
        _facts(detail)
        cost_of_ad(principal, detail.ad_id)
        _attributes(detail)
        _history(principal, detail)
    variants_of(principal, detail.ad_id)


def _pictures(detail: Detail) -> None:
    first, *others = detail.pictures
    cover(first.sha256, first.problem, alt=f"{first.role} of {detail.brand_name}", side=960)
    for start in range(0, len(others), _ABREAST):
        for column, picture in zip(st.columns(_ABREAST), others[start : start + _ABREAST], strict=False):
            with column:
                cover(picture.sha256, picture.problem, alt=f"{picture.role} of {detail.brand_name}")
    if detail.library_url:
        st.link_button("Open in the ad library", detail.library_url, icon=":material/open_in_new:", type="tertiary")


def _copy(detail: Detail) -> None:
    with st.container(border=True):
        if any(segment for line in detail.lines for segment in line):
            marked_text(detail.lines)
        else:
            st.caption("This ad has no text.")


def _words(principal: Principal, detail: Detail) -> None:
    st.subheader("What it says", anchor=False)
    if not detail.has_text:
        st.caption("No text to label.")
    elif not detail.is_read:
        st.caption("Some dimensions wait to be labelled." if detail.words else "This text waits to be labelled.")
    label_rows(principal, detail.ad_id, detail.words)
    if detail.words:
        by = ", ".join(map(one_line, detail.models)) or "people"
        st.caption(f"Read in the text alone, by {by}, with the confidence stated there. Unknown: nothing decides.")


def _shown(principal: Principal, detail: Detail) -> None:
    if detail.on_screen is None:
        return
    st.subheader("What it shows", anchor=False)
    if detail.on_screen.text:
        st.markdown(f":small[:gray[On the picture]]  \n{escape(detail.on_screen.text)}")
    if detail.on_screen.note:
        st.caption(one_line(detail.on_screen.note))
    label_rows(principal, detail.ad_id, detail.shown)


def _run(detail: Detail) -> None:
    st.subheader("When it was seen", anchor=False)
    st.plotly_chart(run_chart(detail), width="stretch", config={"displayModeBar": False}, key="run_chart")


def _facts(detail: Detail) -> None:
    st.subheader("Facts", anchor=False)
    with st.container(horizontal=True):
        for name, value in detail.facts:
            st.markdown(f":small[:gray[{name}]]  \n{one_line(value)}", width=_FACT_WIDTH)


def _attributes(detail: Detail) -> None:
    """Columns of the source that are none of ours: names and values are data."""
    if detail.attributes:
        st.subheader("From the source", anchor=False)
        for name, value in detail.attributes:
            st.markdown(f":small[:gray[{one_line(name)}]]  \n{escape(value)}")


def _history(principal: Principal, detail: Detail) -> None:
    if detail.versions:
        with st.expander(f"Earlier versions ({len(detail.versions)})", icon=":material/history:"):
            for dates, text in detail.versions:
                st.caption(dates)
                st.markdown(escape(text))
    if detail.scans:
        with st.expander(f"Scans ({len(detail.scans)})", icon=":material/radar:"):
            rows = [{"Scan of": day(scanned), "Ad seen": seen} for scanned, seen in detail.scans]
            st.dataframe(rows, hide_index=True, placeholder=NOTHING)
    with st.expander("Raw source", icon=":material/data_object:", on_change="rerun", key="raw_source") as raw:
        if raw.open:
            _raw(principal, detail.ad_id)


def _raw(principal: Principal, ad_id: str) -> None:
    found = load_raw_source(principal, ad_id)
    if found is None:
        st.caption("Nothing raw is kept of this ad.")
    else:
        st.caption("The rows as the source gave them.")
        st.json(found, expanded=2)
