"""Every crash point stands at one place of the code, and no place has one that isn't listed."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from core.crash_points import CRASH_POINTS
from tests.architecture.product_code import Module, calls_of, dotted, read_modules, write_module


def places(modules: list[Module]) -> Counter[str]:
    """How often each name stands in a ``crash_point("…")``; one that isn't a literal counts as itself."""
    calls = [call for module in modules for call in calls_of(module.tree) if dotted(call.func) == "crash_point"]
    return Counter(ast.literal_eval(ast.unparse(call.args[0])) for call in calls)


def faults_of(found: Counter[str]) -> list[str]:
    unknown = [f"{name} isn't listed" for name in found if name not in CRASH_POINTS]
    return unknown + [f"{name} stands at {found[name]} places" for name in CRASH_POINTS if found[name] != 1]


def test_every_crash_point_stands_at_one_place() -> None:
    assert faults_of(places(read_modules())) == []


def test_the_rule_finds_a_point_that_is_missing_doubled_or_unknown(tmp_path: Path) -> None:
    source = "\n".join(f"crash_point({name!r})" for name in (*CRASH_POINTS[1:], CRASH_POINTS[1], "tea.made"))
    found = places([write_module(tmp_path, "core/a.py", source)])

    missing, doubled = CRASH_POINTS[:2]
    assert faults_of(found) == [
        "tea.made isn't listed",
        f"{missing} stands at 0 places",
        f"{doubled} stands at 2 places",
    ]
