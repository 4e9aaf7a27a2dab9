"""Figures. Pure: view models in, Plotly figures out. Text that is data is escaped: Plotly reads some HTML."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots

from app.formatting import counted, escape_chart, percent
from app.view_models.comparisons import LaunchTimeline, Mix

# Colours told apart with any colour vision, on light and on dark ground (Okabe & Ito without black and yellow, and
# four of Paul Tol's muted set). A shape goes with each, so that no reading rests on colour alone.
PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999933", "#9A86D8", "#A0694B", "#7F8C8D",
)  # fmt: skip
SYMBOLS = (
    "circle", "diamond", "square", "triangle-up", "pentagon", "star", "hexagon", "triangle-down", "cross", "x",
)  # fmt: skip
TEMPLATE = "adology"
# Each with the one colour of text that can be read on all of it.
LIGHT_SCALE, LIGHT_TEXT = ["#F1F6F5", "#5FB3AA"], "#1E2A2E"
DARK_SCALE, DARK_TEXT = ["#182327", "#1F7A72"], "#E4E9E8"
ROW = 34  # pixels of a row of a chart

pio.templates[TEMPLATE] = go.layout.Template(
    layout={
        "margin": {"l": 8, "r": 16, "t": 64, "b": 48},
        "legend": {"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "xanchor": "left", "x": 0},
        "hoverlabel": {"align": "left"},
        "xaxis": {"automargin": True},
        "yaxis": {"automargin": True},
        "title": {"yref": "container", "y": 0.99, "yanchor": "top"},
        "bargap": 0.15,
    }
)


def brand_numbers(slugs: Sequence[str]) -> dict[str, int]:
    """A number for each brand (its colour and shape): the same on every page, and different among those shown."""
    taken: dict[str, int] = {}
    for slug in sorted(slugs):
        wanted = zlib.crc32(slug.encode()) % len(PALETTE)
        free = [number for number in _from(wanted) if number not in taken.values()]
        taken[slug] = free[0] if free else wanted
    return taken


def mix_dots(mix: Mix) -> go.Figure:
    """A dot for each brand and value with its interval, values down, percent across."""
    figure, numbers = go.Figure(), brand_numbers([brand.slug for brand in mix.brands])
    rows = list(range(len(mix.values)))
    step = 0.7 / max(len(mix.brands), 1)
    for position, brand in enumerate(mix.brands):
        shares = [mix.shares[brand.slug][value] for value, _ in mix.values]
        colour, symbol = PALETTE[numbers[brand.slug]], SYMBOLS[numbers[brand.slug]]
        name = escape_chart(brand.name)
        figure.add_scatter(
            x=[100 * (share.share or 0) for share in shares],
            y=[row + (position - (len(mix.brands) - 1) / 2) * step for row in rows],
            error_x={
                "array": [100 * ((share.high or 0) - (share.share or 0)) for share in shares],
                "arrayminus": [100 * ((share.share or 0) - (share.low or 0)) for share in shares],
                "thickness": 1.5,
                "width": 0,
                "color": colour,
            },
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 9},
            opacity=0.55 if brand.is_small else 1.0,
            name=f"{name} (n = {brand.n:,})",
            customdata=_hover(mix, brand.slug),
            hovertemplate=f"{name}<br>%{{customdata}}<extra></extra>",
        )
    height = max(ROW, 13 * len(mix.brands)) * len(rows) + 170
    figure.update_layout(template=TEMPLATE, title=mix.title, height=height)
    figure.update_traces(cliponaxis=False)
    figure.update_xaxes(title="percent of each brand's own ads", ticksuffix=" %", rangemode="tozero", zeroline=False)
    names = [name for _, name in mix.values]
    figure.update_yaxes(tickvals=rows, ticktext=names, range=[len(rows) - 0.5, -0.5], zeroline=False)
    return figure


def mix_heatmap(mix: Mix, *, dark: bool = False) -> go.Figure:
    """Percent by value and brand, written in each cell; zero is near the ground's colour."""
    brands = [f"{escape_chart(brand.name)}<br>n = {brand.n:,}" for brand in mix.brands]
    columns = [[mix.shares[brand.slug][value].share or 0 for brand in mix.brands] for value, _ in mix.values]
    hovers = list(zip(*[_hover(mix, brand.slug) for brand in mix.brands], strict=True))
    figure = go.Figure(
        go.Heatmap(
            x=brands,
            y=[name for _, name in mix.values],
            z=[[100 * share for share in row] for row in columns],
            text=[[percent(share) for share in row] for row in columns],
            texttemplate="%{text}",
            textfont={"color": DARK_TEXT if dark else LIGHT_TEXT},
            customdata=hovers,
            hovertemplate="%{customdata}<extra></extra>",
            xgap=2,
            ygap=2,
            zmin=0,
            colorscale=DARK_SCALE if dark else LIGHT_SCALE,
            showscale=False,
        )
    )
    figure.update_layout(template=TEMPLATE, title=mix.title, height=ROW * len(mix.values) + 150)
    figure.update_xaxes(title="brand and its labelled ads; cells in percent of them", showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


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
            hovertemplate=f"{escape_chart(one.name)}, %{{x|%b %Y}}: %{{y:,}} ads<extra></extra>",
            row=row,
            col=1,
        )
    figure.update_layout(template=TEMPLATE, title="Launches by month", showlegend=False, height=95 * len(series) + 110)
    figure.update_annotations(x=0, xanchor="left", font_size=13)
    figure.update_yaxes(nticks=3, rangemode="tozero", title=None)
    figure.update_yaxes(title="ads started", row=(len(series) + 1) // 2, col=1)
    figure.update_xaxes(title="month", row=len(series), col=1)
    return figure


def _from(start: int) -> list[int]:
    return [(start + step) % len(PALETTE) for step in range(len(PALETTE))]


def _hover(mix: Mix, slug: str) -> list[str]:
    return [f"{name}: {_said(mix, slug, value)}" for value, name in mix.values]


def _said(mix: Mix, slug: str, value: str) -> str:
    share = mix.shares[slug][value]
    if share.share is None or share.low is None or share.high is None:
        return "no ads"
    return (
        f"<b>{percent(share.share)}</b><br>{share.count:,} of {counted(share.n, 'ad')}, "
        f"95 % interval {percent(share.low)} to {percent(share.high)}"
    )
