"""The words a label rests on, marked in the text they stand in, and how the label was made."""

from __future__ import annotations

import streamlit as st

from app.formatting import escape_part, one_line, percent
from app.view_models.label_rows import DimensionRow, LabelRow, Lines


def evidence_popover(row: DimensionRow, *, key: str) -> None:
    """A button that opens the evidence of each value."""
    with st.popover(":material/format_quote:", help="Evidence", type="tertiary", key=key):
        for label in row.labels:
            _evidence(label)


def _evidence(label: LabelRow) -> None:
    st.markdown(f"**{one_line(label.title)}: {one_line(label.value)}**")
    if label.confidence is None:
        st.caption("Somebody of your organisation has corrected what the machine says. Only you see it.")
    elif label.quotes:
        marked_text(label.lines)
    else:
        st.caption("No words are quoted: nothing in it decides, or it does as a whole.")
    if label.is_known and label.confidence is not None:
        st.caption(f"Confidence {percent(label.confidence)}, as the method states it")
    st.markdown("  \n".join(f":small[:gray[{name}] {one_line(value)}]" for name, value in label.made_by))


def marked_text(lines: Lines) -> None:
    """Text with its marked segments on a coloured ground; everything in it is escaped."""
    shown = ("".join(_segment(segment.text, segment.marked) for segment in line).strip() for line in lines)
    st.markdown("  \n".join(shown))


def _segment(text: str, marked: bool) -> str:
    return f":orange-background[{escape_part(text)}]" if marked and text.strip() else escape_part(text)
