"""Launches, days seen, voices and two dates: the other sides of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import streamlit as st

from app.components.comparison import chart, show_notes
from app.components.empty_state import empty_state
from app.filters import read_own, write_own
from app.formatting import day
from app.time_charts import launches_by_month, survival_curves, voice_bars
from app.view_models.comparisons import LaunchTimeline
from app.view_models.time_views import Curves, Turnovers
from core.insights.voice import ShareOfVoice

_SCALES = ("one", "own")


def show_launches(timeline: LaunchTimeline) -> None:
    """When the brands' ads or concepts started."""
    if timeline.series:
        st.session_state["compare_scale"] = one_scale = read_own("scale", _SCALES, "one") == "one"
        st.toggle("One scale for all brands", key="compare_scale", on_change=_scale_changed)
        figure = launches_by_month(timeline, one_scale=one_scale)
        chart(figure, key="launches", alt=f"{timeline.noun.title()}s started per month and brand")
        show_notes(timeline.notes)


def _scale_changed() -> None:
    write_own("scale", "" if st.session_state["compare_scale"] else "own")


def show_curves(found: Curves) -> None:
    """How long they go on being seen."""
    if not found.drawn:
        empty_state(
            "Nothing has ended yet",
            "Every ad is shown by the newest scan of its source, or its source was scanned on one day only.",
            icon=":material/hourglass_empty:",
        )
    else:
        st.markdown(f"**{found.test}**")
        chart(
            survival_curves(found),
            key="survival",
            alt="Percent seen for longer than so many days, by brand",
            least_width=640,
        )
    st.dataframe(found.rows, hide_index=True, key="survival_table")
    show_notes(found.notes)


def show_voice(voice: ShareOfVoice, names: Mapping[str, str], of: str) -> None:
    """Who says how much of all that is said."""
    if voice.brands:
        chart(voice_bars(voice, names, of), key="voice", alt=f"Each brand's percent of all {of}")
        show_notes(["Of what is stored of the brands chosen here. Neither money nor impressions are in it."])


def choose_dates(dates: tuple[date, ...]) -> tuple[date, date] | None:
    """Two of the days on which the brands were scanned; None where there are not two."""
    if len(dates) <= 1:
        empty_state(
            "One scan only", "What came and what went shows from the second scan on.", icon=":material/event_repeat:"
        )
        return None
    written = [one.isoformat() for one in dates]
    until = read_own("until", written[:-1], written[0])
    earlier = written[written.index(until) + 1 :]
    since = read_own("since", earlier, earlier[0])
    with st.container(horizontal=True):
        _date("Now", "until", written[:-1], until)
        _date("Before", "since", earlier, since)
    return date.fromisoformat(since), date.fromisoformat(until)


def _date(title: str, name: str, written: list[str], chosen: str) -> None:
    st.session_state[f"compare_{name}"] = chosen
    st.selectbox(
        title, written, format_func=lambda one: day(date.fromisoformat(one)), key=f"compare_{name}", width=180,
        on_change=lambda: write_own(name, st.session_state[f"compare_{name}"]),
    )  # fmt: skip


def show_turnovers(found: Turnovers) -> None:
    """What came, went on and went; and whether what came says something else than what went."""
    st.dataframe(found.rows, hide_index=True, key="turnover_brands")
    if found.warning:
        st.warning(found.warning, icon=":material/hourglass_empty:")
    st.markdown(f"**{found.headline}**")
    if found.shown:
        st.dataframe(found.shown, hide_index=True, key="turnover_shown")
    if found.others:
        with st.expander("All other cells"):
            st.dataframe(found.others, hide_index=True, key="turnover_others")
    show_notes(found.notes)
