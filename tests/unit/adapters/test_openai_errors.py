"""How long a vendor asks to be left alone, in all the ways there are to say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from core.adapters.openai_errors import MAX_PAUSE_SECONDS, pause_seconds

SPENT = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-remaining-tokens": "0"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "999999"}, MAX_PAUSE_SECONDS),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"}, 1),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1h2m3.5s"}, 3_600),  # at most an hour
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({**SPENT, "x-ratelimit-reset-requests": "2s", "x-ratelimit-reset-tokens": "3s"}, 3),
        ({"x-ratelimit-remaining-tokens": "90", "x-ratelimit-reset-tokens": "6m0s"}, None),  # not what is used up
        ({**SPENT, "x-ratelimit-reset-requests": "garbage"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "9s", "retry-after": "4"}, 4),
        ({}, None),
    ],
)
def test_headers_say_how_long(headers: dict[str, str], seconds: float | None) -> None:
    told = pause_seconds(headers)
    assert told == (None if seconds is None else pytest.approx(seconds))


def test_a_date_says_until_when() -> None:
    then = datetime.now(UTC) + timedelta(seconds=30)
    told = pause_seconds({"retry-after": format_datetime(then, usegmt=True)})
    assert told is not None
    assert 25 < told <= 30


def test_gemini_says_it_in_the_body() -> None:
    words = "Error code: 429 - [{'error': {'details': [{'@type': '…RetryInfo', 'retryDelay': '17s'}]}}]"
    assert pause_seconds({}, words) == 17
