"""Every call that leaves the system stands inside ``external_call``.

A few functions of libraries call out by themselves. Beyond these, a vendor's client, session or connection bears
such a name (``client``, ``self._client``, ``s3_client`` …): in a module that imports a network library each method
call on one stands inside ``with external_call(…)`` or in a function decorated with ``@external(…)``. Our own
PostgreSQL is our store, not an external service: SQLAlchemy and psycopg2 aren't in the list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.product_code import Import, Module, dotted, imports_of, read_modules, write_module

NETWORK_LIBRARIES = (
    *("boto3", "botocore", "pymongo", "openai", "urllib3", "requests", "httpx", "httpx2"),
    *("authlib.integrations", "smtplib", "ftplib", "http.client", "urllib.request"),
)
ONLY_NAMES_AND_ERRORS = (
    *("botocore.exceptions", "botocore.config", "pymongo.errors", "urllib3.exceptions", "requests.exceptions"),
    *(f"openai.{name}" for name in ("APIConnectionError", "APIStatusError", "APITimeoutError")),
    *("openai.BadRequestError", "openai.OpenAIError"),
    *("httpx2.ConnectTimeout", "httpx2.PoolTimeout", "httpx2.TransportError"),
    *("urllib3.util.Url", "urllib3.util.parse_url", "urllib3.util.Retry", "urllib3.Retry", "urllib3.Timeout"),
)
CLIENTS = {"client", "session", "connection", "database", "collection", "pool", "smtp", "http", "bucket", "resource"}
CALLS_BY_THEMSELVES = {
    *(f"requests.{verb}" for verb in ("get", "post", "put", "patch", "delete", "head", "request")),
    *(f"httpx.{verb}" for verb in ("get", "post", "put", "patch", "delete", "head", "request", "stream")),
    *("urllib3.request", "urlopen", "urllib.request.urlopen", "smtplib.SMTP", "smtplib.SMTP_SSL", "SMTP", "SMTP_SSL"),
    *("socket.create_connection", "socket.getaddrinfo", "create_connection"),
}
STAYS_HERE = {
    "close",
    "create_authorization_url",
    "generate_presigned_url",
    "generate_presigned_post",
    "get_default_database",
    "get_paginator",
    "get_waiter",
    "with_options",
}

# file → the call → why it stands outside. A row that exempts nothing fails the test.
EXEMPT = {
    "core/adapters/address_guard.py": {
        "socket.getaddrinfo": "asks the system's resolver for a name; no service is called"
    },
    "core/adapters/health_probe.py": {
        "self._http.request": "`up` asks its own children whether they answer; until they do, refusals are no news"
    },
    "core/adapters/pinned_connection.py": {"create_connection": "runs inside connection.connect(), which is wrapped"},
}


def calls_around_the_wrapper(module: Module) -> Iterator[tuple[int, str]]:
    """Line and text of each network call outside the wrapper."""
    knows_clients = any(_is_network(found) for found in imports_of(module))
    for line, call in _unwrapped(module.tree):
        if call in CALLS_BY_THEMSELVES or (knows_clients and _is_on_client(call)):
            yield line, call


def unexplained(module: Module) -> list[str]:
    exempt = EXEMPT.get(module.path, {})
    return [f"{module.path}:{line} {call}" for line, call in calls_around_the_wrapper(module) if call not in exempt]


def test_no_call_leaves_the_system_around_the_wrapper() -> None:
    assert [offence for module in read_modules() for offence in unexplained(module)] == []


def test_every_module_that_can_call_out_uses_the_wrapper() -> None:
    can_call = [module for module in read_modules() if any(_is_network(found) for found in imports_of(module))]
    without = [module.path for module in can_call if not _uses_wrapper(module) and module.path not in EXEMPT]
    assert without == []


def test_every_exemption_is_still_needed() -> None:
    unwrapped = {(module.path, call) for module in read_modules() for _, call in calls_around_the_wrapper(module)}
    assert {(path, call) for path, calls in EXEMPT.items() for call in calls} <= unwrapped


@pytest.mark.parametrize(
    "source",
    [
        "import boto3\nclass S:\n    def put(self):\n        self._client.put_object(Bucket='b')",
        "from openai import OpenAI\ndef ask(client):\n    return client.chat.completions.create(model='m')",
        "from openai import AsyncOpenAI\nasync def ask(client):\n    return await client.embeddings.create(input=[])",
        "import pymongo\ndef find(self):\n    return list(self._database['ads'].find({}))",
        "import requests\nrequests.get('https://example.com')",
        "def late():\n    import urllib.request\n    urllib.request.urlopen('https://example.com')",
        "import boto3\ndef put(s3_client):\n    with external_call('s3', 'put'):\n        pass\n    s3_client.put()",
        # a function made inside the block runs later, outside it
        "import boto3\ndef put(client):\n    with external_call('s3', 'put'):\n        return lambda: client.put()",
    ],
)
def test_the_rule_finds(source: str, tmp_path: Path) -> None:
    assert unexplained(write_module(tmp_path, "core/adapters/x.py", source))


@pytest.mark.parametrize(
    "source",
    [
        "import boto3\ndef put(client):\n    with external_call('s3', 'put') as call:\n        client.put_object()",
        "import openai\nasync def ask(client):\n    async with external_call('openai', 'x'):\n        await client.x()",
        "import boto3\n@external('s3', 'put')\ndef put(client):\n    client.put_object()",
        "import boto3\ndef link(client):\n    return client.generate_presigned_url('get_object')",
        "from sqlalchemy import Connection\ndef read(connection):\n    return connection.execute(text('SELECT 1'))",
        "from botocore.exceptions import ClientError\ndef f(client):\n    client.things()",
    ],
)
def test_the_rule_lets_pass(source: str, tmp_path: Path) -> None:
    assert unexplained(write_module(tmp_path, "core/adapters/x.py", source)) == []


def _is_network(found: Import) -> bool:
    return found.is_of(*NETWORK_LIBRARIES) and not found.is_of(*ONLY_NAMES_AND_ERRORS)


def _unwrapped(node: ast.AST, *, wrapped: bool = False) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        wrapped = any(dotted(decorator) == "external" for decorator in getattr(node, "decorator_list", []))
    if isinstance(node, ast.With | ast.AsyncWith):
        wrapped = wrapped or any(dotted(item.context_expr) == "external_call" for item in node.items)
    if isinstance(node, ast.Call) and not wrapped:
        yield node.lineno, dotted(node.func)
    for child in ast.iter_child_nodes(node):
        yield from _unwrapped(child, wrapped=wrapped)


def _is_on_client(call: str) -> bool:
    *owners, method = call.split(".")
    is_client = any(owner.lower().rsplit("_", 1)[-1] in CLIENTS for owner in owners)
    return is_client and method not in STAYS_HERE


def _uses_wrapper(module: Module) -> bool:
    return any(found.is_of("core.observability.external_calls") for found in imports_of(module))
