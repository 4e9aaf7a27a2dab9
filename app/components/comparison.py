"""What stands beside a comparison's charts: the choices, and what the charts say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.components.empty_state import empty_state
from app.filters import read_own, write_own, write_params
from app.formatting import one_line
from app.mix_charts import difference_chart, dots_chart, matrix_chart
from app.navigation import page
from app.view_models.comparisons import MAX_BRANDS, Matrix, dimension_name
from core.domain.label import LANGUAGE
from core.queries.comparison import FORMAT
from core.queries.filters import AdFilters
from core.queries.questions import NO_FOCAL, Question

_VIEWS = {"matrix": "Matrix", "dots": "Shares with intervals", "difference": "Differences"}


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
    unit = st.query_params.get_all("unit")
    write_params(filters.to_params() | {"brands": st.session_state["compare_brands"], "unit": unit})


def choose_focal(brands: Sequence[str], names: Mapping[str, str], primary: str | None) -> str:
    """Whom all others are held against: of the address, else the brandspace's own brand, else the first."""
    otherwise = primary if primary in brands else brands[0]
    st.session_state["compare_focal"] = focal = read_own("focal", (*brands, NO_FOCAL), otherwise or NO_FOCAL)
    st.selectbox(
        "Compared with", [*brands, NO_FOCAL], format_func=lambda slug: names.get(slug, "Nobody"), key="compare_focal",
        on_change=lambda: write_own("focal", st.session_state["compare_focal"]),
    )  # fmt: skip
    return focal


def choose_dimension(dimensions: Sequence[str]) -> str:
    """What to compare, kept in the address."""
    st.session_state["compare_dimension"] = chosen = read_own("dimension", dimensions, dimensions[0])
    st.selectbox(
        "Compare by", dimensions, format_func=dimension_name, key="compare_dimension",
        on_change=lambda: write_own("dimension", st.session_state["compare_dimension"]),
    )  # fmt: skip
    return chosen


def show_matrix(matrix: Matrix, question: Question) -> None:
    """What is shown, then the chart, then what it is made of."""
    if not matrix.brands:
        _nothing_to_compare(matrix)
        return
    _show_findings(matrix)
    view = _choose_view(matrix)
    if view == "matrix":
        _show_cells(matrix, question)
    else:
        figure = dots_chart(matrix) if view == "dots" else difference_chart(matrix)
        chart(figure, key=view, alt=f"{matrix.title}, {_VIEWS[view].lower()}")
    show_notes(matrix.notes)


def _choose_view(matrix: Matrix) -> str:
    accepted = [view for view in _VIEWS if view != "difference" or (matrix.focal and len(matrix.brands) > 1)]
    st.session_state["compare_view"] = view = read_own("view", accepted, accepted[0])
    st.segmented_control(
        "Shown as", accepted, format_func=_VIEWS.__getitem__, key="compare_view", required=True,
        label_visibility="collapsed", on_change=lambda: write_own("view", st.session_state["compare_view"]),
    )  # fmt: skip
    return view


def _show_findings(matrix: Matrix) -> None:
    """Names are data, so they are escaped; all else is ours."""
    names = {brand.slug: one_line(brand.name) for brand in matrix.brands}
    against = f"Against {names[matrix.focal.slug]}: " if matrix.focal else ""
    lines = [f"**{against}{matrix.headline}**"]
    lines += [f"- {names[finding.brand]}: {finding.text}" for finding in matrix.findings]
    st.markdown("\n".join(lines))
    if matrix.below_bar:
        st.warning(
            f"Greyed: labels of this dimension are below their bar ({matrix.below_bar}).", icon=":material/rule:"
        )
    for row in matrix.rows:
        if row.below_bar:
            st.caption(f"{one_line(row.name)}: labels below their bar ({row.below_bar}).")


def _show_cells(matrix: Matrix, question: Question) -> None:
    """A click on a cell leads to its ads."""
    figure = matrix_chart(matrix, dark=st.context.theme.type == "dark")
    clicked: Any = chart(figure, key="matrix", alt=f"{matrix.title}, percent by brand", is_clickable=True)
    st.caption("Point at a cell for n and interval; click it to see its ads.")
    for point in clicked.selection.points:
        brand, value, _ = point["customdata"]
        st.switch_page(page("creatives"), query_params=ads_of_cell(question, brand, value))


def ads_of_cell(question: Question, brand: str, value: str) -> dict[str, list[str]]:
    """The address of what a cell counts, in its unit."""
    filters = replace(question.filters, brands=(brand,))
    if question.dimension == FORMAT:
        filters = replace(filters, formats=(value,))
    elif question.dimension == LANGUAGE:
        filters = replace(filters, languages=(value,))
    else:
        others = (pair for pair in filters.labels if pair[0] != question.dimension)  # values of one dimension are "or"
        filters = replace(filters, labels=(*others, (question.dimension, value)))
    params = {name: values for name, values in filters.to_params().items() if values}
    return params | {"brandspace": [question.brandspace]}


def _nothing_to_compare(matrix: Matrix) -> None:
    if matrix.waiting:
        empty_state("No labels yet", "The ads of these brands wait to be read.", icon=":material/hourglass_empty:")
    else:
        empty_state("Nothing to read", "No ad of these brands has anything of this kind.", icon=":material/notes:")


def chart(figure: go.Figure, *, key: str, alt: str, is_clickable: bool = False) -> Any:
    """A figure, described for those who can't see it."""
    config = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d", "zoom2d", "pan2d"]}
    if is_clickable:
        return st.plotly_chart(
            figure, key=key, config=config | {"displayModeBar": False}, alt=alt, on_select="rerun",
            selection_mode="points",
        )  # fmt: skip
    return st.plotly_chart(figure, key=key, config=config, alt=alt)


def show_notes(notes: Iterable[str]) -> None:
    """Small print; each note is a line."""
    st.caption("  \n".join(one_line(note) for note in notes))
