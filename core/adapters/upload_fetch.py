"""Media that are already here, and the choice of a fetcher by URL scheme."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from core.domain.media import MediaStatus
from core.errors import BadInputError, MediaProblemError, NotFoundError
from core.ports import FetchedMedia, MediaFetcher, ObjectStore


class UploadMediaFetcher:
    """Opens ``upload://<sha256>/<name>``: bytes an import has put into the object store. The name is only a label."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def open(self, url: str) -> FetchedMedia:
        """Raises MediaProblemError."""
        scheme, _, rest = url.partition("://")
        sha256 = rest.partition("/")[0]
        try:
            if scheme != "upload":
                raise BadInputError(f"{scheme}:// is not upload://")
            return FetchedMedia(self._objects.open(sha256), None, url)
        except BadInputError as error:
            raise MediaProblemError(MediaStatus.BLOCKED, f"not an upload address: {error}") from error
        except NotFoundError as error:
            raise MediaProblemError(
                MediaStatus.REMOVED, "the uploaded file is no longer stored; import it again"
            ) from error


class SchemeFetcher:
    """Hands a URL to the fetcher of its scheme; a scheme nobody named is refused."""

    def __init__(self, fetchers: Mapping[str, MediaFetcher]) -> None:
        """``fetchers`` by lower-case scheme, such as ``{"https": …, "upload": …}``."""
        self._fetchers = dict(fetchers)

    def open(self, url: str) -> FetchedMedia:
        """Raises MediaProblemError or RetryableError."""
        fetcher = self._fetchers.get(_scheme(url))
        if fetcher is None:
            allowed = ", ".join(sorted(self._fetchers))
            raise MediaProblemError(MediaStatus.BLOCKED, f"only addresses of these kinds are opened: {allowed}")
        return fetcher.open(url)


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""
