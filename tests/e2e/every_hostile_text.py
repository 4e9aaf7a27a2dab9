"""A page of hostile texts, each shown the ways the workbench shows copy."""

import streamlit as st

from app.components.creative_card import badges
from app.components.evidence_popover import marked_text
from app.components.model_description import attribute_table
from app.formatting import escape, one_line
from app.view_models.ad_cards import Badge
from app.view_models.label_rows import mark
from tests.hostile_texts import HOSTILE_TEXTS

for position, text in enumerate(HOSTILE_TEXTS):
    middle = {"start": 2, "end": len(text) - 1, "quote": text[2:-1]}
    with st.container(key=f"copy_{position}"):
        st.markdown(escape(text))
    with st.container(key=f"marked_{position}"):
        marked_text(mark(text, [middle]))
    with st.container(key=f"small_{position}"):
        st.markdown(f":small[{one_line(text)}]")
    with st.container(key=f"badge_{position}"):
        badges([Badge(text)])
    with st.container(key=f"table_{position}"):
        attribute_table([(text, text, "text")])
st.text("all shown")
