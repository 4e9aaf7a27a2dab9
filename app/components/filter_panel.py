"""The filters beside a list: every value with how many ads it would leave, and what is unknown. In use: as chips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import streamlit as st
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer

from app.filters import write_params
from app.formatting import day, dimension_name, number, one_line, value_name, words
from core.domain.label import is_visual
from core.queries.facets import LABELS, Facet
from core.queries.filters import UNKNOWN_VALUE, AdFilters

CountFacets = Callable[[tuple[str, ...]], Mapping[str, Facet]]

_PREFIX = "filter_"  # of the widgets' keys
_LABELS = f"{LABELS}."
_FIRST, _SAID, _SHOWN, _WHEN = "Brand and source", "What it says", "What it shows", "When, and where to"
_GROUPS: Mapping[str, Sequence[str]] = {
    _FIRST: ("brands", "channels"),
    "Where it ran": ("countries", "platforms"),
    "Creative": ("formats", "statuses", "media_statuses", "ctas"),
    "Figures of the source": ("run_dates", "spend_currencies", "impressions"),
    _SAID: ("languages", LABELS),
    _SHOWN: (LABELS,),
}
_TITLES = {
    "brands": "Brands",
    "channels": "Source",
    "platforms": "Platform",
    "formats": "Format",
    "languages": "Language",
    "statuses": "Status",
    "countries": "Country",
    "media_statuses": "Creative file",
    "ctas": "Button",
    "run_dates": "Run dates",
    "spend_currencies": "Spend in",
    "words": "Words",
    "on_screen_words": "On the picture",
    "landing_domain": "Landing domain",
    "concepts": "Concept",
    "themes": "Theme",
}
_DATES = {
    "first_seen_from": "First seen from",
    "first_seen_to": "First seen until",
    "last_seen_from": "Last seen from",
    "last_seen_to": "Last seen until",
}
_NUMBERS = {"days_seen_min": "Days seen, at least", "days_seen_max": "Days seen, at most"}
_IN_WHEN = (*_DATES, *_NUMBERS, "landing_domain")
_NOT_CHIPS = ("unit",)


def filter_panel(filters: AdFilters, count: CountFacets, names: Mapping[str, str]) -> None:
    """In the sidebar. ``count`` gives the facets of the groups that are open; ``names``: brand slug → display name."""
    with st.sidebar:
        _text(filters, "words", "Words in the copy", icon=":material/search:")
        _text(filters, "on_screen_words", "Words on the picture", icon=":material/image_search:")
        groups = {title: _group(title, _starts_open(title, filters)) for title in (*_GROUPS, _WHEN)}
        wanted = [name for title, named in _GROUPS.items() if groups[title].open for name in named]
        facets = count(tuple(dict.fromkeys(wanted))) if wanted else {}
        for title, named in _GROUPS.items():
            if groups[title].open:
                with groups[title]:
                    for facet in _of_group(title, named, facets):
                        _facet(filters, facet, names)
        if groups[_WHEN].open:
            with groups[_WHEN]:
                _when(filters)


def _group(title: str, is_open: bool) -> ExpanderContainer:
    """What is closed is neither counted nor drawn: over a whole market that is most of a click."""
    return st.expander(title, expanded=is_open, on_change="rerun", key=f"group_{title}")


def _starts_open(title: str, filters: AdFilters) -> bool:
    """The first, and wherever a filter is in use."""
    named = _GROUPS.get(title, _IN_WHEN)
    values = [getattr(filters, name) for name in named if name != LABELS]
    if LABELS in named:
        values += [dimension for dimension, _ in filters.labels if is_visual(dimension) == (title == _SHOWN)]
    return title == _FIRST or any(value not in {None, "", ()} for value in values)


def _of_group(title: str, named: Sequence[str], facets: Mapping[str, Facet]) -> Iterable[Facet]:
    """In the group's order; labels by name, those of words or those of covers."""
    for name in named:
        if name in facets:
            yield facets[name]
    if LABELS in named:
        for name in sorted(name for name in facets if name.startswith(_LABELS)):
            if is_visual(name.removeprefix(_LABELS)) == (title == _SHOWN):
                yield facets[name]


