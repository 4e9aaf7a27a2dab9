"""What a decoder says is checked, for a file may have taken it over; and it is small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.adapters.decoder_child import unpack_answer
from core.errors import MediaProblemError

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"null",
        b"[" * 10_000,
        b'{"problem": "ok?", "reason": "x"}',
        b'{"problem": "unreadable", "reason": 5}',
        b'{"content_type": "image/png"}\nabc',
        b'{"content_type": "image/png"}\n' + b"\0" * 8,
        b'{"content_type": "image/png"}\n' + b"\xff" * 512,  # not numbers
        b'{"content_type": "text/html"}',
        b'{"content_type": "image/png", "width": 1e9}',
        b'{"content_type": "image/png", "width": -1}',
        b'{"content_type": "image/png", "visual": [1]}',
        b'{"content_type": "image/png", "perceptual_hash": 9223372036854775808}',  # a bit more than 64
        b'{"content_type": "image/png", "perceptual_hash": 1.5}',
        b'{"content_type": "image/png", "colours": [{"hex": "red", "share": 1}]}',
        b'{"content_type": "image/png", "colours": [{"hex": "#ff0000", "share": 2}]}',
        b'{"content_type": "image/png", "colours": [{"hex": "#ff0000", "share": NaN}]}',
        b'{"content_type": "image/png", "colours": [' + b'{"hex": "#ff0000", "share": 0.1},' * 9 + b"{}]}",
        b'{"content_type": "image/png", "colours": 5}',
    ],
)
def test_an_answer_that_no_decoder_of_ours_gives_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  json's own is one, too
        unpack_answer(answer)


def test_a_reason_can_be_stored_whatever_stands_in_it() -> None:
    with pytest.raises(MediaProblemError, match="a\ufffdb\ufffd"):
        unpack_answer(b'{"problem": "unreadable", "reason": "a\\u0000b\\ud800"}')


def test_a_decoder_loads_nothing_that_it_does_not_need() -> None:
    program = "import sys, core.adapters.decoder_child; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not {"sqlalchemy", "pydantic", "structlog", "boto3", "flask", "multiprocessing"} & set(done.stdout.split())
