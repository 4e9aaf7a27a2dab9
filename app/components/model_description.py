"""What a model wrote of an ad. Its words are data, as the ad's are."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.formatting import counted, escape, one_line
from app.loaders import load_ad_description
from app.resources import services
from app.view_models.descriptions import DescriptionView, make_description
from core.domain.principal import Principal

_AT_ONCE = 8  # attributes; more wait behind one line


def model_description(principal: Principal, ad_id: str, *, has_text: bool) -> None:
    """A section of an ad's page; nothing where no model wrote and none will."""
    found = load_ad_description(principal, ad_id)
    if found is None and not (has_text and services().settings.ai_provider_names):
        return
    st.subheader("In a model's words", anchor=False)
    if found is None:
        st.caption("No model has described this ad yet. Models describe the ads of analysed brands.")
    else:
        _described(make_description(found))


def _described(view: DescriptionView) -> None:
    if view.text:
        st.markdown(escape(view.text))
    if len(view.attributes) > _AT_ONCE:
        with st.expander(counted(len(view.attributes), "attribute")):
            attribute_table(view.attributes)
    elif view.attributes:
        attribute_table(view.attributes)
    st.caption(one_line(view.note))


def attribute_table(attributes: Sequence[tuple[str, str, str]]) -> None:
    """(name, value, what it was read in); all of it is escaped."""
    rows = [
        {"Attribute": f":gray[{one_line(name)}]", "Value": one_line(value), "Read in": f":small[:gray[{read_in}]]"}
        for name, value, read_in in attributes
    ]
    st.table(rows, border="horizontal", hide_index=True, hide_header=False)
