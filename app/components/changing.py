"""What a click changes: done, said, and read anew; a refusal is a sentence beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app.formatting import escape
from app.loaders import forget
from core.errors import AdologyError


@contextmanager
def changing(done: str = "") -> Iterator[None]:
    """Run a change in a form or after a button; afterwards the page is read anew. ``done`` is our own sentence."""
    try:
        yield
    except AdologyError as error:
        st.error(escape(str(error)), icon=":material/error:")
        return
    forget()
    if done:
        st.toast(done, icon=":material/check:")
    st.rerun()