def active_filters(filters: AdFilters, names: Mapping[str, str]) -> None:
    """What is in use, each with a way to take it off."""
    params = filters.to_params()
    chips = [(name, value) for name, values in params.items() if name not in _NOT_CHIPS for value in values]
    if not chips:
        return
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        for name, value in chips:
            left = params | {name: [kept for kept in params[name] if kept != value]}
            st.button(
                _chip(name, value, names), key=f"drop_{name}_{value}", icon=":material/close:",
                icon_position="right", on_click=write_params, args=(left,), help="Take this filter off",
            )  # fmt: skip
        st.button("Clear", type="tertiary", on_click=write_params, args=(_kept(params),))


def _kept(params: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """What isn't a filter of ads survives their going."""
    return {name: values for name, values in params.items() if name in _NOT_CHIPS}


def _chip(name: str, value: str, names: Mapping[str, str]) -> str:
    if name == "labels":
        dimension, _, label = value.partition(":")
        return f"{dimension_name(dimension)}: {one_line(value_name(dimension, label))}"
    if name in _DATES:
        return f"{_DATES[name]} {day(date.fromisoformat(value))}"
    shown = names.get(value) or value_name(name, value)
    return f"{_TITLES.get(name) or _NUMBERS.get(name) or words(name)}: {one_line(shown)}"


def _facet(filters: AdFilters, facet: Facet, names: Mapping[str, str]) -> None:
    counts = dict(facet.values) | ({UNKNOWN_VALUE: facet.unknown} if facet.unknown else {})
    chosen = _chosen(filters, facet.name)
    key = _PREFIX + facet.name
    st.session_state[key] = list(chosen)
    short = facet.name.removeprefix(_LABELS)
    st.multiselect(
        _TITLES.get(facet.name, dimension_name(short)),
        list(dict.fromkeys([*counts, *chosen])),
        format_func=lambda value: f"{names.get(value) or value_name(short, value)} ({number(counts.get(value, 0))})",
        key=key,
        placeholder="Any",
        on_change=_changed,
        args=(filters,),
        max_selections=50,
    )


def _when(filters: AdFilters) -> None:
    for name, title in _DATES.items():
        st.session_state[_PREFIX + name] = getattr(filters, name)
        st.date_input(title, key=_PREFIX + name, format="YYYY-MM-DD", on_change=_changed, args=(filters,))
    for name, title in _NUMBERS.items():
        st.session_state[_PREFIX + name] = getattr(filters, name)
        st.number_input(title, key=_PREFIX + name, min_value=0, step=1, on_change=_changed, args=(filters,))
    st.caption("Days from first to last seen: not days shown.")
    _text(filters, "landing_domain", "Landing domain")


def _text(filters: AdFilters, name: str, title: str, *, icon: str | None = None) -> None:
    st.session_state[_PREFIX + name] = getattr(filters, name)
    st.text_input(title, key=_PREFIX + name, icon=icon, on_change=_changed, args=(filters,), max_chars=200)


def _chosen(filters: AdFilters, name: str) -> tuple[str, ...]:
    if name.startswith(_LABELS):
        return tuple(value for dimension, value in filters.labels if f"{_LABELS}{dimension}" == name)
    return tuple(getattr(filters, name))


def _changed(before: AdFilters) -> None:
    """What the widgets hold now, over what they don't show."""
    drawn = {str(key)[len(_PREFIX) :]: value for key, value in st.session_state.items() if str(key).startswith(_PREFIX)}
    labels = [pair for pair in before.labels if f"{_LABELS}{pair[0]}" not in drawn]
    labels += [(name.removeprefix(_LABELS), value) for name, value in _label_values(drawn)]
    params = before.to_params() | {name: _written(value) for name, value in drawn.items() if _LABELS not in name}
    params["labels"] = [f"{dimension}:{value}" for dimension, value in labels]
    write_params(params)


def _label_values(drawn: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    return ((name, value) for name, values in drawn.items() if name.startswith(_LABELS) for value in values)


def _written(value: Any) -> list[str]:
    """As an address has it."""
    if isinstance(value, list):
        return value
    return [] if value is None else [str(value)]
