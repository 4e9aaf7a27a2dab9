"""Figures of label quality. Pure: view models in, Plotly figures out."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from app.charts import PALETTE, ROW, TEMPLATE
from app.formatting import escape_chart, percent
from app.view_models.label_quality import BASES, FEW, Curve, Dot, Overview, ValueRow
from core.ai.quality_verdicts import Standing
from core.domain.quality import Basis

_LOOKS = {Basis.PEOPLE: (0, "circle"), Basis.PLANTED: (1, "diamond"), Basis.MODEL: (3, "square")}
_MARKS = {Standing.MEETS: "✓", Standing.UNPROVEN: "?", Standing.BELOW: "▼", Standing.NOT_MEASURED: "–"}
_BAR = "#7F8C8D"  # between light and dark ground
_FEW_OPACITY = 0.5
_REACH = (-0.1, 1.05)  # a kappa far below chance is of no interest here


def overview_dots(rows: Sequence[Overview]) -> go.Figure:
    """Kappa of each dimension with its interval, by what it was measured against, beside its bar."""
    figure = go.Figure()
    shown = [basis for basis in BASES if any(basis in row.dots for row in rows)]
    for position, basis in enumerate(shown):
        offset = (position - (len(shown) - 1) / 2) * 0.26
        found = [(number + offset, row.title, row.dots[basis]) for number, row in enumerate(rows) if basis in row.dots]
        _dots(figure, found, basis, BASES[basis])
    for number, row in enumerate(rows):
        figure.add_shape(
            type="line", x0=row.bar, x1=row.bar, y0=number - 0.42, y1=number + 0.42,
            line={"color": _BAR, "width": 2, "dash": "dot"}, layer="below",
        )  # fmt: skip
    names = [
        f"{row.title} {_MARKS[row.standing]} {_texts(max(dot.n for dot in row.dots.values()))}"
        for row in rows
        if row.dots
    ]
    _finish(figure, names, "kappa: 0 is chance, 1 is full agreement")
    figure.update_layout(title="Labels beside the truth", showlegend=True)
    return figure


def value_dots(rows: Sequence[ValueRow], bar: float, title: str) -> go.Figure:
    """Precision and recall of each value with their intervals, and kappa."""
    figure = go.Figure()
    for position, (name, figures) in enumerate(
        {
            "kappa": [row.kappa for row in rows],
            "precision: given, and right": [row.precision for row in rows],
            "recall: there, and found": [row.recall for row in rows],
        }.items()
    ):
        found = [
            (number + (position - 1) * 0.26, row.title, dot)
            for number, (row, dot) in enumerate(zip(rows, figures, strict=True))
            if dot
        ]
        _dots(figure, found, (Basis.PEOPLE, Basis.PLANTED, Basis.MODEL)[position], name)
    figure.add_vline(x=bar, line={"color": _BAR, "width": 1, "dash": "dot"}, layer="below")
    names = [f"{row.title} {_texts(row.recall.n if row.recall else 0)}" for row in rows]
    _finish(figure, names, "kappa, or share of the texts", rows_high=1.35)
    figure.update_layout(title=title, showlegend=True)
    return figure


def reliability(curve: Curve) -> go.Figure:
    """How often answers are right beside the confidence they state; on the line both are the same."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": _BAR, "dash": "dot", "width": 1},
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    dots = [dot for _, dot in curve.points]
    figure.add_scatter(
        x=[stated for stated, _ in curve.points],
        y=[dot.estimate for dot in dots],
        error_y=_error(dots),
        mode="markers+text",
        text=[f" {_texts(dot.n)} " for dot in dots],
        textposition=[("bottom right", "top left")[number % 2] for number in range(len(dots))],  # crowded near 1
        marker={"color": PALETTE[0], "size": 9, "opacity": [_opacity(dot) for dot in dots]},
        customdata=[f"states {percent(stated)}, right {dot.said}" for stated, dot in curve.points],
        hovertemplate="%{customdata}<extra></extra>",
        cliponaxis=False,
        showlegend=False,
    )
    figure.update_layout(template=TEMPLATE, title=f"Calibration: off by {percent(curve.error)} on average", height=360)
    figure.update_xaxes(title="confidence the label states", range=[-0.02, 1.1], tickformat=".0%")
    figure.update_yaxes(title="share that is right", range=[-0.02, 1.05], tickformat=".0%")
    return figure


def _dots(figure: go.Figure, found: Sequence[tuple[float, str, Dot]], look: Basis, name: str) -> None:
    colour, symbol = _LOOKS[look]
    dots = [dot for _, _, dot in found]
    figure.add_scatter(
        x=[dot.estimate for dot in dots],
        y=[place for place, _, _ in found],
        error_x=_error(dots) | {"color": PALETTE[colour]},
        mode="markers",
        marker={
            "color": PALETTE[colour], "symbol": symbol, "size": 9, "opacity": [_opacity(dot) for dot in dots],
        },
        name=name,
        customdata=[f"{escape_chart(title)}: {escape_chart(name)} {dot.said}" for _, title, dot in found],
        hovertemplate="%{customdata}<extra></extra>",
        cliponaxis=False,
    )  # fmt: skip


def _error(dots: Sequence[Dot]) -> dict[str, object]:
    above, below = [dot.high - dot.estimate for dot in dots], [dot.estimate - dot.low for dot in dots]
    return {"array": above, "arrayminus": below, "thickness": 1.5, "width": 0, "color": PALETTE[0]}


def _opacity(dot: Dot) -> float:
    return _FEW_OPACITY if dot.n < FEW else 1.0


def _texts(n: int) -> str:
    return f"n = {n:,}"


def _finish(figure: go.Figure, names: Sequence[str], across: str, *, rows_high: float = 1.0) -> None:
    places = list(range(len(names)))
    figure.update_layout(template=TEMPLATE, height=round(ROW * rows_high * len(names)) + 150)
    figure.update_xaxes(title=across, range=_REACH, zeroline=True, zerolinewidth=1)
    figure.update_yaxes(
        tickvals=places,
        ticktext=[escape_chart(name) for name in names],
        range=[len(names) - 0.5, -0.5],
        zeroline=False,
    )
