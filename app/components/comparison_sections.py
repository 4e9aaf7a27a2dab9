"""The sections of a comparison, live and frozen: only the one that is looked at is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.components.comparison import show_matrix
from app.components.comparison_over_time import choose_dates, show_curves, show_launches, show_turnovers, show_voice
from app.components.coverage_bar import MAY_JOIN, coverage_bar, pictures_bar
from app.components.empty_state import empty_state
from app.components.frozen_comparisons import frozen_banner, unfinished
from app.filters import read_own, write_own
from app.formatting import one_line
from app.loaders import (
    load_comparison,
    load_coverage,
    load_deltas,
    load_frozen_answer,
    load_launches,
    load_scan_dates,
    load_survivals,
    load_voices,
)
from app.view_models.comparisons import make_launches, make_matrix
from app.view_models.frozen_changes import changes_since
from app.view_models.sayings import NOUNS, why_withheld
from app.view_models.time_views import make_curves, make_turnovers
from core.domain.principal import Principal
from core.errors import AdologyError
from core.queries.filters import CONCEPTS
from core.queries.frozen import FrozenAnswer, FrozenView
from core.queries.questions import Question

_SECTIONS = {
    "mix": "What they say",
    "launches": "Launches",
    "longevity": "Days seen",
    "voice": "Share of voice",
    "changes": "What changed",
}
BY_DIMENSION = ("mix", "changes")
AGAINST_ONE = ("mix",)


def choose_section(*, is_frozen: bool = False) -> str:
    """Which side of the comparison, kept in the address."""
    accepted = [name for name in _SECTIONS if not (is_frozen and name == "changes")]
    st.session_state["compare_tab"] = chosen = read_own("tab", accepted, accepted[0])
    st.segmented_control(
        "Section", accepted, format_func=_SECTIONS.__getitem__, key="compare_tab", required=True,
        label_visibility="collapsed", on_change=lambda: write_own("tab", st.session_state["compare_tab"]),
    )  # fmt: skip
    return chosen


def show_section(principal: Principal, section: str, question: Question, names: Mapping[str, str]) -> None:
    """One section with what it covers."""
    asked = (principal, question.brandspace, question.filters)
    covers = load_coverage(*asked, question.dimension if section in BY_DIMENSION else None)
    coverage_bar(covers)
    if covers.unit == CONCEPTS:
        pictures_bar(covers.pictures, note=MAY_JOIN)
    if section == "mix":
        show_matrix(make_matrix(load_comparison(principal, question), names), question)
    elif section == "launches":
        show_launches(make_launches(load_launches(*asked), names))
    elif section == "longevity":
        show_curves(make_curves(load_survivals(*asked), names))
    elif section == "voice":
        show_voice(load_voices(*asked), names, question.filters.unit)
    elif dates := choose_dates(load_scan_dates(*asked)):
        withheld = why_withheld(covers.pending, covers.labelled, NOUNS[covers.unit])
        show_turnovers(make_turnovers(load_deltas(principal, question, *dates), names, withheld=withheld))


def show_frozen(principal: Principal, frozen_id: str) -> None:
    """A frozen comparison: everything on it is read from its bytes, but what changed since."""
    view, answer = load_frozen_answer(principal, frozen_id)
    frozen_banner(principal, view, _changes(principal, view, answer))
    if answer is None:
        empty_state("Frozen by another version", "It can't be drawn here; its files hold it as it was.")
        return
    section, names = choose_section(is_frozen=True), answer.brand_names
    coverage_bar(answer.coverage)
    for told in unfinished(answer.coverage):
        st.caption(f"When it was frozen: {told}")
    if section == "mix":
        matrix = make_matrix(answer.comparison, names)
        st.caption(f"{matrix.title}: {one_line(matrix.definition)}")
        show_matrix(matrix, Question.from_json(view.question))
    elif section == "launches":
        show_launches(make_launches(answer.launches, names))
    elif section == "longevity":
        show_curves(make_curves(answer.longevity, names))
    else:
        show_voice(answer.share_of_voice, names, view.question["unit"])


def _changes(principal: Principal, view: FrozenView, answer: FrozenAnswer | None) -> list[str]:
    if answer is None:
        return []
    try:
        live = load_comparison(principal, Question.from_json(view.question))
    except AdologyError as error:  # its brandspace or dimension is no more
        return [f"it can't be asked again: {error}"]
    return changes_since(answer.comparison, live, answer.brand_names)
