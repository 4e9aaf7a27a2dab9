"""The Active Brand Registry over HTTP: the specification's contract, with our fields added."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.adapters.picture_figures import MOST_COLOURS
from core.bootstrap import Services
from core.domain.media import MediaStatus
from core.domain.principal import SHARED_SCOPE
from core.domain.run import Item, ItemKind, ItemResult, ItemState
from core.errors import ConflictError
from core.messages import MAX_URL_CHARACTERS
from core.pipeline.manifest import item_identity
from daemon.api.errors import STATUS, error_response, invalid_input
from daemon.api.guard import require_internal_token
from daemon.api.schemas import STORABLE, Name
from registry.active_brands import ActiveBrands, Answer
from registry.batch import ActiveBatchError
from registry.client import MAX_REASON_CHARACTERS

_MAX_EMBEDDING = 4096
_MAX_FLOAT32 = 3.4e38
_SPOOLED_BYTES = 8 * 1024 * 1024  # in memory; beyond this in a temporary file
_BLOCK_BYTES = 64 * 1024

_Id = Annotated[str, Field(min_length=1, max_length=64), STORABLE]
_Fact = Annotated[str, Field(min_length=1, max_length=2_000), STORABLE]
_Pixels = Annotated[int, Field(ge=1, lt=2**31)]
_Number = Annotated[float, Field(ge=-_MAX_FLOAT32, le=_MAX_FLOAT32, allow_inf_nan=False)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")

    brand: Name
    scope: _Id = SHARED_SCOPE
    batch_id: _Id | None = None


class StartBody(_Body):
    """``{"brand", "expected_count"}``."""

    expected_count: int = Field(ge=0, le=1_000_000)


class _Colour(BaseModel):
    hex: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    share: Annotated[float, Field(gt=0, le=1)]


class ResultBody(BaseModel):
    """``{"url", "embedding", "s3_path"}`` and the facts a commit needs."""

    model_config = ConfigDict(extra="ignore")

    url: Annotated[str, Field(min_length=1, max_length=MAX_URL_CHARACTERS), STORABLE]
    embedding: list[_Number] = Field(default_factory=list, max_length=_MAX_EMBEDDING)
    s3_path: _Fact | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    content_type: _Fact | None = None
    size_bytes: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    width: _Pixels | None = None
    height: _Pixels | None = None
    perceptual_hash: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    colours: Annotated[list[_Colour], Field(max_length=MOST_COLOURS)] | None = None
    embedding_subject: _Fact | None = None
    embedding_model: _Fact | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.sha256 is not None and None in (self.content_type, self.size_bytes):
            raise ValueError("a stored file has content_type and size_bytes")
        if (self.embedding_subject is None) != (self.embedding_model is None):
            raise ValueError("an embedding has embedding_subject and embedding_model")
        return self

    @property
    def facts(self) -> dict[str, Any]:
        """What is stored of the result besides its url and embedding."""
        return self.model_dump(exclude={"url", "embedding"}, exclude_none=True)


class SubmitBody(_Body):
    """``{"brand", "result"}``; without a state the item is ok."""

    result: ResultBody
    item_id: _Id | None = None
    state: Literal[ItemState.OK, ItemState.FAILED] = ItemState.OK
    status: MediaStatus | None = None
    error: Annotated[str, Field(max_length=MAX_REASON_CHARACTERS), STORABLE] | None = None


class CommitCompleteBody(_Body):
    """``{"brand"}``."""


def registry_blueprint(active_brands: ActiveBrands, services: Services) -> Blueprint:
    """The four endpoints over one registry."""
    blueprint = Blueprint("registry", __name__)
    blueprint.before_request(lambda: require_internal_token(services))
    blueprint.register_error_handler(ValidationError, invalid_input)
    blueprint.register_error_handler(ActiveBatchError, _conflict)

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
        return _download(_json_list(found))

    @blueprint.post("/commit-complete")
    def commit_complete() -> Response:
        body = _parse(CommitCompleteBody)
        active_brands.commit_complete(brand=body.brand, scope=body.scope, batch_id=body.batch_id)
        return jsonify({})

    return blueprint


B = TypeVar("B", bound=_Body)


def _parse(kind: type[B]) -> B:
    return kind.model_validate_json(request.get_data())


def _conflict(error: ActiveBatchError) -> Response:
    """409, with the active batch where an answer has its own."""
    response = error_response(STATUS[ConflictError], error.code, str(error))
    response.set_data(json.dumps({**response.get_json(), "batch_id": error.batch_id}))
    return response


def _answer(answer: Answer) -> dict[str, Any]:
    return {"should_commit": answer.should_commit, "batch_id": answer.batch_id, "lease_token": answer.token}


def _item_and_result(body: SubmitBody) -> tuple[Item, ItemResult]:
    facts, url = body.result.facts, body.result.url
    item_id = body.item_id or item_identity(url, "image")
    embedding = np.asarray(body.result.embedding, dtype="<f4").tobytes() if body.result.embedding else None
    status = body.status
    if status is None and body.state is ItemState.FAILED:
        status = MediaStatus.FETCH_ERROR
    elif status is None and "sha256" in facts:
        status = MediaStatus.OK
    item = Item(item_id, ItemKind.MEDIA, "image", url)
    return item, ItemResult(item_id, url, body.state, status, body.error, facts, embedding)


def _json_list(results: Iterator[ItemResult]) -> Iterator[str]:
    """Row by row: a batch of 20,000 embeddings never stands in memory at once."""
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


def _download(text: Iterator[str]) -> Response:
    """Everything is read before the first byte is sent: a client that doesn't read keeps no transaction open."""
    with ExitStack() as stack:
        spool = stack.enter_context(SpooledTemporaryFile(max_size=_SPOOLED_BYTES))
        for part in text:  # writelines would look at the size only at its end
            spool.write(part.encode())
        spool.seek(0)
        response = Response(iter(lambda: spool.read(_BLOCK_BYTES), b""), mimetype="application/json")
        response.call_on_close(stack.pop_all().close)
    return response
