"""``python -m benchmarks.workbench [--ads 100000]``: what a click costs, beside the whole frame.

Three clicks: one that asks nothing new (a popover, a widget), one that changes a filter in a brandspace, and one that
changes it over every ad of the market. Both sides answer from warm caches where they have them; the frame of the other
side is loaded before the clock starts. Time is that of the page's script; drawing in the browser is in neither.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from streamlit.testing.v1 import AppTest

from benchmarks.api.market import Market
from benchmarks.api.r10 import fill_system
from benchmarks.harness import Ratio, goal, ratio_of, report, server_settings, temporary_system
from benchmarks.workbench.stopwatch import measured_ms
from core.access.sign_in import make_link_token, sign_in_by_link
from core.access.users import invite_user
from core.bootstrap import Services
from core.domain.principal import LOCAL_PRINCIPAL, Role

GOAL = 5.0
_HERE = Path(__file__).parent
_RUN_SECONDS = 120
WATCHED = "watched"  # the brandspace of market.sql: 8 brands


@dataclass(frozen=True, slots=True)
class Click:
    """A name, the brandspace it happens in ("" is all), and whether each pair asks for another filter."""

    name: str
    brandspace: str
    is_new_question: bool


def main() -> int:
    """Fill a market, measure, report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workbench", description=__doc__)
    parser.add_argument("--ads", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=6)
    options = parser.parse_args()
    with temporary_system({"max_wal_size": "8GB"}) as system:
        fill_system(system, Market(options.ads))
        os.environ["ADOLOGY_HOME"] = str(system.settings.home)
        _sign_in(system.services)
        clicks = (
            Click("nothing new", WATCHED, False),
            Click("a filter, in a brandspace", WATCHED, True),
            Click("a filter, over all", "", True),
        )
        found = {click.name: _measure(click, options.pairs) for click in clicks}
        _tell(found, options.ads, server_settings(system))
    return 0


def _sign_in(services: Services) -> None:
    """A session for the pages, as a browser would bring it."""
    database, now = services.database, services.clock.now()
    user = invite_user(database, LOCAL_PRINCIPAL, email="bench@example.org", role=Role.ANALYST, now=now)
    link = make_link_token(database, LOCAL_PRINCIPAL, user, now=now)
    token = sign_in_by_link(database, link, now=now, hours=1)
    import app.resources

    app.resources.session_token = lambda: token


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians in ms, and how many times faster ours is."""

    ours_ms: float
    frame_ms: float
    faster: Ratio


class Side:
    """A page with its script."""

    def __init__(self, script: str) -> None:
        self._page = AppTest.from_file(str(_HERE / script), default_timeout=_RUN_SECONDS)

    def run(self, params: dict[str, str]) -> float:
        """Milliseconds of the script. Void where the page ends in an error."""
        for name, value in params.items():
            self._page.query_params[name] = value
        del measured_ms[:]
        self._page.run()
        notices = [*self._page.exception, *self._page.error]
        if notices or not measured_ms:
            sys.exit(f"void: {notices}")
        return measured_ms[0]


def _measure(click: Click, pairs: int) -> Figures:
    """Pair by pair in the order A-B-B-A, both warm."""
    ours, theirs = Side("page_ours.py"), Side("page_peer.py")
    times: dict[Side, list[float]] = {ours: [], theirs: []}
    for side in (ours, theirs):
        side.run(_params(click, 0))
        side.run(_params(click, 0))
    for pair in range(1, pairs + 1):
        for side in (ours, theirs) if pair % 2 else (theirs, ours):
            times[side].append(side.run(_params(click, pair if click.is_new_question else 0)))
    faster = ratio_of(times[theirs], times[ours])
    figures = Figures(median(times[ours]), median(times[theirs]), faster)
    print(f"{click.name:<28} ours {figures.ours_ms:8.1f} ms   whole frame {figures.frame_ms:8.1f} ms", flush=True)
    return figures


def _params(click: Click, pair: int) -> dict[str, str]:
    """Each pair asks for ads first seen until another day: an answer that no cache has."""
    params = {"brandspace": click.brandspace} if click.brandspace else {}
    return params | {"first_seen_to": f"2026-02-{28 - pair:02}"}


def _tell(found: dict[str, Figures], ads: int, settings: dict[str, str]) -> None:
    details: dict[str, Any] = {name: asdict(figures) for name, figures in found.items()}
    for name, figures in found.items():
        faster = figures.faster
        told = {
            "ratio": faster.median,
            "min": faster.smallest,
            "max": faster.largest,
            "pairs": faster.pairs,
            **goal(at_least=GOAL, of=faster.median),
            "click": name.replace(", ", "-").replace(" ", "-"),
            "ads": ads,
            "ours_ms": figures.ours_ms,
            "frame_ms": figures.frame_ms,
        }
        report("R11" if name == "nothing new" else f"R11-{told['click']}", told, details, settings)


if __name__ == "__main__":
    sys.exit(main())
