"""Creatives drawn small, for whoever is signed in and may see an ad that uses them.

Not through Streamlit's media files: those of a run are gone as soon as the next one begins, and a browser that is still
fetching then gets a 404. And a page needn't wait for its pictures.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.resources import bearer_of, services
from app.thumbnails import thumbnail
from core.access.tokens import SESSION_COOKIE
from core.domain.media import THUMBNAIL_SIDE
from core.errors import BadInputError, NotFoundError, RetryableError, SignInError
from core.observability.logs import get_logger
from core.queries.media import media_grant, thumbnail_of

PICTURES: Final = "/pictures/"
SIDES: Final = (320, 480, 960)  # pixels
NOT_DRAWN: Final = (Path(__file__).parents[1] / "assets" / "no_creative.svg").read_bytes()
_STATUSES: Final = {SignInError: 401, NotFoundError: 404, BadInputError: 404}
_HASH: Final = re.compile(r"[0-9a-f]{8,64}")
_KEPT: Final = 1_000  # drawn pictures, about 40 kB each
_DRAWN_AT_ONCE: Final = BoundedSemaphore(2)  # each may hold 160 MB of pixels
# The content of a hash never changes; whoever may no longer see it has seen it.
_HEADERS: Final = {
    "Cache-Control": "private, max-age=86400, immutable",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_log = get_logger(__name__)


def picture_routes() -> list[Route]:
    """For ``st.App``."""
    return [Route(PICTURES + "{sha256}/{side:int}", _serve, methods=["GET"])]


def picture_path(sha256: str, side: int) -> str:
    """Where a creative is drawn into a square of ``side`` pixels, one of ``SIDES``."""
    return f"{PICTURES}{sha256}/{side}"


async def _serve(request: Request) -> Response:
    """In a thread; here a request ends, well or badly."""
    try:
        content = await run_in_threadpool(_picture, request, request.path_params["sha256"], request.path_params["side"])
    except (SignInError, NotFoundError, BadInputError) as error:
        return Response(status_code=_STATUSES[type(error)])
    except RetryableError as error:
        _log.warning("a picture could not be read", error=str(error))
        return Response(status_code=503)
    except Exception:  # here the request ends
        _log.exception("a picture ended unexpectedly")
        return Response(status_code=500)
    return Response(content or NOT_DRAWN, headers=_HEADERS, media_type="image/jpeg" if content else "image/svg+xml")


def _picture(request: Request, sha256: str, side: int) -> bytes | None:
    found = bearer_of(request.cookies.get(SESSION_COOKIE))
    if found is None:
        raise SignInError("sign in first")
    if side not in SIDES or not _HASH.fullmatch(sha256):
        raise BadInputError("no such picture")
    if side > THUMBNAIL_SIDE:
        media_grant(services().database, found.principal, sha256)
        return _drawn(sha256, side)
    return _drawn(thumbnail_of(services().database, found.principal, sha256), side)


@lru_cache(maxsize=_KEPT)
def _drawn(sha256: str, side: int) -> bytes | None:
    """For everybody who was granted it; None for what can't be drawn."""
    with _DRAWN_AT_ONCE, services().objects.open(sha256) as stream:
        return thumbnail(stream, side, side)
