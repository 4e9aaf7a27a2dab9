"""Pictures of the gallery: for whoever is signed in and may see an ad that uses them."""

from __future__ import annotations

import io
from datetime import date

import pytest
from PIL import Image, ImageColor
from sqlalchemy import insert

from app.door.pictures import NOT_DRAWN, SIDES, _drawn, picture_path
from app.resources import services
from core.adapters.postgres import schema
from core.adapters.postgres.engine import Database
from core.domain.principal import LOCAL_ORGANISATION
from tests.builders import AnAd, store
from tests.fakes.s3_wire import refusal, s3_wire
from tests.pages.door import Door

ABSENT = "0" * 64


@pytest.fixture(autouse=True)
def nothing_drawn() -> None:
    _drawn.cache_clear()


def a_picture(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (30, 60), colour).save(out, "PNG")
    return out.getvalue()


def a_stored_picture(database: Database, scope: str = "shared", content: bytes | None = None) -> str:
    stored = services().objects.put(io.BytesIO(content or a_picture("orange")), max_bytes=10_000)
    store(database, AnAd("1", "acme", scope, sha256=stored.sha256, first_seen=date(2026, 1, 1)))
    return stored.sha256


def test_a_creative_is_drawn_small_and_kept_by_the_browser(door: Door, database: Database) -> None:
    answer = door.signed_in().get(picture_path(a_stored_picture(database), 320))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert "private" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_nobody_sees_a_picture_without_a_session(door: Door, database: Database) -> None:
    path = picture_path(a_stored_picture(database), 320)
    assert (door.signed_in().get(path).status, door.browser().get(path).status) == (200, 401)


@pytest.mark.parametrize(("scope", "status"), [("shared", 200), (LOCAL_ORGANISATION, 200), ("theirs", 404)])
def test_a_hash_is_no_permission(door: Door, database: Database, scope: str, status: int) -> None:
    """Drawn before for somebody who may see it, too; of any size."""
    sha256 = a_stored_picture(database, scope)
    browser = door.signed_in()
    for side in SIDES:
        _drawn(sha256, side)
        assert browser.get(picture_path(sha256, side)).status == status, side


@pytest.mark.parametrize(("side", "colour"), [(320, "blue"), (480, "blue"), (960, "orange")])
def test_the_kept_thumbnail_is_drawn_where_it_is_large_enough(
    door: Door, database: Database, side: int, colour: str
) -> None:
    sha256 = a_stored_picture(database)
    small = services().objects.put(io.BytesIO(a_picture("blue")), max_bytes=10_000)
    row = {"scope": "shared", "sha256": sha256, "status": "no_text", "thumbnail_sha256": small.sha256}
    with database.worker("shared") as connection:
        connection.execute(insert(schema.image_reading).values(row))
    answer = door.signed_in().get(picture_path(sha256, side))
    drawn = Image.open(io.BytesIO(answer.content)).convert("RGB").getpixel((side // 2, side // 2))
    wanted = ImageColor.getrgb(colour)
    assert all(abs(one - other) < 12 for one, other in zip(drawn, wanted, strict=True)), drawn


@pytest.mark.parametrize("path", ["/pictures/x/320", f"/pictures/{ABSENT}/321", f"/pictures/{ABSENT}/320"])
def test_what_is_no_picture_is_not_there(door: Door, path: str) -> None:
    assert door.signed_in().get(path).status == 404


def test_what_can_not_be_drawn_is_a_tile(door: Door, database: Database) -> None:
    answer = door.signed_in().get(picture_path(a_stored_picture(database, content=b"no picture"), 320))
    assert (answer.status, answer.text) == (200, NOT_DRAWN.decode())
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_store_that_refuses_costs_the_picture_alone(
    door: Door, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = door.signed_in()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    store(database, AnAd("1", sha256=ABSENT))
    with s3_wire() as s3:
        s3.answer = lambda asked: refusal("AccessDenied", 403)
        monkeypatch.setenv("ADOLOGY_OBJECTS_URL", s3.url())
        services.clear()
        assert browser.get(picture_path(ABSENT, 320)).status == 500
        assert browser.is_in
