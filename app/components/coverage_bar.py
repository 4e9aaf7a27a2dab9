"""What a chart covers: stored = labelled + without text + pending."""

from __future__ import annotations

import streamlit as st

from app.formatting import number, percent
from core.queries.coverage import Coverage


def coverage_bar(coverage: Coverage) -> None:
    """A bar with the sum in words; nothing for an empty selection."""
    if not coverage.stored:
        return
    text = (
        f"Coverage: {number(coverage.stored)} ads stored = {number(coverage.labelled)} labelled "
        f"+ {number(coverage.without_text)} without text + {number(coverage.pending)} waiting "
        f"({percent(coverage.labelled / coverage.stored)} labelled)"
    )
    st.progress(coverage.labelled / coverage.stored, text=text)
