"""Every answered call of the API is counted for its organisation."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from core.access.usage import ApiUsage


def install_usage(app: Flask, usage: ApiUsage) -> None:
    """Count what passes the door. A WebSocket is no call: it lasts as long as its client stays."""

    def count(response: Response) -> Response:
        is_socket = request.url_rule is not None and request.url_rule.websocket
        if "principal" in g and not is_socket:
            usage.count(g.principal.organisation_id, seconds=time.monotonic() - g.started)
        return response

    app.after_request(count)
