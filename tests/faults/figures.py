"""Proofs by fault end with figures, told in one line whatever pytest captures."""

from __future__ import annotations

import sys
from typing import Any

import pytest


def tell(capsys: pytest.CaptureFixture[str], proof: str, **figures: Any) -> None:
    """``tell(capsys, "L1", steps=3)`` prints ``RESULT L1 steps=3``."""
    shown = " ".join(f"{name}={value}" for name, value in figures.items())
    with capsys.disabled():
        sys.stdout.write(f"\nRESULT {proof} {shown}\n")
