"""What a chart covers: one line, and behind it the whole ledger with what the sources can't show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import streamlit as st

from app.formatting import CHANNELS, MEDIA_STATUSES, counted, number, one_line, percent, words
from core.queries.coverage import NO_PICTURE, UNREAD, Coverage

MAY_JOIN = "Until then concepts may still come together."
_PICTURES = {
    "ok": "text read",
    "no_text": "no text on it",
    "script_not_covered": "in a script that can't be read",
    "noise": "nothing legible",
    "unreadable": "unreadable",
    "not_read": "not read yet",
    "no_picture": "no picture",
}


def coverage_bar(coverage: Coverage) -> None:
    """The sum in words, a bar while something is missing, and the ledger to unfold; nothing for an empty selection.

    Once all is labelled the sum stands on what unfolds: a full bar would only push the chart down.
    """
    if not coverage.stored:
        return
    labelled = coverage.labelled / coverage.stored
    told = f"Coverage: {stored_line(coverage)} ({percent(labelled)} labelled)"
    title = f"{told}; what it can't show"
    if coverage.labelled < coverage.stored:
        st.progress(labelled, text=told)
        title = "What this rests on, and what it can't show"
    with st.expander(title, icon=":material/fact_check:"):
        for line in ledger_lines(coverage):
            st.markdown(line)


def pictures_bar(pictures: Mapping[str, int], *, note: str = "They wait for the rest.") -> None:
    """How far the reading of covers has come, and what that means; nothing once it is through."""
    there = sum(pictures.values()) - pictures.get(NO_PICTURE, 0)
    waiting = pictures.get(UNREAD, 0)
    if waiting:
        told = f"Reading pictures: {number(there - waiting)} of {number(there)} ads' covers read. {note}"
        st.progress((there - waiting) / there, text=told)


def stored_line(coverage: Coverage) -> str:
    """The sum in words; parts that are zero are left out, but for those that everybody asks for."""
    silent = "without picture" if (coverage.dimension or "").startswith("visual_") else "without text"
    parts = {
        "labelled": coverage.labelled,
        silent: coverage.without_text,
        "refused": coverage.refused,
        "failed": coverage.failed,
        "not asked": coverage.not_asked,
        "waiting": coverage.pending,
    }
    always = ("labelled", silent, "waiting")
    told = [f"{number(count)} {name}" for name, count in parts.items() if count or name in always]
    if coverage.unknown:
        told[0] += f" ({number(coverage.unknown)} of them unknown)"
    return f"{number(coverage.stored)} {coverage.unit} stored = {' + '.join(told)}"


def ledger_lines(coverage: Coverage) -> Iterable[str]:
    """Markdown, a line for each sum."""
    rows = coverage.rows
    yield (
        f"**Seen.** {counted(rows.seen, 'row')} from the sources = {number(rows.stored)} stored "
        f"+ {number(rows.rejected)} rejected. An ad has a row in every file or scan that shows it. Of the filters only "
        "the brands count here."
    )
    if rows.runs_unfinished or rows.runs_failed:
        yield (
            f"Not in these sums: {counted(rows.runs_unfinished, 'run')} under way and "
            f"{number(rows.runs_failed)} failed, of which nobody can say how much they would have brought."
        )
    yield f"**Read.** {stored_line(coverage)}."
    yield f"**Creative files**, in ads: {_counts(coverage.media, MEDIA_STATUSES)}."
    yield f"**Covers read**, in ads: {_counts(coverage.pictures, _PICTURES)}."
    for source in coverage.sources:
        name = one_line(CHANNELS.get(source.channel, source.channel))
        yield f"**{name} can't show** ({counted(source.ads, 'ad')}): {' '.join(source.cannot_show)}"


def _counts(counts: Mapping[str, int], names: Mapping[str, str]) -> str:
    named = (f"{number(count)} {names.get(name, words(name)).lower()}" for name, count in counts.items())
    return " + ".join(named) or "none"
