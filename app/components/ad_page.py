"""One ad, whole: pictures, text with the quoted words marked, labels with their evidence, facts, scans."""

from __future__ import annotations

import streamlit as st

from app.components.creative_card import badges, cover
from app.components.evidence_popover import evidence_popover, marked_text
from app.filters import write_own
from app.formatting import escape, one_line, percent
from app.view_models.ad_details import Detail, LabelRow

_NAME_WIDTH = 96  # pixels
_VALUE_WIDTH = 116
_PERCENT_WIDTH = 40
_FACT_WIDTH = 240


def ad_page(detail: Detail) -> None:
    """Pictures on the left, what was read in them on the right."""
    st.button("All creatives", icon=":material/arrow_back:", type="tertiary", on_click=write_own, args=("ad", ""))
    pictures, text = st.columns([2, 3], gap="large")
    with pictures:
        for picture in detail.pictures:
            cover(picture.sha256, picture.problem, alt=f"{picture.role} of {detail.brand_name}", side=960)
        if detail.library_url:
            st.link_button("Open in the ad library", detail.library_url, icon=":material/open_in_new:", type="tertiary")
    with text:
        st.header(one_line(detail.brand_name), anchor=False)
        badges(detail.badges)
        _copy(detail)
        _labels(detail)
        _facts(detail)
        _attributes(detail)
        _history(detail)


def _copy(detail: Detail) -> None:
    with st.container(border=True):
        if any(segment for line in detail.lines for segment in line):
            marked_text(detail.lines)
        else:
            st.caption("This ad has no text.")


def _labels(detail: Detail) -> None:
    st.subheader("Labels", anchor=False)
    if not detail.has_text:
        st.caption("No text to label.")
    elif not detail.is_read:
        st.caption("Some dimensions wait to be labelled." if detail.labels else "This text waits to be labelled.")
    for position, label in enumerate(detail.labels):
        _label(label, key=f"evidence_{position}")
    if detail.labels:
        st.caption(
            "Made by local heuristics from the text alone, with the confidence they state. Unknown: nothing decides."
        )


def _label(label: LabelRow, *, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":gray[{one_line(label.dimension)}]", width=_NAME_WIDTH)
        colour = "primary" if label.is_known else "gray"
        st.markdown(f":{colour}-badge[{one_line(label.value)}]", width=_VALUE_WIDTH)
        confidence = label.confidence if label.is_known else None
        st.caption("" if confidence is None else percent(confidence), width=_PERCENT_WIDTH)
        evidence_popover(label, key=key)
        if label.quotes:
            quotes = " · ".join(f"“{one_line(quote)}”" for quote in label.quotes[:2])
            st.markdown(f":small[{quotes}]", width="stretch")


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


def _history(detail: Detail) -> None:
    if detail.versions:
        with st.expander(f"Earlier versions ({len(detail.versions)})", icon=":material/history:"):
            for dates, text in detail.versions:
                st.caption(dates)
                st.markdown(escape(text))
    if detail.scans:
        with st.expander(f"Scans ({len(detail.scans)})", icon=":material/radar:"):
            st.dataframe([{"Scan of": scanned, "Ad seen": seen} for scanned, seen in detail.scans], hide_index=True)
