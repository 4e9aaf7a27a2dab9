"""The bytes of a stored object as an answer."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import wrap_file

from daemon.api.context import services

_CHUNK_BYTES: Final = 256 * 1024
_AS_GZIP: Final = 31  # zlib's word for: the largest window, with the head and tail of gzip


def stored_file(sha256: str, content_type: str) -> Response:
    """Stream the object, or the range of it that was asked for. Raises NotFoundError."""
    stream = services().objects.open(sha256)
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    response = Response(wrap_file(request.environ, stream), content_type=content_type, direct_passthrough=True)
    response.content_length = size
    response.set_etag(sha256)
    try:
        response.make_conditional(request, accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        stream.close()
        raise
    return response


def stored_file_compressed(sha256: str, content_type: str) -> Response:
    """The object as gzip, packed on its way: its length isn't known. Raises NotFoundError."""
    response = Response(_gzip(services().objects.open(sha256)), content_type=content_type)
    response.headers["Content-Encoding"] = "gzip"
    return response


def _gzip(stream: BinaryIO) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=_AS_GZIP)
    with stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield packer.compress(chunk)
    yield packer.flush()
