"""The parts of the Label quality page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import plotly.graph_objects as go
import streamlit as st

from app.filters import read_own, write_own
from app.formatting import NOTHING, dimension_name, one_line, words
from app.navigation import page
from app.quality_charts import overview_dots, reliability, value_dots
from app.view_models.label_quality import STANDINGS, Detail, Finding, Overview, ValueRow
from core.ai.quality_verdicts import Standing

_COLOURS = {
    Standing.MEETS: ("green", ":material/check_circle:"),
    Standing.UNPROVEN: ("orange", ":material/help:"),
    Standing.BELOW: ("red", ":material/arrow_downward:"),
    Standing.NOT_MEASURED: ("gray", ":material/remove:"),
}
_EXAMPLES = 8


def overview(rows: Sequence[Overview]) -> None:
    """How many labels meet their bar, and all of them beside it."""
    with st.container(horizontal=True, gap="small"):
        for standing, told in STANDINGS.items():
            number = sum(row.standing is standing for row in rows)
            st.metric(words(standing.value), number, border=True, help=f"Labels {told}.")
    measured = [row for row in rows if row.dots]
    if measured:
        _chart(overview_dots(measured), key="quality_overview", alt="Kappa of each label with its interval")
        st.caption(
            "Agreement beyond chance (Cohen's kappa) with its 95 % interval; ┊ is the bar a label must reach "
            "(core/ai/quality_bars.yaml). ✓ even the low end reaches it · ? too few texts to say · ▼ below, greyed in "
            "comparisons. Pale: under 30 texts."
        )


def choose_dimension(names: Sequence[str]) -> str:
    """Which label to look at, kept in the address."""
    chosen = read_own("dimension", names, names[0])
    st.session_state["quality_dimension"] = chosen
    st.pills(
        "Label", names, format_func=dimension_name, key="quality_dimension", required=True,
        on_change=lambda: write_own("dimension", st.session_state["quality_dimension"]),
    )  # fmt: skip
    return chosen


def detail(shown: Detail, ads: Mapping[str, str]) -> None:
    """Everything about one label; ``ads``: content id → an ad to look at."""
    st.subheader(shown.title, anchor=False)
    st.markdown(one_line(shown.definition))
    colour, icon = _COLOURS[shown.standing]
    st.markdown(f":{colour}-badge[{icon} {words(shown.standing.value)}] {one_line(shown.reason)}.")
    if shown.between_people:
        st.caption(one_line(shown.between_people))
    _figures(shown)
    _meanings(shown.values)
    for finding in shown.findings:
        _finding(finding, ads)
    if shown.sources:
        st.markdown("**What it was measured on**")
        rows = [{words(name): value for name, value in asdict(each).items()} for each in shown.sources]
        st.dataframe(rows, hide_index=True, placeholder=NOTHING)


def _figures(shown: Detail) -> None:
    measured = [row for row in shown.values if row.kappa or row.precision or row.recall]
    left, right = st.columns([3, 2])
    if measured:
        with left:
            figure = value_dots(measured, shown.bar, f"By value, beside: {shown.basis}")
            _chart(figure, key="quality_values", alt=f"{shown.title}: kappa, precision and recall by value")
    with right:
        if shown.curve:
            _chart(reliability(shown.curve), key="quality_curve", alt=f"{shown.title}: confidence and share right")
        if shown.taken_for:
            st.markdown("**Taken for something else most often**")
            st.markdown("\n".join(f"- {one_line(each)}" for each in shown.taken_for))


def _meanings(rows: Sequence[ValueRow]) -> None:
    """What each value means."""
    with st.expander("What the values mean", icon=":material/menu_book:"):
        for row in rows:
            colour, icon = _COLOURS[row.standing]
            examples = "".join(f"  \n:small[:gray[“{one_line(each)}”]]" for each in row.examples)
            st.markdown(f":{colour}[{icon}] **{one_line(row.title)}** {one_line(row.definition)}{examples}")


def _finding(finding: Finding, ads: Mapping[str, str]) -> None:
    if not finding.examples:
        st.markdown(f":material/done_all: **{one_line(finding.title)}.** {one_line(finding.told)}")
        return
    with st.expander(f"**{one_line(finding.title)}.** {one_line(finding.told)}", icon=":material/difference:"):
        for each in finding.examples[:_EXAMPLES]:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                if each.content_id in ads:
                    st.page_link(
                        page("creatives"), label="Ad", icon=":material/open_in_full:",
                        query_params={"ad": ads[each.content_id]},
                    )  # fmt: skip
                said = f":blue-badge[{one_line(each.given)}]"
                other = f" → :orange-badge[{one_line(each.other)}]" if each.other else ""
                st.markdown(f"{said}{other} :small[{one_line(each.excerpt)}]")
        if len(finding.examples) > _EXAMPLES:
            st.caption(f"{_EXAMPLES} of {len(finding.examples)} that were kept.")


def _chart(figure: go.Figure, *, key: str, alt: str) -> None:
    st.plotly_chart(figure, key=key, config={"displaylogo": False, "displayModeBar": False}, alt=alt)
