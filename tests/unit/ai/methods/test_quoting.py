"""A quote counts where the text says it, however the model spells blanks, case and quotation marks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ai.methods.quoting import find_quote

TEXT = "Save\u200b 20 %\n\n  today — don’t “miss” it! Café 🔥 हिन्दी में सीखें 50%할인"


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("today", "today"),
        ("save 20 % TODAY", "Save\u200b 20 %\n\n  today"),  # case, blanks, a zero width
        ('today - don\'t "miss" it', "today — don’t “miss” it"),  # typographic marks
        ("Cafe\u0301", "Café"),  # composed otherwise
        ("Save … “miss” it!", "“miss” it!"),  # with an omission: its longest piece
        ("🔥", "🔥"),
        ("हिन्दी में", "हिन्दी में"),
        ("50%할인", "50%할인"),
        ("buy now", None),
        ("a", None),  # stands in every text
        ("", None),
        ("…", None),
    ],
)
def test_a_quote_is_found_in_the_spelling_of_the_text(quote: str, found: str | None) -> None:
    evidence = find_quote(TEXT, quote)
    assert (evidence.quote if evidence else None) == found
    assert evidence is None or TEXT[evidence.start : evidence.end] == evidence.quote


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=8))
def test_what_is_found_always_stands_there(text: str, quote: str) -> None:
    evidence = find_quote(text, quote)
    assert evidence is None or (text[evidence.start : evidence.end] == evidence.quote != "")


@settings(deadline=None)
@given(st.text(alphabet="abc äßİﬁ1 \u0301\u200b", min_size=3, max_size=30), st.data())
def test_every_passage_of_a_text_is_found(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 3))
    passage = text[start : start + data.draw(st.integers(3, len(text)))]
    letters = "".join(passage.split()).replace("\u200b", "")
    if len(letters) > 1 and not letters.startswith("\u0301"):
        assert find_quote(text, passage) is not None
