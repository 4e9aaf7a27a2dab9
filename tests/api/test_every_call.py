"""Whatever is asked of any address: an answer that the description declares, of the shape it declares; never a 5xx.

schemathesis makes the questions from our own description and asks them over HTTP. ``make test-api`` looks longer,
``EXAMPLES=200 make test-api`` as long as one likes.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request, request_finished

from core.access.sign_in import bearer_of_session, make_link_token, sign_in_by_link
from core.domain.principal import LOCAL_PRINCIPAL
from core.settings import child_environment
from tests.builders import AnAd, store, store_concepts, store_description, store_raw, store_request
from tests.daemon.conftest import StartDaemon
from tests.daemon.support import LocalDaemon

ROOT = Path(__file__).parents[2]
IS_THOROUGH = bool(os.environ.get("EXAMPLES"))
EXAMPLES = os.environ.get("EXAMPLES") or "5"  # for each operation
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
)  # of those there are, not: positive_data_acceptance (an id that fits may be nobody's) and object_level_authorization
OFTEN = "1000000/second"
HOOK = "https://93.184.215.14/adology"  # public, and needs no asking where it is
REFUSALS = ["400", "401", "403", "404", "409", "413", "414", "415", "422", "428", "429"]  # a long question is one, too
KNOWN = 0.7  # of the generated values, so many are replaced by some that lead somewhere
NEEDS_A_WORKER = {"creatives_similar", "exports_content"}  # who makes vectors and files


@pytest.fixture
def filled(start_daemon: StartDaemon) -> LocalDaemon:
    daemon = start_daemon(rate_limit=OFTEN, rate_limit_writes=OFTEN, rate_limit_failed_sign_ins=OFTEN)
    labels = {"hook": ("question",), "offer": ("percent_off",), "tone": ("unknown",)}
    ads = [AnAd(str(number), brand="kestrun", copy=f"Run {number}", labels=labels) for number in range(5)]
    picture = daemon.services.objects.put(io.BytesIO(b"picture"), max_bytes=100).sha256
    store(daemon.services.database, *ads, AnAd("unread", brand="acme", copy="Buy.", sha256=picture))
    store_concepts(daemon.services.database, tuple(ads[:3]), tuple(ads[3:]))
    store_request(daemon.services.database, "r1", organisation_id="local", rejected=3)
    for item in ads:
        seen = {"name": "colour", "value": "red", "read_in": "image"}
        store_description(daemon.services.database, item, attributes=[seen])
        store_raw(daemon.services.database, item, {"rows": {"copy": item.copy}})
    return daemon


def values_that_lead_somewhere(daemon: LocalDaemon) -> dict[str, list[Any]]:
    """By parameter or field of a body, as schemathesis names them."""

    def made(path: str, body: Any, name: str) -> Any:
        answer = daemon.post(f"/api/v1/{path}", body)
        assert answer.status in (200, 201, 202), answer.body
        return answer.json[name]

    spaces = [made("brandspaces", {"name": str(n), "competitors": ["kestrun"]}, "brandspace_id") for n in range(5)]
    users = [made("users", {"email": f"ann.{n}@example.com"}, "user_id") for n in range(3)]
    hooks = [made("webhooks", {"url": HOOK, "statuses": ["failed"]}, "webhook_id") for _ in range(4)]
    return {
        "path.ad_id": [AnAd("1", brand="kestrun").ad_id, AnAd("unread").ad_id],
        "path.concept_id": [AnAd(number, brand="kestrun").ad_id for number in ("0", "3")],
        "body.variants[*]": [AnAd(number, brand="kestrun").ad_id for number in ("1", "2", "4")],
        "body.into": [AnAd(number, brand="kestrun").ad_id for number in ("0", "3")],
        "path.slug": ["kestrun", "acme"],
        "path.brandspace_id": [*spaces, "all"],
        "path.request_id": ["r1", *(made("ingest", {"brand": "northtrail"}, "request_id") for _ in range(3))],
        "path.user_id": users,
        "path.session_id": [a_session(daemon, user) for user in users],
        "path.key_id": [made("keys", {"name": "another", "scopes": ["read"]}, "key_id") for _ in range(3)],
        "path.webhook_id": hooks,
        "path.delivery_id": [made(f"webhooks/{hook}/test", {}, "delivery_id") for hook in hooks[:1]],
        "path.sha256": [daemon.get(f"/api/v1/ads/{AnAd('unread').ad_id}").json["media"][0]["sha256"]],
        "path.dimension": ["hook", "offer"],
        "query.dimension": ["hook", "offer", "tone"],
        "query.sort": ["newest", "last_seen"],
        "query.formats": ["image"],
        "query.unit": ["ads", "concepts"],
        "body.brandspace": ["all"],
        "body.format": ["csv", "ndjson"],
        "body.sort": ["newest"],
        "body.url": [HOOK],
        "body.values[*]": ["unknown"],
    }


def a_session(daemon: LocalDaemon, user_id: str) -> str:
    database, now = daemon.services.database, daemon.services.clock.now()
    token = sign_in_by_link(database, make_link_token(database, LOCAL_PRINCIPAL, user_id, now=now), now=now, hours=1)
    signed_in = bearer_of_session(database, token, now=now)
    assert signed_in is not None
    return signed_in.session_id


@contextmanager
def successes(app: Flask) -> Iterator[set[str]]:
    """The operations that were answered with what was asked for."""
    seen: set[str] = set()

    def look(_: Flask, response: Response, **more: Any) -> None:
        if response.status_code < 300 and request.method != "OPTIONS":
            seen.add(str(request.endpoint).replace(".", "_"))

    with request_finished.connected_to(look, app):
        yield seen


def configuration(values: dict[str, list[Any]]) -> str:
    """In TOML, whose strings and lists are written as JSON's."""
    lists = [f"[dictionaries.d{number}]\nvalues = {json.dumps(known)}" for number, known in enumerate(values.values())]
    bound = [f'"{name}" = {{dictionary = "d{number}", probability = {KNOWN}}}' for number, name in enumerate(values)]
    refused = [f"[checks.negative_data_rejection]\nexpected-statuses = {REFUSALS}"]
    return "\n".join([*lists, *refused, "[parameters]", *bound])


def operations_of(daemon: LocalDaemon) -> set[str]:
    paths = daemon.get("/api/v1/openapi.json").json["paths"]
    return {operation["operationId"] for methods in paths.values() for operation in methods.values()}


@pytest.mark.timeout(7_200 if IS_THOROUGH else 180)
def test_every_answer_is_one_that_the_description_declares(filled: LocalDaemon, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(configuration(values_that_lead_somewhere(filled)))
    options = {
        "header": f"Authorization: Bearer {filled.key}",
        "checks": ",".join(CHECKS),
        "phases": "examples,coverage,fuzzing" if IS_THOROUGH else "examples,fuzzing",
        "max-examples": EXAMPLES,
        "warnings": "off",
    }
    flags = ["--generation-deterministic", "--continue-on-failure", *(f"--{name}={options[name]}" for name in options)]
    ended = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis",
            "--no-color",
            "run",
            f"{filled.url}/api/v1/openapi.json",
            *flags,
        ],
        cwd=tmp_path,  # where its configuration lies
        env=child_environment(
            PYTHONPATH=str(ROOT),
            SCHEMATHESIS_HOOKS="tests.api.schemathesis_hooks",
            ADOLOGY_TEST_KEY_ID=filled.key.split("_")[1],
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-20_000:] + ended.stderr
    assert filled.get("/api/v1/brands").status == 200, "the test's own key was lost on the way"
