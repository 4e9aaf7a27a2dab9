"""What was changed in the organisation, by whom."""

from __future__ import annotations

from dataclasses import asdict

import streamlit as st

from app.formatting import NOTHING, words
from app.loaders import load_changes, load_users, now
from app.view_models.account_rows import change_rows
from core.domain.principal import Principal


def change_list(principal: Principal) -> None:
    """The newest 200, as a table: drawn as a picture, so nothing in it is read as Markdown."""
    rows = change_rows(load_changes(principal), load_users(principal), now())
    if not rows:
        st.caption("Nothing was changed yet.")
        return
    shown = [{words(name): value for name, value in asdict(row).items()} for row in rows]
    details = st.column_config.TextColumn(width="large")
    st.dataframe(shown, hide_index=True, placeholder=NOTHING, column_config={"Details": details})
