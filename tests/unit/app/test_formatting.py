"""Text from outside is shown as it is, and numbers are said honestly."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.formatting import (
    ago,
    counted,
    dimension_name,
    duration,
    escape,
    escape_chart,
    escape_part,
    one_line,
    percent,
    shorten,
)
from tests.hostile_texts import HOSTILE_TEXTS

PLAIN_TOKENS = {"paragraph_open", "paragraph_close", "inline", "text", "hardbreak", "text_special"}
MARKDOWN = MarkdownIt("gfm-like", {"html": True, "linkify": False})
# What Streamlit's Markdown replaces in plain text after parsing it (read in its front end).
REPLACED_LATE = re.compile(
    r"(?:https?://|www(?=\.))[-.\w]+|[-.\w+]+@[-\w]+(?:\.[-\w]+)+|:\+1:|:-1:|:[\w-]+:|:material_|:streamlit:"
    r"|(?:^|\s)(?:<->|->|<-|--|>=|<=|~=)(?:\s|$)",
    re.IGNORECASE | re.ASCII,
)


def shown(markdown: str) -> str:
    """The text a Markdown parser shows, and proof that it shows nothing but text."""
    tokens = MARKDOWN.parse(markdown)
    inner = [child for token in tokens for child in token.children or []]
    assert {token.type for token in [*tokens, *inner]} <= PLAIN_TOKENS
    return "".join("\n" if token.type == "hardbreak" else token.content for token in inner)


def squeezed(text: str) -> str:
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2060]+", "", text)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_text_is_shown_letter_by_letter_and_as_nothing_but_text(text: str) -> None:
    assert squeezed(shown(escape(text))) == squeezed(text)
    assert not REPLACED_LATE.search(shown(escape(text)))


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_text_in_a_marked_piece_stays_in_it(text: str) -> None:
    marked = f":orange-background[{escape_part(text)}]"
    inside = marked[len(":orange-background[") : -1]
    assert not re.search(r"(?<!\\)(?:\\\\)*[\[\]]", inside)
    assert squeezed(shown(f"x{inside}")) == "x" + squeezed(text)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    assert squeezed(shown(escape(text))) == squeezed(text)


@given(st.text(alphabet="<>[]()!*_`~#-+=|:\\/&;$.@ \nahtpsw1", max_size=40))
def test_any_heap_of_markup_is_shown_as_it_is(text: str) -> None:
    assert squeezed(shown(escape(text))) == squeezed(text)
    assert not REPLACED_LATE.search(shown(escape(text)))


def test_lines_stay_lines_and_labels_are_one_line() -> None:
    assert shown(escape("one\ntwo\r\nthree")) == "one\ntwo\nthree"
    assert one_line(" one \n two ") == "one two"


def test_a_piece_of_a_line_keeps_its_white_space() -> None:
    assert escape_part(" half price ") == " half price "


def test_a_chart_gets_no_html() -> None:
    assert escape_chart("<a href='x'>A & B</a>\n") == "&lt;a href='x'&gt;A &amp; B&lt;/a&gt;"


def test_copy_is_cut_between_words_and_never_inside_a_character() -> None:
    assert shorten("one two three", 100) == "one two three"
    assert shorten("one two three", 9) == "one two…"
    assert shorten("a" * 20, 10) == "a" * 9 + "…"
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert shorten("ab" + family + "cd", 6) == "ab…"


def test_a_share_that_is_not_zero_never_reads_zero() -> None:
    assert [percent(share) for share in (0.0, 0.001, 0.01, 0.336, 1.0)] == ["0 %", "<1 %", "1 %", "34 %", "100 %"]


def test_numbers_carry_their_noun() -> None:
    assert [counted(1, "ad"), counted(1234, "ad"), counted(2, "brand is", "brands are")] == [
        "1 ad", "1,234 ads", "2 brands are",
    ]  # fmt: skip


def test_ages_are_told_in_the_largest_unit_that_fits() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert ago(now - timedelta(seconds=3), now) == "just now"
    assert ago(now + timedelta(seconds=3), now) == "just now"
    assert ago(now - timedelta(minutes=5), now) == "5 min ago"
    assert [duration(seconds) for seconds in (59, 3600, 90_000)] == ["59 s", "1 h", "1 day"]


def test_what_is_read_in_the_picture_is_named_so() -> None:
    assert dimension_name("visual_colour") == "Picture: colour"
    assert dimension_name("call_to_action") == "Call to action"
