"""The description of the API says everything a client may meet, of every address there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import schemathesis

from daemon.api.errors import STATUS
from tests.daemon.support import LocalDaemon

DOCUMENT = "/api/v1/openapi.json"
EVERYWHERE = {"400", "401", "403", "414", "422", "429", "503"}
A_FAULT_OF_OURS = 500


def document(daemon: LocalDaemon) -> dict[str, Any]:
    return daemon.get(DOCUMENT, Authorization="").json


def operations(daemon: LocalDaemon) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document(daemon)["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_it_is_valid_openapi_3_1_and_open_to_everybody(daemon: LocalDaemon) -> None:
    whole = document(daemon)
    assert whole["openapi"] == "3.1.1"
    schemathesis.openapi.from_dict(whole).validate()


def test_it_describes_every_address_of_the_api_and_none_of_our_own_processes(daemon: LocalDaemon) -> None:
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in daemon.app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and rule.endpoint != "openapi"
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, method, _ in operations(daemon)} == served


def test_every_operation_has_a_summary_a_tag_and_a_name_of_its_own(daemon: LocalDaemon) -> None:
    found = list(operations(daemon))
    assert [path for path, _, operation in found if not (operation.get("summary") and operation.get("tags"))] == []
    names = [operation["operationId"] for *_, operation in found]
    assert len(names) == len(set(names))
    assert {"ingest_ingest", "ads_brandspace_ads"} <= set(names)


def test_every_parameter_is_described(daemon: LocalDaemon) -> None:
    parameters = [
        (path, parameter["name"], parameter.get("description"))
        for path, _, operation in operations(daemon)
        for parameter in operation["parameters"]
        if "$ref" not in parameter
    ]
    assert [(path, name) for path, name, description in parameters if not description] == []


def test_every_operation_names_the_errors_it_may_answer(daemon: LocalDaemon) -> None:
    for path, method, operation in operations(daemon):
        answers = set(operation["responses"])
        assert answers >= EVERYWHERE, path
        assert ("{" in path) <= ("404" in answers), path
        assert (method != "get") <= ({"411", "413"} <= answers), path
        assert (method == "post") <= ("409" in answers), path


def test_every_error_there_is_has_its_answer(daemon: LocalDaemon) -> None:
    answers = document(daemon)["components"]["responses"].values()
    assert all(answer["content"]["application/json"]["schema"]["$ref"].endswith("ErrorAnswer") for answer in answers)
    named = {int(status) for _, _, operation in operations(daemon) for status in operation["responses"]}
    assert set(STATUS.values()) - named == {A_FAULT_OF_OURS}


def test_every_post_takes_an_idempotency_key_and_every_call_a_key_or_a_session(daemon: LocalDaemon) -> None:
    whole = document(daemon)
    assert whole["security"] == [{"key": []}, {"session": []}]
    for path, method, operation in operations(daemon):
        takes_it = {"$ref": "#/components/parameters/Idempotency-Key"} in operation["parameters"]
        assert takes_it == (method == "post"), path
        assert "security" not in operation, path
