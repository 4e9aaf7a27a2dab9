"""Media are given to the holder of a signed link, to nobody else."""

from __future__ import annotations

import io
import re

from tests.daemon.support import LocalDaemon

CONTENT = b"\x89PNG\r\n\x1a\n" + bytes(range(100))


def _link(daemon: LocalDaemon, *, content_type: str = "image/png", seconds: int = 60) -> str:
    stored = daemon.services.objects.put(io.BytesIO(CONTENT), max_bytes=1_000)
    link = daemon.services.objects.link(stored.sha256, content_type=content_type, expires_in_seconds=seconds)
    return link.removeprefix(daemon.url)


def test_a_signed_link_gives_the_bytes_and_no_way_to_run_them(daemon: LocalDaemon) -> None:
    answer = daemon.get(_link(daemon))
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, CONTENT, "image/png")
    assert answer.headers["Content-Disposition"] == "inline"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"].startswith("private")


def test_a_range_of_a_video_can_be_asked(daemon: LocalDaemon) -> None:
    answer = daemon.get(_link(daemon, content_type="video/mp4"), Range="bytes=8-17")
    assert (answer.status, answer.body) == (206, CONTENT[8:18])
    assert answer.headers["Content-Range"] == f"bytes 8-17/{len(CONTENT)}"


def test_a_range_beyond_the_end_is_416(daemon: LocalDaemon) -> None:
    assert daemon.get(_link(daemon), Range="bytes=5000-").status == 416


def test_what_the_browser_has_is_not_sent_again(daemon: LocalDaemon) -> None:
    link = _link(daemon)
    assert daemon.get(link, If_None_Match=daemon.get(link).headers["ETag"]).status == 304


def test_html_is_never_served_as_html(daemon: LocalDaemon) -> None:
    assert daemon.get(_link(daemon, content_type="text/html")).headers["Content-Type"] == "application/octet-stream"


def test_a_hash_without_a_signature_is_403(daemon: LocalDaemon) -> None:
    assert daemon.get(_link(daemon).partition("?")[0]).status == 403


def test_a_changed_link_is_403(daemon: LocalDaemon) -> None:
    link = _link(daemon)
    for forged in (
        re.sub(r"expires=\d+", "expires=9999999999", link),
        link.replace("image%2Fpng", "text%2Fhtml"),
        link.replace("/media/", "/media/" + "0" * 64 + "?x=/media/"),
        link[:-1] + ("0" if link[-1] != "0" else "1"),
    ):
        assert (daemon.get(forged).status, daemon.get(forged).error["code"]) == (403, "not_allowed")


def test_an_expired_link_is_403(daemon: LocalDaemon) -> None:
    answer = daemon.get(_link(daemon, seconds=0))
    assert answer.status == 403
    assert "expired" in answer.error["message"]
