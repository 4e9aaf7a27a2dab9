"""What schemathesis can't know of our calls; loaded by its process."""

from __future__ import annotations

import os
import re
import uuid
from typing import Any

import schemathesis

from daemon.api.idempotency import HEADER, PATTERN

_OUR_OWN_KEY = os.environ["ADOLOGY_TEST_KEY_ID"]


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """A key that could be one becomes a new one: repeated values would only show that other calls are refused."""
    if re.fullmatch(PATTERN, str(case.headers.get(HEADER, ""))):
        case.headers[HEADER] = uuid.uuid4().hex
    if case.path_parameters.get("key_id") == _OUR_OWN_KEY:  # found in an answer: revoked, it would end the test
        case.path_parameters["key_id"] = "another"
