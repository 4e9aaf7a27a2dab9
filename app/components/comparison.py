"""What stands beside a comparison's charts: the choices, and what the charts say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.components.empty_state import empty_state
from app.filters import read_own, write_own, write_params
from app.formatting import dimension_name, one_line, shorten
from app.mix_charts import difference_chart, dots_chart, least_width, matrix_chart
from app.navigation import page
from app.resources import services
from app.view_models.comparisons import MAX_BRANDS, Finding, Matrix
from core.domain.label import LANGUAGE
from core.queries.comparison import FORMAT
from core.queries.filters import AdFilters
from core.queries.questions import NO_FOCAL, Question, definition_of

_WIDTHS = (480, 640, 800, 960, 1120, 1280, 1440, 1760, 2080, 2400)  # pixels, of style.css
_VIEWS = {"matrix": "Matrix", "dots": "Shares with intervals", "difference": "Differences"}
_FIRST_FINDINGS = 3  # the others are a click away, so that the matrix is seen at once


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
    unit, brands = st.query_params.get_all("unit"), st.session_state["compare_brands"]
    write_params(filters.to_params() | {"brands": brands, "unit": unit})
    if st.query_params.get("focal") not in (*brands, NO_FOCAL):  # whoever takes its brand away, knows
        write_own("focal", "")


def warn_of_address(dimensions: Sequence[str], brands: Sequence[str]) -> None:
    """Says what the address asks for and isn't there: something else is shown instead."""
    for name, accepted, what in (
        ("dimension", dimensions, "There is nothing called {} to compare by"),
        ("focal", (*brands, NO_FOCAL), "{} isn't among the brands compared, so nothing is held against it"),
    ):
        if (given := st.query_params.get(name)) and given not in accepted:
            told = what.format(one_line(shorten(given, 40)))
            st.warning(f"{told}. Another is shown.", icon=":material/link_off:")


def choose_focal(brands: Sequence[str], names: Mapping[str, str], primary: str | None, *, is_used: bool = True) -> str:
    """Whom all others are held against: of the address, else the brandspace's own brand, else the first.

    Where it isn't used there is no choice to make.
    """
    otherwise = primary if primary in brands else brands[0]
    st.session_state["compare_focal"] = focal = read_own("focal", (*brands, NO_FOCAL), otherwise or NO_FOCAL)
    if not is_used:
        return focal
    st.selectbox(
        "Compared with", [*brands, NO_FOCAL], format_func=lambda slug: names.get(slug, "Nobody"), key="compare_focal",
        on_change=lambda: write_own("focal", st.session_state["compare_focal"]),
    )  # fmt: skip
    return focal


def choose_dimension(dimensions: Sequence[str], *, is_used: bool = True) -> str:
    """What to compare, kept in the address. Where it isn't used there is no choice to make."""
    st.session_state["compare_dimension"] = chosen = read_own("dimension", dimensions, dimensions[0])
    if not is_used:
        return chosen
    st.selectbox(
        "Compare by", dimensions, format_func=dimension_name, key="compare_dimension",
        help=definition_of(services().taxonomy, chosen),
        on_change=lambda: write_own("dimension", st.session_state["compare_dimension"]),
    )  # fmt: skip
    return chosen


def show_matrix(matrix: Matrix, question: Question) -> None:
    """What is shown, then the chart, then what it is made of."""
    if not matrix.brands:
        _nothing_to_compare(matrix)
        return
    _show_findings(matrix)
    with st.container(horizontal=True, vertical_alignment="center"):
        view = _choose_view(matrix)
        _show_more_findings(matrix)
        st.caption(f"{matrix.title}: {matrix.read_in}", width="content")
    if view == "matrix":
        _show_cells(matrix, question)
    else:
        figure = dots_chart(matrix) if view == "dots" else difference_chart(matrix)
        chart(figure, key=view, alt=f"{matrix.title}, {_VIEWS[view].lower()}", least_width=least_width(matrix, view))
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
    """What weakens the comparison first. Names are data, so they are escaped; all else is ours."""
    if matrix.warning:
        st.warning(matrix.warning, icon=":material/hourglass_empty:")
    told = f"Against {one_line(matrix.focal.name)}: {matrix.headline}" if matrix.focal else matrix.headline
    if matrix.below_bar:
        reason = f"Greyed: labels of this dimension are below their bar ({one_line(matrix.below_bar)})."
        st.warning(f"{reason} What differs in them says little of the brands.", icon=":material/rule:")
        told = f":small[{told}]"
    else:
        told = f"**{told}**"
    lines = [told, *(f":orange[:material/warning:] {caution}" for caution in matrix.cautions)]
    st.markdown("  \n".join(lines) + "\n" + _listed(matrix, matrix.findings[:_FIRST_FINDINGS]))


def _show_more_findings(matrix: Matrix) -> None:
    if more := matrix.findings[_FIRST_FINDINGS:]:
        with st.popover(f"{len(more)} more of them", type="tertiary"):
            st.markdown(_listed(matrix, more))


def _listed(matrix: Matrix, findings: Sequence[Finding]) -> str:
    names = {brand.slug: one_line(brand.name) for brand in matrix.brands}
    return "\n".join(f"- {names[finding.brand]}: {finding.text}" for finding in findings)


def _show_cells(matrix: Matrix, question: Question) -> None:
    """A click on a cell leads to its ads."""
    figure = matrix_chart(matrix, dark=st.context.theme.type == "dark")
    clicked: Any = chart(
        figure,
        key="matrix",
        alt=f"{matrix.title}, percent by brand",
        is_clickable=True,
        least_width=least_width(matrix, "matrix"),
    )
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
    if matrix.dimension in _read_by_models():
        _no_model_has_read()
    elif matrix.waiting:
        empty_state("No labels yet", "The ads of these brands wait to be read.", icon=":material/hourglass_empty:")
    else:
        empty_state("Nothing to read", "No ad of these brands has anything of this kind.", icon=":material/notes:")


def _read_by_models() -> frozenset[str]:
    """The dimensions that only a model reads: all of pictures but what is measured in them."""
    of_pictures = services().taxonomy.of_pictures
    return frozenset(name for name, each in of_pictures.items() if not each.measured)


def _no_model_has_read() -> None:
    title, icon = "No model has read this", ":material/robot_2:"
    if not services().settings.ai_provider_names:
        empty_state(title, "Only a model reads this, in the pictures; none is configured here.", icon=icon)
    else:
        told = "Only a model reads this, in the pictures of brands that somebody has had analysed: see Brandspaces."
        empty_state(title, told, icon=icon)


def chart(figure: go.Figure, *, key: str, alt: str, is_clickable: bool = False, least_width: int = 0) -> Any:
    """A figure, described for those who can't see it. Where there is less than its least width, it is scrolled."""
    config = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d", "zoom2d", "pan2d"]}
    with st.container(key=_scrolled(key, least_width)) if least_width else nullcontext():
        if is_clickable:
            return st.plotly_chart(
                figure, key=key, config=config | {"displayModeBar": False}, alt=alt, on_select="rerun",
                selection_mode="points",
            )  # fmt: skip
        return st.plotly_chart(figure, key=key, config=config, alt=alt)


def _scrolled(key: str, least_width: int) -> str:
    """The key of a container that ``style.css`` keeps as wide."""
    return f"wide{next((width for width in _WIDTHS if width >= least_width), _WIDTHS[-1])}_{key}"


def show_notes(notes: Iterable[str]) -> None:
    """Small print; each note is a line."""
    st.caption("  \n".join(one_line(note) for note in notes))
