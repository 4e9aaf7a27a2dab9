"""Figures of a comparison: the matrix, shares with intervals, differences from the focal brand. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts import FAINT, PALETTE, ROW, SYMBOLS, TEMPLATE, brand_numbers
from app.formatting import escape_chart, shorten
from app.view_models.comparisons import BrandSample, Matrix, Row
from core.queries.filters import UNKNOWN_VALUE

# Each with the one colour of text that can be read on all of it; the grey ones are for labels below their bar.
LIGHT_SCALE, LIGHT_TEXT, LIGHT_GREY = ["#F1F6F5", "#5FB3AA"], "#1E2A2E", ["#F4F4F2", "#DDDFDB"]
DARK_SCALE, DARK_TEXT, DARK_GREY = ["#182327", "#1F7A72"], "#E4E9E8", ["#1B2225", "#3A4347"]
LIGHT_GREY_TEXT, DARK_GREY_TEXT = "#5C666D", "#A7B3B6"
QUIET = "#8A9499"  # text that isn't the point, on either ground
_LINE = 20  # pixels of a brand's line within a value: its name fits
_NAME = 18  # characters of a brand's name in a chart
_COLUMNS = 5  # of small charts side by side
_LABELS = 150  # pixels that the names of the values take
_SMALL_CHART = 150  # pixels of a small chart that can be read
_LETTER, _WIDE_LETTER = 7, 13  # pixels of a letter of a name; the latter of Hangul, Kana and Han


def matrix_chart(matrix: Matrix, *, dark: bool = False) -> go.Figure:
    """Percent by value and brand, written in each cell with its mark. An unseen point on each cell can be clicked.

    The unknown has no colour: it tells of the reading, and would outshine what was read. Labels below their bar are
    grey, and so is their text.
    """
    scale, grey = (DARK_SCALE, DARK_GREY) if dark else (LIGHT_SCALE, LIGHT_GREY)
    ink, grey_ink = (DARK_TEXT, DARK_GREY_TEXT) if dark else (LIGHT_TEXT, LIGHT_GREY_TEXT)
    brands, rows = matrix.brands, matrix.rows
    figure = go.Figure(_ground(matrix, [row for row in rows if not _is_grey(matrix, row)], scale))
    figure.add_trace(_written(matrix, ink=ink, grey_ink=grey_ink))
    figure.add_trace(_ground(matrix, [row for row in rows if _is_grey(matrix, row)], grey))
    height = ROW * len(rows) + 110
    figure.update_layout(template=TEMPLATE, height=height, clickmode="event+select", margin={"t": 76, "b": 8})
    figure.update_xaxes(
        title=f"percent of each brand's own {matrix.noun}s", side="top", showgrid=False, zeroline=False,
        tickvals=list(range(len(brands))), ticktext=[_header(brand) for brand in brands], fixedrange=True,
        tickfont_size=13, tickangle=0, range=[-0.5, len(brands) - 0.5],
    )  # fmt: skip
    figure.update_yaxes(
        range=[len(rows) - 0.5, -0.5], showgrid=False, zeroline=False, fixedrange=True,
        tickvals=list(range(len(rows))), tickfont_size=13,
        ticktext=[_label(row, ink=grey_ink if _is_grey(matrix, row) else "") for row in rows],
    )  # fmt: skip
    return figure


def least_width(matrix: Matrix, view: str) -> int:
    """Pixels below which names and figures would lie over each other; ``view`` is matrix, dots or difference."""
    if view == "dots":
        return 640
    if view == "difference":
        return _LABELS + _SMALL_CHART * min(_COLUMNS, len(matrix.brands) - 1)
    return _LABELS + len(matrix.brands) * max(_pixels(line) for brand in matrix.brands for line in _header_text(brand))


def _pixels(text: str) -> int:
    return sum(_WIDE_LETTER if unicodedata.east_asian_width(letter) in "WF" else _LETTER for letter in text)


def _is_grey(matrix: Matrix, row: Row) -> bool:
    return bool(matrix.below_bar or row.below_bar)


def _ground(matrix: Matrix, rows: Sequence[Row], scale: Sequence[str]) -> go.Heatmap:
    """Coloured by share, from 0 to the highest of the whole matrix; the other rows are left out."""
    coloured = {row.value for row in rows} - {UNKNOWN_VALUE}
    shares = {key: 100 * (cell.share.share or 0) for key, cell in matrix.cells.items() if key[1] != UNKNOWN_VALUE}
    return go.Heatmap(
        x=list(range(len(matrix.brands))),
        y=list(range(len(matrix.rows))),
        z=[
            [shares[brand.slug, row.value] if row.value in coloured else None for brand in matrix.brands]
            for row in matrix.rows
        ],
        hoverinfo="skip",
        xgap=2,
        ygap=2,
        zmin=0,
        zmax=max(shares.values(), default=0) or 1,
        colorscale=scale,
        showscale=False,
    )


def _written(matrix: Matrix, *, ink: str, grey_ink: str) -> go.Scatter:
    """The text of each cell, faint where it is zero or unknown; it can be pointed at and clicked."""
    lines, columns = range(len(matrix.rows)), range(len(matrix.brands))
    places = [(line, column) for line in lines for column in columns]
    keys = [(matrix.brands[column].slug, matrix.rows[line].value) for line, column in places]
    inks = {row.value: grey_ink if _is_grey(matrix, row) else ink for row in matrix.rows} | {UNKNOWN_VALUE: QUIET}
    is_zero = [not matrix.cells[key].share.count and not matrix.cells[key].mark for key in keys]
    as_it_is = {"textfont": {"color": ink}}  # after a click, too
    return go.Scatter(
        x=[column for _, column in places],
        y=[line for line, _ in places],
        mode="markers+text",
        text=[matrix.cells[key].text for key in keys],
        textfont={
            "color": [QUIET if zero else inks[key[1]] for zero, key in zip(is_zero, keys, strict=True)],
            "size": 13,
        },
        marker={"symbol": "square", "size": ROW - 6, "color": ink, "opacity": 0},
        customdata=[[*key, matrix.cells[key].said] for key in keys],
        hovertemplate="%{customdata[2]}<extra></extra>",
        selected=as_it_is,
        unselected=as_it_is,
        showlegend=False,
    )


def _used(matrix: Matrix) -> list[Row]:
    """The values that some brand uses: dots of those that nobody does would say nothing."""
    return [
        row for row in matrix.rows if any(matrix.cells[brand.slug, row.value].share.count for brand in matrix.brands)
    ]


def dots_chart(matrix: Matrix) -> go.Figure:
    """A dot for each brand and value with its interval; the brands are named beside those of the first value."""
    figure, numbers, rows = go.Figure(), brand_numbers([brand.slug for brand in matrix.brands]), _used(matrix)
    lines = range(len(rows))
    step = 0.74 / max(len(matrix.brands), 1)
    beside = max((matrix.cells[brand.slug, rows[0].value].share.high or 0) for brand in matrix.brands)
    for position, brand in enumerate(matrix.brands):
        heights = [line + (position - (len(matrix.brands) - 1) / 2) * step for line in lines]
        figure.add_trace(_dots(matrix, brand, rows, heights, numbers[brand.slug]))
        figure.add_annotation(
            x=100 * beside, y=heights[0], text=_plain(brand), showarrow=False, xanchor="left", xshift=8,
            font={"color": PALETTE[numbers[brand.slug]], "size": 12},
        )  # fmt: skip
    for line in lines[1:]:
        figure.add_hline(y=line - 0.5, line={"color": FAINT, "width": 0.5})
    height = max(ROW, _LINE * len(matrix.brands)) * len(rows) + 90
    figure.update_layout(template=TEMPLATE, height=height, showlegend=False, margin={"t": 16})
    figure.update_traces(cliponaxis=False)
    title = f"percent of each brand's own {matrix.noun}s"
    figure.update_xaxes(title=title, ticksuffix=" %", rangemode="tozero", zeroline=False)
    figure.update_yaxes(
        tickvals=list(lines), ticktext=[_label(row) for row in rows], range=[len(rows) - 0.5, -0.5], zeroline=False,
        showgrid=False, tickfont_size=13,
    )  # fmt: skip
    return figure


def _dots(matrix: Matrix, brand: BrandSample, rows: Sequence[Row], heights: Sequence[float], number: int) -> go.Scatter:
    cells = [matrix.cells[brand.slug, row.value] for row in rows]
    return go.Scatter(
        x=[100 * (cell.share.share or 0) for cell in cells],
        y=heights,
        error_x={
            "array": [100 * ((cell.share.high or 0) - (cell.share.share or 0)) for cell in cells],
            "arrayminus": [100 * ((cell.share.share or 0) - (cell.share.low or 0)) for cell in cells],
            "thickness": 1.5,
            "width": 0,
            "color": PALETTE[number],
        },
        mode="markers",
        marker={"color": PALETTE[number], "symbol": SYMBOLS[number], "size": 9},
        opacity=0.5 if brand.is_few else 1.0,
        name=_plain(brand),
        customdata=[[brand.slug, row.value, cell.said] for row, cell in zip(rows, cells, strict=True)],
        hovertemplate=f"{escape_chart(brand.name)}<br>%{{customdata[2]}}<extra></extra>",
    )


def difference_chart(matrix: Matrix) -> go.Figure:
    """How far each brand is from the focal one: filled where a difference is shown, hollow where none is."""
    others = [brand for brand in matrix.brands if not brand.is_focal]
    columns = min(_COLUMNS, len(others))
    lines = -(-len(others) // columns)
    figure = make_subplots(
        rows=lines, cols=columns, shared_xaxes="all", shared_yaxes="all", horizontal_spacing=0.02,
        vertical_spacing=0.16 / lines, subplot_titles=[_header(brand) for brand in others],
    )  # fmt: skip
    numbers = brand_numbers([brand.slug for brand in matrix.brands])
    rows = [row for row in _used(matrix) if row.value != UNKNOWN_VALUE]  # that is never judged
    for position, brand in enumerate(others):
        trace = _differences(matrix, brand, rows, numbers[brand.slug])
        figure.add_trace(trace, row=position // columns + 1, col=position % columns + 1)
    figure.add_vline(x=0, line={"color": FAINT, "width": 1.5})
    figure.update_layout(template=TEMPLATE, height=(24 * len(rows) + 90) * lines + 60, showlegend=False)
    figure.update_annotations(font_size=13)
    figure.update_xaxes(zeroline=False)
    for column in range(columns):
        figure.update_xaxes(title="percentage points", row=lines, col=column + 1)
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[_label(row) for row in rows],
        range=[len(rows) - 0.5, -0.5],
        tickfont_size=13,
    )
    return figure


def _differences(matrix: Matrix, brand: BrandSample, rows: Sequence[Row], number: int) -> go.Scatter:
    apart = [matrix.cells[brand.slug, row.value].difference for row in rows]
    shown = [bool(matrix.cells[brand.slug, row.value].mark) for row in rows]
    middle = [100 * (one.difference or 0) if one else 0 for one in apart]
    colour, symbol = PALETTE[number], SYMBOLS[number]
    return go.Scatter(
        x=middle,
        y=list(range(len(rows))),
        error_x={
            "array": [100 * (one.high or 0) - at if one else 0 for one, at in zip(apart, middle, strict=True)],
            "arrayminus": [at - 100 * (one.low or 0) if one else 0 for one, at in zip(apart, middle, strict=True)],
            "thickness": 1.5,
            "width": 0,
            "color": colour,
        },
        mode="markers",
        marker={"color": colour, "size": 9, "symbol": [symbol if one else f"{symbol}-open" for one in shown]},
        opacity=0.5 if brand.is_few or brand.is_withheld else 1.0,
        customdata=[[brand.slug, row.value, matrix.cells[brand.slug, row.value].said] for row in rows],
        hovertemplate="%{y}<br>%{customdata[2]}<extra></extra>",
    )


def _header(brand: BrandSample) -> str:
    name, *below = (escape_chart(line) for line in _header_text(brand))
    return "<br>".join([f"<b>{name}</b>" if brand.is_focal else name, *below])


def _header_text(brand: BrandSample) -> list[str]:
    """The lines above a column."""
    notes = {
        "focal": brand.is_focal,
        "too few": brand.is_few,
        f"{brand.pending:,} wait": brand.is_withheld and brand.pending,
    }
    first, *more = [f"n = {brand.n:,}", *(note for note, is_so in notes.items() if is_so)]
    below = [", ".join([first, *more[:1]]), ", ".join(more[1:])]
    return [shorten(brand.name, _NAME), *(line for line in below if line)]


def _plain(brand: BrandSample) -> str:
    return f"{escape_chart(shorten(brand.name, _NAME))} (n = {brand.n:,})"


def _label(row: Row, *, ink: str = "") -> str:
    """The value, in an ink of its own, and in small letters that few use it or that its labels aren't to be trusted."""
    notes = [note for note in (row.note, "below the bar" if row.below_bar else "") if note]
    small = f"  <span style='font-size:10px'><i>{', '.join(notes)}</i></span>" if notes else ""
    name = escape_chart(row.name)
    return (f"<span style='color:{ink}'>{name}</span>" if ink else name) + small
