"""What models cost, a bar a day. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import plotly.graph_objects as go

from app.charts import PALETTE, TEMPLATE


def spending_days(days: Sequence[tuple[date, float]]) -> go.Figure:
    """``days``: each with its USD, oldest first."""
    bars = go.Bar(
        x=[day for day, _ in days],
        y=[cost_usd for _, cost_usd in days],
        marker_color=PALETTE[0],
        hovertemplate="%{x|%-d %b %Y}: %{y:.4f} USD<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(template=TEMPLATE, height=200, margin={"t": 40}, title="Models, USD a day (UTC)")
    figure.update_yaxes(rangemode="tozero")
    return figure
