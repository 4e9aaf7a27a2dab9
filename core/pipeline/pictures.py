"""Reading pictures: what stands on them, a thumbnail, their measured labels. Behind everything else, once per content.

Nothing waits for it: a request is complete and every text labelled before the first picture is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Protocol

from core.adapters.image_decoder import MediaFacts
from core.adapters.ocr_pool import PictureText
from core.adapters.postgres.engine import Database
from core.adapters.postgres.picture_store import (
    ClaimedPicture,
    PictureFacts,
    claim_picture,
    facts_of_picture,
    has_unread,
    release_picture,
    store_figures,
    store_reading,
)
from core.ai.on_screen_text import Expected, OnScreenText, ReadingStatus, judge
from core.ai.picture_labels import measured_labels
from core.domain.label import Label
from core.errors import MediaProblemError, NotFoundError, RetryableError, WaitingForTurnError
from core.messages import PictureMessage
from core.observability.logs import get_logger
from core.ports import ObjectStore

_log = get_logger(__name__)
_AT_ONCE = 16  # ten seconds or so; then whoever waits in the queue has his turn
_CLAIM_SECONDS = 300  # twice the time a picture may take, with the start of a reader before each
_MOST_ATTEMPTS = 3
_MOST_THUMBNAIL_BYTES = 1_000_000
_WORD = re.compile(r"[^\W_]+")


class TextReader(Protocol):
    """Finds lines on pictures (``core.adapters.ocr_pool.OcrPool``)."""

    @property
    def languages(self) -> frozenset[str]:
        """Languages read here besides those of the first reader."""
        ...

    def name_for(self, languages: Collection[str]) -> str:
        """What reads a picture with these languages."""
        ...

    def read(self, stream: BinaryIO, languages: Collection[str] = ()) -> PictureText:
        """Raises MediaProblemError and UnavailableError."""
        ...

    def rest(self) -> None:
        """There is nothing to read for now."""
        ...


@dataclass(frozen=True, slots=True)
class PictureReader:
    """Reads a brand's pictures, with its ports. ``is_stopping`` ends the work between two pictures."""

    database: Database
    objects: ObjectStore
    reader: TextReader
    describe: Callable[[BinaryIO], MediaFacts]
    taxonomy_version: Callable[[], str]
    is_stopping: Callable[[], bool] = lambda: False

    def read(self, message: PictureMessage) -> bool:
        """Read a few; False when the message must come again because more are left.

        Raises WaitingForTurnError while somebody else reads the last ones: he may die, and nobody else has his message;
        RetryableError when this process stops.
        """
        for _ in range(_AT_ONCE):
            if self.is_stopping():
                raise RetryableError("this worker stops; another one goes on")
            with self.database.worker(message.scope) as connection:
                picture = claim_picture(
                    connection, scope=message.scope, brand_slug=message.brand, seconds=_CLAIM_SECONDS
                )
            if picture is None:
                return self._end(message)
            self._read(picture, message.brand)
        return False

    def _end(self, message: PictureMessage) -> bool:
        self.reader.rest()
        with self.database.worker(message.scope) as connection:
            is_left = has_unread(connection, scope=message.scope, brand_slug=message.brand)
        if is_left:
            raise WaitingForTurnError(f"pictures of {message.brand} are read; this message sees to it that it ends")
        return True

    def _read(self, picture: ClaimedPicture, brand_slug: str) -> None:
        """One picture, to its status. Raises RetryableError where stores or readers are away."""
        if picture.attempt > _MOST_ATTEMPTS:
            self._give_up(picture, f"its reader died {_MOST_ATTEMPTS} times")
            return
        try:
            self._read_and_store(picture, brand_slug)
        except MediaProblemError as problem:
            self._give_up(picture, str(problem))
        except NotFoundError:
            self._give_up(picture, "its file isn't stored any more")
        except RetryableError:
            with self.database.worker(picture.scope) as connection:
                release_picture(connection, picture)
            raise

    def _read_and_store(self, picture: ClaimedPicture, brand_slug: str) -> None:
        with self.database.worker(picture.scope) as connection:
            facts = facts_of_picture(connection, picture, brand_slug=brand_slug)
        expected = Expected(facts.languages, _words(facts.texts), self.reader.languages)
        with self.objects.open(picture.sha256) as stream:
            if not facts.colours:
                facts = self._measure(picture, stream, facts)
            seen = self.reader.read(stream, facts.languages)
        found = judge(seen.lines, expected)
        thumbnail = self.objects.put(BytesIO(seen.thumbnail), max_bytes=_MOST_THUMBNAIL_BYTES)
        colours = [(colour.hex, colour.share) for colour in facts.colours]
        labels = measured_labels((seen.width, seen.height), colours, found, self.taxonomy_version())
        self._store(picture, found, self.reader.name_for(facts.languages), thumbnail.sha256, labels)

    def _measure(self, picture: ClaimedPicture, stream: BinaryIO, facts: PictureFacts) -> PictureFacts:
        measured = self.describe(stream)
        with self.database.worker(picture.scope) as connection:
            store_figures(connection, picture, measured.perceptual_hash, measured.colours)
        return PictureFacts(measured.perceptual_hash, measured.colours, facts.languages, facts.texts)

    def _give_up(self, picture: ClaimedPicture, reason: str) -> None:
        self._store(picture, OnScreenText(ReadingStatus.UNREADABLE, reason), None, None, [])

    def _store(
        self,
        picture: ClaimedPicture,
        found: OnScreenText,
        reader: str | None,
        thumbnail_sha256: str | None,
        labels: Iterable[Label],
    ) -> None:
        with self.database.worker(picture.scope) as connection:
            is_ours = store_reading(
                connection,
                picture,
                found,
                reader=reader,
                thumbnail_sha256=thumbnail_sha256,
                labels=list(labels),
            )
        if not is_ours:
            _log.info("a picture was read by somebody else meanwhile", sha256=picture.sha256)


def _words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in _WORD.findall(text.casefold()))
