"""Figures of time and of voice: launches, days seen, who says how much. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts import PALETTE, ROW, TEMPLATE, brand_numbers, spread
from app.formatting import escape_chart, percent, shorten
from app.view_models.comparisons import LaunchTimeline
from app.view_models.time_views import Curve, Curves
from core.insights.voice import ShareOfVoice

_NAME = 22
_MONTHS_NAMED = 18  # more would not fit beside each other
_BANDS = 3  # intervals of more curves would hide each other
_LABEL_GAP = 5.0  # percent of the axis between the names of two curves


def launches_by_month(timeline: LaunchTimeline, *, one_scale: bool = True) -> go.Figure:
    """A row of bars for each brand over the same months; on one scale, or on each brand's own."""
    series, numbers = timeline.series, brand_numbers([one.slug for one in timeline.series])
    titles = [f"{escape_chart(one.name)} · n = {one.n:,}" for one in series]
    figure = make_subplots(
        rows=len(series), cols=1, shared_xaxes=True, shared_yaxes="all" if one_scale else False, subplot_titles=titles,
        vertical_spacing=min(0.3 / len(series), 0.12),
    )  # fmt: skip
    for row, one in enumerate(series, 1):
        figure.add_bar(
            x=[month for month, _ in one.points],
            y=[count for _, count in one.points],
            marker_color=PALETTE[numbers[one.slug]],
            hovertemplate=f"{escape_chart(one.name)}, %{{x|%b %Y}}: %{{y:,}} {timeline.noun}s<extra></extra>",
            row=row,
            col=1,
        )
    figure.update_layout(template=TEMPLATE, showlegend=False, height=95 * len(series) + 80, margin={"t": 36})
    figure.update_annotations(x=0, xanchor="left", font_size=13)
    figure.update_yaxes(nticks=3, rangemode="tozero", title=None)
    figure.update_yaxes(title=f"{timeline.noun}s started", row=(len(series) + 1) // 2, col=1)
    figure.update_traces(xperiod="M1", xperiodalignment="middle")  # a bar stands over its month
    if len(series[0].points) <= _MONTHS_NAMED:
        figure.update_xaxes(dtick="M1", tickformat="%b<br>%Y", ticklabelmode="period")
    figure.update_xaxes(title="month", row=len(series), col=1)
    return figure


def survival_curves(found: Curves) -> go.Figure:
    """The share that is seen for longer than so many days; ticks where something is still seen.

    All names stand right of the plot, each led to the end of its curve: at the end itself they would lie over others.
    """
    figure, numbers = go.Figure(), brand_numbers([curve.slug for curve in found.drawn])
    for curve in found.drawn:
        colour = PALETTE[numbers[curve.slug]]
        if len(found.drawn) <= _BANDS:
            figure.add_trace(_band(curve, colour))
        figure.add_trace(_line(curve, colour, found.noun))
        figure.add_trace(_ticks(curve, colour))
    ends = [100 * curve.survival.steps[-1].share for curve in found.drawn]
    last = max(curve.survival.steps[-1].day for curve in found.drawn)
    for curve, height in zip(found.drawn, spread(ends, _LABEL_GAP), strict=True):
        colour = PALETTE[numbers[curve.slug]]
        figure.add_annotation(
            x=curve.survival.steps[-1].day, y=100 * curve.survival.steps[-1].share, axref="x", ayref="y",
            ax=1.03 * last, ay=height, arrowhead=0, arrowwidth=0.7, arrowcolor=colour, xanchor="left", borderpad=3,
            text=f"{escape_chart(shorten(curve.name, _NAME))} (n = {curve.survival.n:,})",
            font={"color": colour, "size": 12},
        )  # fmt: skip
    figure.update_layout(template=TEMPLATE, height=440, showlegend=False, margin={"t": 16, "r": 190})
    figure.update_xaxes(title="days from first to last seen: a proxy for days run", range=[0, 1.03 * last])
    figure.update_yaxes(title=f"percent of {found.noun}s seen for longer", ticksuffix=" %", range=[-4, 104])
    return figure


def voice_bars(voice: ShareOfVoice, names: Mapping[str, str], of: str) -> go.Figure:
    """Each brand's part of all that is stored, the figure written beside its bar."""
    found = [(brand, getattr(brand, f"share_of_{of}") or 0.0, getattr(brand, of)) for brand in voice.brands[:10]]
    numbers = brand_numbers([brand.brand for brand, _, _ in found])
    figure = go.Figure(
        go.Bar(
            x=[100 * share for _, share, _ in found],
            y=[f"{escape_chart(shorten(names.get(brand.brand, brand.brand), _NAME))} " for brand, _, _ in found],
            orientation="h",
            marker_color=[PALETTE[numbers[brand.brand]] for brand, _, _ in found],
            text=[f"{percent(share)} · {count:,}" for _, share, count in found],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    total = getattr(voice, f"total_{of}")
    figure.update_layout(template=TEMPLATE, height=ROW * len(found) + 90, margin={"t": 16, "r": 90})
    figure.update_xaxes(
        title=f"percent of all {total:,} {of} stored of these brands; not of money or impressions", ticksuffix=" %",
        rangemode="tozero",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    return figure


def _line(curve: Curve, colour: str, noun: str) -> go.Scatter:
    steps = curve.survival.steps
    return go.Scatter(
        x=[0, *(step.day for step in steps)],
        y=[100.0, *(100 * step.share for step in steps)],
        mode="lines",
        line={"color": colour, "width": 2, "shape": "hv"},
        customdata=[["", curve.survival.n], *([_interval(step.low, step.high), step.at_risk] for step in steps)],
        hovertemplate=(
            f"{escape_chart(curve.name)}<br>seen for more than %{{x}} days: <b>%{{y:.0f}} %</b>%{{customdata[0]}}"
            f"<br>%{{customdata[1]:,}} {noun}s seen for at least so long<extra></extra>"
        ),
    )


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f", interval {percent(low)} to {percent(high)}"


def _ticks(curve: Curve, colour: str) -> go.Scatter:
    still = [step for step in curve.survival.steps if step.still_seen]
    return go.Scatter(
        x=[step.day for step in still],
        y=[100 * step.share for step in still],
        mode="markers",
        marker={"symbol": "line-ns-open", "color": colour, "size": 10, "line": {"width": 1.5}},
        customdata=[step.still_seen for step in still],
        hovertemplate=f"{escape_chart(curve.name)}<br>%{{customdata:,}} still seen after %{{x}} days<extra></extra>",
    )


def _band(curve: Curve, colour: str) -> go.Scatter:
    steps = [step for step in curve.survival.steps if step.low is not None and step.high is not None]
    days = [step.day for step in steps]
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return go.Scatter(
        x=[*days, *reversed(days)],
        y=[*(100 * (step.high or 0) for step in steps), *(100 * (step.low or 0) for step in reversed(steps))],
        fill="toself",
        fillcolor=f"rgba({red}, {green}, {blue}, 0.13)",
        line={"width": 0, "shape": "hv"},
        hoverinfo="skip",
    )
