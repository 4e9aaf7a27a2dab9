"""What all figures share: one template, a colour and a shape for each brand. Text that is data is escaped: Plotly reads
some HTML."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise

import plotly.graph_objects as go
import plotly.io as pio

# Colours told apart with any colour vision, on light and on dark ground (Okabe & Ito without black and yellow, and
# four of Paul Tol's muted set). A shape goes with each, so that no reading rests on colour alone.
PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999933", "#9A86D8", "#A0694B", "#7F8C8D",
)  # fmt: skip
SYMBOLS = (
    "circle", "diamond", "square", "triangle-up", "pentagon", "star", "hexagon", "triangle-down", "cross", "x",
)  # fmt: skip
TEMPLATE = "adology"
ROW = 34  # pixels of a row of a chart
FAINT = "rgba(128, 128, 128, 0.45)"  # of lines that only guide the eye, on either ground

pio.templates[TEMPLATE] = go.layout.Template(
    layout={
        "font": {"size": 13},
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


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Places for labels: as near to these as may be, in the same order, and at least ``gap`` apart."""
    order = sorted(range(len(places)), key=places.__getitem__)
    found = list(places)
    for before, after in pairwise(order):
        found[after] = max(found[after], found[before] + gap)
    shift = (sum(found) - sum(places)) / len(places) if places else 0.0
    return [place - shift for place in found]


def _from(start: int) -> list[int]:
    return [(start + step) % len(PALETTE) for step in range(len(PALETTE))]
