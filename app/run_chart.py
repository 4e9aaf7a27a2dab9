"""The run of one ad: when its source says that it ran, and each scan that showed it or didn't. Pure."""

from __future__ import annotations

from datetime import date, timedelta

import plotly.graph_objects as go

from app.charts import TEMPLATE
from app.view_models.ad_details import Detail

_HEIGHT = 190  # pixels
_SEEN, _MISSED, _RAN = "#0072B2", "#D55E00", "#009E73"
_DAY = timedelta(days=1)


def run_chart(detail: Detail) -> go.Figure:
    """Days across. A line for the run that the source declares, a mark a scan. Days seen aren't days shown."""
    figure, run = go.Figure(), detail.run
    scans = [day for day, _ in detail.scans if day >= run.first_seen]
    last = max([run.last_seen, run.run_end or run.last_seen, *scans])
    rows = ["Scans"]
    if run.run_start is not None:
        rows.append("Source says it ran")
        _line(figure, rows[-1], run.run_start, run.run_end or run.last_seen, is_open=run.run_end is None)
    seen = [day for day, was_seen in detail.scans if was_seen]
    missed = [day for day, was_seen in detail.scans if not was_seen and day > run.first_seen]
    _marks(figure, seen, "seen", _SEEN, "circle")
    _marks(figure, missed, "not seen", _MISSED, "circle-open")
    figure.update_layout(template=TEMPLATE, height=_HEIGHT, margin={"l": 8, "r": 16, "t": 8, "b": 32}, hovermode="x")
    first = min(run.first_seen, run.run_start or run.first_seen)
    figure.update_xaxes(range=[first - 2 * _DAY, last + 2 * _DAY], tickformat="%-d %b %Y", nticks=5)
    figure.update_yaxes(categoryorder="array", categoryarray=rows, showgrid=False)
    return figure


def _line(figure: go.Figure, row: str, start: date, end: date, *, is_open: bool) -> None:
    said = "no end given; last seen" if is_open else "end"
    figure.add_scatter(
        x=[start, end],
        y=[row, row],
        mode="lines+markers",
        line={"color": _RAN, "width": 6},
        marker={"symbol": ["line-ns-open", "triangle-right-open" if is_open else "line-ns-open"], "size": 14},
        name="run",
        showlegend=False,
        hovertemplate=["start %{x|%-d %b %Y}<extra></extra>", f"{said} %{{x|%-d %b %Y}}<extra></extra>"],
    )


def _marks(figure: go.Figure, days: list[date], name: str, colour: str, symbol: str) -> None:
    if days:
        figure.add_scatter(
            x=days, y=["Scans"] * len(days), mode="markers", name=name,
            marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2, "color": colour}},
            hovertemplate=f"scan of %{{x|%-d %b %Y}}: {name}<extra></extra>",
        )  # fmt: skip
