"""No JSON answer is larger than 1 MB: a list that would be is cut to fewer items, and says so.

The list is asked for again with half the limit, so ``next_cursor`` is the right one for what is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, g, request
from werkzeug.datastructures import ImmutableMultiDict

from daemon.api.context import IS_CUT, AnswerTooLargeError
from daemon.api.schemas import DEFAULT_PAGE

View = Callable[..., Any]


def install_answer_limit(app: Flask) -> None:
    """Every GET under /api/v1 that is registered by now; no view needs to know."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/") and "GET" in (rule.methods or ()):
            app.view_functions[rule.endpoint] = _fitting(app.view_functions[rule.endpoint])


def _fitting(view: View) -> View:
    @wraps(view)
    def run(**path: Any) -> Any:
        while True:
            try:
                return view(**path)
            except AnswerTooLargeError as error:
                limit = int(request.args.get("limit", DEFAULT_PAGE))
                if not error.is_list or limit == 1:
                    raise
                _ask_for(limit // 2)

    return run


def _ask_for(limit: int) -> None:
    others = [(name, value) for name, value in request.args.items(multi=True) if name != "limit"]
    request.args = ImmutableMultiDict([*others, ("limit", str(limit))])
    setattr(g, IS_CUT, True)
