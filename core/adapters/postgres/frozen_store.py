"""Writes frozen comparisons. Nobody may change one: the right to do so is nobody's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from core.domain.principal import Principal


def insert_frozen(
    connection: Connection,
    principal: Principal,
    *,
    frozen_id: str,
    brandspace_id: str,
    name: str,
    question: Mapping[str, Any],
    data_version: str,
    code_version: str,
    body: bytes,
) -> bool:
    """Whether it is new; one that is there stays as it was."""
    statement = text(
        "INSERT INTO frozen_comparison (frozen_id, organisation_id, brandspace_id, name, question, data_version,"
        " code_version, body, created_by) VALUES (:frozen_id, :organisation, :brandspace_id, :name, :question,"
        " :data_version, :code_version, :body, :by) ON CONFLICT (frozen_id) DO NOTHING"
    )
    values = {
        "frozen_id": frozen_id,
        "organisation": principal.organisation_id,
        "brandspace_id": brandspace_id,
        "name": name,
        "question": json.dumps(dict(question)),
        "data_version": data_version,
        "code_version": code_version,
        "body": body,
        "by": principal.actor,
    }
    return bool(connection.execute(statement, values).rowcount)


def delete_frozen(connection: Connection, principal: Principal, frozen_id: str) -> bool:
    """Whether there was one."""
    statement = text("DELETE FROM frozen_comparison WHERE organisation_id = :organisation AND frozen_id = :frozen_id")
    values = {"organisation": principal.organisation_id, "frozen_id": frozen_id}
    return bool(connection.execute(statement, values).rowcount)
