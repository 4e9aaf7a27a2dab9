"""``python -m daemon`` with one check off: R7 runs it with a visibility timeout shorter than a download may take.

The SQS home of the queues refuses less than six times the longest download, so a job can't outlast its visibility by
configuration. What is measured is what keeps the message when one does all the same; nothing else is changed.
"""

from __future__ import annotations

import sys

from core.adapters import sqs_queue
from daemon.__main__ import main

if __name__ == "__main__":
    assert hasattr(sqs_queue, "_VISIBILITY_PER_HANDLING"), "the check has another name now"
    sqs_queue._VISIBILITY_PER_HANDLING = 0
    sys.exit(main())
