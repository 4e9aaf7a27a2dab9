"""The address is the state: brandspace, filters, sort and place live in the query string, widgets only show them.

Before a widget is drawn its value is set from the address; when a person changes it, the change is written there.
A link reopens what its sender saw, and Back works.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import streamlit as st

from app.formatting import escape, words
from app.loaders import load_brandspaces
from app.resources import current_principal, services
from core.curation.brandspaces import choose_brandspace as remember_brandspace
from core.domain.principal import Principal
from core.errors import BadInputError
from core.queries.brandspaces import ALL_BRANDS, Brandspace, chosen_brandspace
from core.queries.filters import AdFilters

OWN = frozenset(  # parameters that are no filters
    {"brandspace", "sort", "cursor", "ad", "dimension", "view", "scale", "tab", "focal", "since", "until", "frozen"}
)
_REMEMBERED = "brandspace"  # the choice travels from page to page within a session


def read_filters() -> AdFilters:
    """The filters in the address; what can't be understood is said and left out."""
    try:
        return AdFilters.from_params(_address(), ignore=OWN)
    except BadInputError as error:
        st.warning(f"The filters were left out. {escape(str(error))}", icon=":material/filter_alt_off:")
        return AdFilters()


def read_own(name: str, accepted: Collection[str], otherwise: str) -> str:
    """One of our own parameters, if it is among the accepted ones."""
    given = st.query_params.get(name, otherwise)
    return given if given in accepted else otherwise


def write_params(filters: Mapping[str, Sequence[str]]) -> None:
    """Put other filters into the address. Another question starts on its first page."""
    kept = {name: values for name, values in _address().items() if name in OWN - {"cursor", "ad"}}
    st.query_params.from_dict({name: values for name, values in {**kept, **filters}.items() if any(values)})


def write_own(name: str, value: str | Sequence[str], *, drop: Collection[str] = ()) -> None:
    """Change one of our own parameters (an empty value removes it) and drop others."""
    changed = {**_address(), name: value}
    st.query_params.from_dict({key: values for key, values in changed.items() if values and key not in drop})


def _address() -> dict[str, list[str]]:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def choose_brandspace(principal: Principal) -> Brandspace:
    """A select box of the brandspaces; the one in the address, else the last one chosen."""
    spaces = {space.brandspace_id: space for space in load_brandspaces(principal)}
    if _REMEMBERED not in st.session_state:  # a new visit begins where the last one ended
        st.session_state[_REMEMBERED] = chosen_brandspace(services().database, principal)
    asked = st.query_params.get("brandspace")
    wanted = asked or st.session_state[_REMEMBERED]
    if asked and asked not in spaces:
        st.warning("The address names no brandspace of yours: all brands are shown.", icon=":material/link_off:")
        write_own("brandspace", "")
    st.session_state["choose_brandspace"] = wanted if wanted in spaces else ALL_BRANDS
    chosen = st.selectbox(
        "Brandspace",
        list(spaces),
        format_func=lambda key: spaces[key].name,
        key="choose_brandspace",
        on_change=_brandspace_changed,
        label_visibility="collapsed",
    )
    st.session_state[_REMEMBERED] = chosen
    if chosen != ALL_BRANDS:
        st.query_params["brandspace"] = chosen  # remembered from another page: a reload or a link keeps it, too
    return spaces[chosen]


def _brandspace_changed() -> None:
    chosen = st.session_state["choose_brandspace"]
    st.session_state[_REMEMBERED] = chosen
    remember_brandspace(services().database, current_principal(), chosen)
    write_params({})
    write_own("brandspace", "" if chosen == ALL_BRANDS else chosen)


def choose_sort(sorts: Sequence[str]) -> str:
    """The order of the list; the first needs no place in the address."""
    st.session_state["choose_sort"] = sort = read_own("sort", sorts, sorts[0])
    st.selectbox(
        "Order", sorts, format_func=words, key="choose_sort", label_visibility="collapsed", width=180,
        on_change=lambda: write_own("sort", st.session_state["choose_sort"], drop=("cursor",)),
    )  # fmt: skip
    return sort
