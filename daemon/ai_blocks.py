"""What ``ai try`` gives a method to read: a stored ad, or a file. Reads only."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from core.adapters.image_decoder import sniff
from core.adapters.model_pictures import ModelPictures
from core.ai.methods.base import Block
from core.ai.methods.labels import VisualLabels
from core.bootstrap import Services
from core.domain.identity import content_identity
from core.domain.principal import Principal
from core.domain.spending import Purpose
from core.errors import BadInputError, MediaProblemError
from core.ports import ModelImage
from core.queries.ad_detail import AdDetail, VersionDetail, get_ad
from core.sources.records import text_hash

MOST_BYTES: Final = 200_000_000
_MOST_TEXT_BYTES = 1_000_000
_HEAD_BYTES = 16


@dataclass(frozen=True, slots=True)
class Found:
    """A block, what of the ad could not be had for it, and the ad. None: of a file."""

    block: Block
    notes: tuple[str, ...] = field(default=())
    ad: AdDetail | None = None


class _BlockFile(BaseModel):
    """A block as JSON; pictures are files, named from the folder of this one."""

    model_config = ConfigDict(extra="forbid")

    text: str = ""
    cta_declared: str = ""
    picture_text: str = ""
    facts: dict[str, str] = {}
    pictures: list[Path] = []


def block_of_file(path: Path, pictures: ModelPictures) -> Found:
    """A text, a picture, or a block as JSON (``.json``). Raises BadInputError and MediaProblemError."""
    content = _content(path)
    if path.suffix == ".json":
        return Found(_block_of_json(path, content, pictures))
    if sniff(content[:_HEAD_BYTES]):
        return Found(Block(pictures=(pictures.prepared(BytesIO(content)),)))
    return Found(Block(text=_text(path, content)))


def block_of_ad(services: Services, principal: Principal, ad_id: str, pictures: ModelPictures) -> Found:
    """The current version of a stored ad, and its cover. Raises NotFoundError."""
    ad = get_ad(services.database, principal, ad_id)
    version = _current(ad)
    images, notes = _cover(ad, services.objects.open, pictures)
    facts = {"brand": ad.brand_name, "channel": ad.channel, "format": ad.format, "countries": ", ".join(ad.countries)}
    block = Block(
        text=version.text if version else "",
        cta_declared=version.cta if version else "",
        picture_text=ad.cover.text if ad.cover else "",
        facts={name: said for name, said in facts.items() if said},
        pictures=images,
    )
    return Found(block, notes, ad)


def purpose_of(found: Found, payer: Principal, method: str) -> Purpose:
    """What a trial is paid for: of an ad, what reading it is paid for; of a file, nothing of the record."""
    ad = found.ad
    if ad is None:
        return Purpose(payer.organisation_id, payer.scope, method)
    version = _current(ad)
    words = content_identity(text_hash(version.text), version.cta) if version else None
    content_id = ad.cover_sha256 if method == VisualLabels.name else words
    return Purpose(payer.organisation_id, ad.scope, method, ad.brand, content_id)


def _current(ad: AdDetail) -> VersionDetail | None:
    return next((version for version in ad.versions if version.is_current), None)


def _cover(
    ad: AdDetail, open_file: Callable[[str], BinaryIO], pictures: ModelPictures
) -> tuple[tuple[ModelImage, ...], tuple[str, ...]]:
    if ad.cover_sha256 is None:
        return (), (f"no picture of the ad is stored: {ad.media_reason or ad.media_status}",)
    try:
        with open_file(ad.cover_sha256) as stored:
            return (pictures.prepared(BytesIO(stored.read(MOST_BYTES))),), ()
    except MediaProblemError as problem:
        return (), (f"its picture can't be shown to a model: {problem}",)


def _block_of_json(path: Path, content: bytes, pictures: ModelPictures) -> Block:
    try:
        given = _BlockFile.model_validate(json.loads(_text(path, content)))
    except (ValidationError, ValueError) as error:
        raise BadInputError(f"{path}: not a block: {_first_problem(error)}") from error
    images = tuple(pictures.prepared(BytesIO(_content(path.parent / each))) for each in given.pictures)
    return Block(given.text, given.cta_declared, given.picture_text, given.facts, images)


def _first_problem(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first: Any = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}; it may have {', '.join(_BlockFile.model_fields)}"


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInputError(f"{path}: more than {MOST_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: can't be read: {error.strerror}") from error


def _text(path: Path, content: bytes) -> str:
    if len(content) > _MOST_TEXT_BYTES:
        raise BadInputError(f"{path}: a text of more than {_MOST_TEXT_BYTES:,} bytes is no ad")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: neither a picture (PNG, JPEG, WebP, GIF, AVIF) nor text in UTF-8") from error
