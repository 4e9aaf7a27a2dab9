"""A bare Flask echo, served as the daemon is: ``python -m benchmarks.api.echo PORT``."""

from __future__ import annotations

import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from core.settings import load_settings
from daemon.server import gunicorn_options


class Echo(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """One route that answers what stands in its address."""

    def load_config(self) -> None:
        """The daemon's options, without its own classes."""
        ours = {
            "worker_class": "gthread",
            "bind": f"127.0.0.1:{sys.argv[1]}",
            "logger_class": "gunicorn.glogging.Logger",
        }
        for name, value in {**gunicorn_options(load_settings()), **ours}.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application."""
        app = Flask(__name__)
        app.add_url_rule("/<word>", "echo", lambda word: {"word": word})
        return app


if __name__ == "__main__":
    Echo().run()
