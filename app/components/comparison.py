"""What stands beside a comparison's charts: the choices, and what the charts rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import plotly.graph_objects as go
import streamlit as st

from app.charts import launches_by_month, mix_dots, mix_heatmap
from app.components.empty_state import empty_state
from app.filters import read_own, write_own, write_params
from app.formatting import one_line, words
from app.view_models.comparisons import DIMENSIONS, MAX_BRANDS, LaunchTimeline, Mix
from core.queries.filters import AdFilters

_VIEWS = ("dots", "heatmap")
_SCALES = ("one", "own")


def choose_brands(filters: AdFilters, slugs: Sequence[str], names: Mapping[str, str]) -> AdFilters:
    """The brands of the address, else the ten with most ads."""
    chosen = [slug for slug in filters.brands if slug in slugs][:MAX_BRANDS] or list(slugs[:MAX_BRANDS])
    st.session_state["compare_brands"] = chosen
    st.multiselect(
        f"Brands (up to {MAX_BRANDS})", sorted(slugs, key=names.__getitem__), format_func=names.__getitem__,
        key="compare_brands", max_selections=MAX_BRANDS, on_change=_brands_changed, args=(filters,),
    )  # fmt: skip
    return replace(filters, brands=tuple(chosen))


def _brands_changed(filters: AdFilters) -> None:
    write_params(filters.to_params() | {"brands": st.session_state["compare_brands"]})


def choose_dimension() -> str:
    """What to compare, kept in the address."""
    chosen = read_own("dimension", tuple(DIMENSIONS), "hook")
    st.session_state["compare_dimension"] = chosen
    st.segmented_control(
        "Compare by", list(DIMENSIONS), format_func=words, key="compare_dimension", required=True,
        on_change=lambda: write_own("dimension", st.session_state["compare_dimension"]),
    )  # fmt: skip
    return chosen


def show_mix(mix: Mix) -> None:
    """The label mix as dots with intervals or as a heatmap."""
    if not mix.brands:
        _nothing_to_compare(mix.waiting)
        return
    view = read_own("view", _VIEWS, _VIEWS[0])
    st.session_state["compare_view"] = view
    st.segmented_control(
        "Shown as", _VIEWS, format_func=words, key="compare_view", required=True, label_visibility="collapsed",
        on_change=lambda: write_own("view", st.session_state["compare_view"]),
    )  # fmt: skip
    dark = st.context.theme.type == "dark"
    _chart(
        mix_dots(mix) if view == "dots" else mix_heatmap(mix, dark=dark),
        key="mix",
        alt=f"{mix.title}, percent by brand",
    )
    _notes(mix.notes)


def _nothing_to_compare(waiting: int) -> None:
    if waiting:
        empty_state("No labels yet", "The ads of these brands wait to be labelled.", icon=":material/hourglass_empty:")
    else:
        empty_state("No text to label", "The ads of these brands carry no text.", icon=":material/notes:")


def show_launches(timeline: LaunchTimeline) -> None:
    """When the brands' ads started."""
    if timeline.series:
        st.session_state["compare_scale"] = one_scale = read_own("scale", _SCALES, "one") == "one"
        st.toggle("One scale for all brands", key="compare_scale", on_change=_scale_changed)
        figure = launches_by_month(timeline, one_scale=one_scale)
        _chart(figure, key="launches", alt="Ads started per month and brand")
        _notes(timeline.notes)


def _scale_changed() -> None:
    write_own("scale", "" if st.session_state["compare_scale"] else "own")


def _chart(figure: go.Figure, *, key: str, alt: str) -> None:
    config = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d", "zoom2d", "pan2d"]}
    st.plotly_chart(figure, key=key, config=config, alt=alt)


def _notes(notes: Iterable[str]) -> None:
    st.caption("  \n".join(one_line(note) for note in notes))
