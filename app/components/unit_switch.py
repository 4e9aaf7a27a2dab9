"""What is counted: ads or concepts. The choice stands in the address like every other, as ``unit``."""

from __future__ import annotations

import streamlit as st

from app.filters import read_own, write_own
from core.queries.filters import ADS, CONCEPTS, UNITS, Unit

_MEANING = (
    "A concept is one idea of a brand: its ads with nearly the same picture and words, counted once. "
    "An ad that isn't grouped yet counts as one."
)


def read_unit(otherwise: Unit = CONCEPTS) -> Unit:
    """The unit of the address, before its switch is drawn."""
    return ADS if read_own("unit", UNITS, otherwise) == ADS else CONCEPTS


def unit_switch(otherwise: Unit = CONCEPTS, *, key: str = "unit_switch") -> Unit:
    """The unit of the address; ``otherwise`` needs no place there. Another unit is another list: from its start."""
    st.session_state[key] = unit = read_unit(otherwise)
    st.segmented_control(
        "Counted in", (CONCEPTS, ADS), format_func=str.title, key=key, required=True, help=_MEANING,
        on_change=lambda: _write(st.session_state[key], otherwise),
    )  # fmt: skip
    return unit


def _write(chosen: Unit, otherwise: Unit) -> None:
    write_own("unit", "" if chosen == otherwise else chosen, drop=("cursor",))
