"""The Active Brand Registry over HTTP: the specification's contract, with our fields added."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.bootstrap import Services
from core.domain.media import MediaStatus
from core.domain.principal import SHARED_SCOPE
from core.domain.run import Item, ItemKind, ItemResult, ItemState
from core.errors import BadInputError
from core.pipeline.manifest import item_identity
from daemon.api.guard import require_internal_token
from registry.active_brands import ActiveBrands, Answer

_MAX_EMBEDDING = 4096


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")

    brand: str = Field(min_length=1, max_length=200)
    scope: str = Field(SHARED_SCOPE, min_length=1, max_length=64)
    batch_id: str | None = Field(None, max_length=64)


class StartBody(_Body):
    """``{"brand", "expected_count"}``."""

    expected_count: int = Field(ge=0, le=1_000_000)


class ResultBody(BaseModel):
    """``{"url", "embedding", "s3_path"}`` and the facts we add."""

    model_config = ConfigDict(extra="allow")

    url: str = Field(min_length=1, max_length=8_000)
    embedding: list[float] = Field(default_factory=list, max_length=_MAX_EMBEDDING)
    s3_path: str | None = None


class SubmitBody(_Body):
    """``{"brand", "result"}``; without a state the item is ok."""

    result: ResultBody
    item_id: str | None = Field(None, max_length=64)
    state: ItemState = ItemState.OK
    status: MediaStatus | None = None
    error: str | None = Field(None, max_length=2_000)


class CommitCompleteBody(_Body):
    """``{"brand"}``."""


def registry_blueprint(active_brands: ActiveBrands, services: Services) -> Blueprint:
    """The four endpoints over one registry."""
    blueprint = Blueprint("registry", __name__)
    blueprint.before_request(lambda: require_internal_token(services))

    @blueprint.post("/start")
    def start() -> Response:
        body = _parse(StartBody)
        answer = active_brands.start(
            brand=body.brand, expected_count=body.expected_count, scope=body.scope, batch_id=body.batch_id
        )
        return jsonify(_answer(answer))

    @blueprint.post("/submit")
    def submit() -> Response:
        body = _parse(SubmitBody)
        item, result = _item_and_result(body)
        answer = active_brands.submit(
            brand=body.brand, scope=body.scope, item=item, result=result, batch_id=body.batch_id
        )
        return jsonify(_answer(answer))

    @blueprint.get("/results/<brand>")
    def results(brand: str) -> Response:
        found = active_brands.results(brand=brand, scope=request.args.get("scope", SHARED_SCOPE))
        return Response(_stream(found), mimetype="application/json")

    @blueprint.post("/commit-complete")
    def commit_complete() -> Response:
        body = _parse(CommitCompleteBody)
        active_brands.commit_complete(brand=body.brand, scope=body.scope, batch_id=body.batch_id)
        return jsonify({})

    return blueprint


B = TypeVar("B", bound=_Body)


def _parse(kind: type[B]) -> B:
    try:
        return kind.model_validate_json(request.get_data())
    except ValidationError as error:
        fields = ", ".join(".".join(str(part) for part in item["loc"]) or "body" for item in error.errors())
        raise BadInputError(f"the body is not as the contract says: check {fields}") from None


def _answer(answer: Answer) -> dict[str, Any]:
    return {"should_commit": answer.should_commit, "batch_id": answer.batch_id, "lease_token": answer.token}


def _item_and_result(body: SubmitBody) -> tuple[Item, ItemResult]:
    facts = {**(body.result.model_extra or {})}
    if body.result.s3_path is not None:
        facts["s3_path"] = body.result.s3_path
    item_id = body.item_id or item_identity(body.result.url, "image")
    embedding = np.asarray(body.result.embedding, dtype="<f4").tobytes() if body.result.embedding else None
    status = body.status or (MediaStatus.OK if body.state is ItemState.OK and "sha256" in facts else None)
    item = Item(item_id, ItemKind.MEDIA, "image", body.result.url)
    return item, ItemResult(item_id, body.result.url, body.state, status, body.error, facts, embedding)


def _stream(results: Iterator[ItemResult]) -> Iterator[str]:
    """A JSON list, row by row: a batch of 20,000 embeddings never stands in memory at once."""
    yield "["
    for number, result in enumerate(results):
        embedding = [] if result.embedding is None else np.frombuffer(result.embedding, dtype="<f4").tolist()
        row = {
            "url": result.url,
            "embedding": embedding,
            "s3_path": result.facts.get("s3_path"),
            "item_id": result.item_id,
            "state": result.state,
            "status": result.status,
            "error": result.reason,
        }
        yield ("," if number else "") + json.dumps(row)
    yield "]"
