"""Labels, a row a dimension: the values, the words they rest on, and a pencil for who knows better."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import streamlit as st

from app.components.changing import changing
from app.components.evidence_popover import evidence_popover
from app.formatting import LANGUAGES, counted, escape, one_line, percent, shorten, value_name
from app.resources import services
from app.view_models.label_rows import DimensionRow, settled
from core.ai.taxonomy import Dimension
from core.curation.labels import correct_label, take_correction_back
from core.domain.label import LANGUAGE, UNKNOWN
from core.domain.principal import Permission, Principal

_TITLE_WIDTH = 128  # pixels
_BADGES_WIDTH = 200
_QUOTE = 36  # characters; the whole one is behind the evidence
_RADIO_MOST = 12  # values that are listed with what they mean; more are chosen from a list


def label_rows(principal: Principal, ad_id: str, rows: Sequence[DimensionRow]) -> None:
    """Those with a value; the others wait behind one line."""
    for row in rows:
        if row.is_known or row.is_corrected:
            _row(principal, ad_id, row)
    silent = [row for row in rows if not (row.is_known or row.is_corrected)]
    if silent:
        names = ", ".join(one_line(row.title).lower() for row in silent)
        with st.expander(f"{counted(len(silent), 'dimension')} that nothing decides: {names}"):
            for row in silent:
                _row(principal, ad_id, row)


def _row(principal: Principal, ad_id: str, row: DimensionRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":gray[{one_line(row.title)}]", width=_TITLE_WIDTH, help=escape(row.definition) or None)
        with st.container(horizontal=True, gap="xxsmall", width=_BADGES_WIDTH, vertical_alignment="center"):
            for label in row.labels:
                st.markdown(f":{'primary' if label.is_known else 'gray'}-badge[{one_line(label.value)}]")
            if row.is_corrected:
                st.markdown(":small[:gray[corrected]]")
            elif row.is_known and row.labels[0].confidence is not None:
                st.markdown(f":small[:gray[{percent(row.labels[0].confidence)}]]")
        evidence_popover(row, key=f"evidence_{row.name}")
        if principal.may(Permission.WRITE):
            _correction(principal, ad_id, row)
        quotes = [quote for label in row.labels for quote in label.quotes]
        if quotes:
            shown = " · ".join(f"“{one_line(shorten(quote, _QUOTE))}”" for quote in quotes[:2])
            st.markdown(f":small[{shown}]", width="stretch")


def _correction(principal: Principal, ad_id: str, row: DimensionRow) -> None:
    dimension = services().taxonomy.dimensions.get(row.name)
    if dimension is None and row.name != LANGUAGE:
        return  # of an older taxonomy: nothing new can be said in it
    with st.popover(":material/edit:", help="Correct", type="tertiary", key=f"correct_{row.name}"):
        several = dimension if dimension is not None and dimension.cardinality == "multi" else None
        # Among several each choice may drop others, at once: a form would tell of none before it is sent.
        with st.container() if several else st.form(f"correction_{row.name}", border=False):
            values = _several(ad_id, row, several) if several else [_one(row, dimension)]
            save = st.button if several else st.form_submit_button
            st.caption("For every ad that says or shows the same, for your organisation only. No later run changes it.")
            if save("Save", type="primary", key=f"save_{row.name}"):
                with changing(f"{row.title} corrected."):
                    correct_label(
                        services().database, principal, services().taxonomy, ad_id, dimension=row.name, values=values
                    )
        if row.is_corrected and st.button("Take back", key=f"take_back_{row.name}", icon=":material/undo:"):
            with changing(f"{row.title} is as the machine says."):
                take_correction_back(services().database, principal, ad_id, dimension=row.name)


def _several(ad_id: str, row: DimensionRow, dimension: Dimension) -> list[str]:
    """The values that the person chooses; what is stored is where he begins, and again once it has changed."""
    options = [*dimension.answers, UNKNOWN]
    key = "|".join(("correction", ad_id, row.name, *row.values))
    if key not in st.session_state:
        st.session_state[key] = [value for value in row.values if value in options]
    before = st.session_state[key]
    return st.multiselect(
        row.title, options, key=key, format_func=lambda value: value_name(row.name, value), help=row.definition,
        select_all=False, on_change=_settle, args=(key, before, {UNKNOWN, dimension.otherwise}),
    )  # fmt: skip


def _settle(key: str, before: list[str], alone: Collection[str]) -> None:
    st.session_state[key] = settled(before, st.session_state[key], alone)


def _one(row: DimensionRow, dimension: Dimension | None) -> str:
    """The value that the person chooses, with its meaning beside it."""
    options = [*(dimension.answers if dimension else LANGUAGES), UNKNOWN]
    chosen = [value for value in row.values if value in options]
    at = options.index(chosen[0]) if chosen else len(options) - 1
    if dimension is None or len(options) > _RADIO_MOST:
        one = st.selectbox(row.title, options, at, format_func=lambda value: value_name(row.name, value))
    else:
        one = st.radio(
            row.title, options, at, format_func=lambda value: value_name(row.name, value),
            captions=[_meaning(dimension, value) for value in options], help=row.definition,
        )  # fmt: skip
    return one or UNKNOWN


def _meaning(dimension: Dimension, value: str) -> str:
    known = dimension.values.get(value)
    return escape(known.definition) if known else ("Nothing decides." if value == UNKNOWN else "None of the others.")
