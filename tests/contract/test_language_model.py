"""One suite for every provider of language models, over real HTTP against a vendor that also misbehaves."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.domain.label import Outcome
from core.errors import (
    AdologyError,
    BadInputError,
    NotAllowedError,
    QuotaSpentError,
    RetryableError,
    ThrottledError,
    UnansweredError,
)
from core.ports import LanguageModel, ModelUsage
from tests.contract.language_models import (
    AWS_SECRET,
    KEY,
    PROVIDERS,
    SCHEMA,
    ask,
    everything_logged,
    picture,
    request,
)
from tests.fakes.model_answers import (
    Answer,
    Asked,
    Cut,
    Drip,
    HttpError,
    Raw,
    Said,
    Slow,
    fenced,
    filtered,
    huge,
    outage,
    quota_spent,
    rate_limited,
    refused,
    truncated,
)
from tests.fakes.model_server import ModelServer

# --- what is asked


def test_the_vendor_is_asked_exactly_what_was_meant(model: LanguageModel, server: ModelServer) -> None:
    given = request(images=(picture(), picture(8, 6, "JPEG")))

    ask(model, given)

    [asked] = server.asked
    assert (asked.model, asked.instructions, asked.text) == (model.model, given.instructions, given.text)
    assert (asked.schema, asked.schema_name) == (given.schema, "labels")
    assert asked.images == tuple(image.content for image in given.images)
    assert asked.max_output_tokens == 700


def test_the_wire_request_is_the_body_that_is_sent(model: LanguageModel, server: ModelServer) -> None:
    given = request(images=(picture(),))

    ask(model, given)

    assert json.loads(json.dumps(model.wire_request(given))) == server.asked[0].body


def test_the_schema_is_to_be_kept_to_strictly(model: LanguageModel) -> None:
    body = model.wire_request(request())

    form = {
        "openai": lambda: body["text"]["format"],
        "compatible": lambda: body["response_format"]["json_schema"],
        "bedrock": lambda: {**body["outputConfig"]["textFormat"]["structure"]["jsonSchema"], "strict": True},
    }[model.provider]()

    assert form["strict"] is True
    schema = form["schema"]
    assert (json.loads(schema) if model.provider == "bedrock" else schema) == SCHEMA  # Bedrock wants a string


# --- what comes back


def test_an_answer_carries_its_text_usage_and_the_vendors_id(model: LanguageModel, server: ModelServer) -> None:
    server.then({"hook": "question", "quote": "Why wait?"})

    answer = ask(model)

    assert answer.outcome is Outcome.OK
    assert json.loads(answer.text) == {"hook": "question", "quote": "Why wait?"}
    assert answer.usage == ModelUsage(input_tokens=1_000, output_tokens=100, cached_tokens=200)
    assert answer.vendor_request_id
    assert answer.vendor_request_id.startswith("req-")
    assert answer.model.startswith(model.model)
    assert "Why wait?" in json.dumps(answer.wire)


@pytest.mark.parametrize(
    ("answered", "outcome", "text"),
    [
        (refused("I can't."), Outcome.REFUSED, "I can't."),
        (truncated('{"hook": "que'), Outcome.TRUNCATED, '{"hook": "que'),
        (filtered(), Outcome.REFUSED, ""),
        # malformed, invalid and wrong answers are answers: whoever asked finds out that they aren't valid
        (Said('{"hook":', "malformed"), Outcome.OK, '{"hook":'),
        ("no JSON at all", Outcome.OK, "no JSON at all"),
        (fenced({"hook": "question"}), Outcome.OK, fenced({"hook": "question"})),
        (
            {"hook": "of another schema", "injected": True},
            Outcome.OK,
            '{"hook": "of another schema", "injected": true}',
        ),
        (huge(2), Outcome.OK, huge(2)),
    ],
    ids=["refused", "truncated", "filtered", "malformed", "prose", "fenced", "wrong schema", "huge"],
)
def test_how_an_answer_ended_comes_from_the_wire(
    model: LanguageModel, server: ModelServer, answered: Answer, outcome: Outcome, text: str
) -> None:
    server.then(answered)

    answer = ask(model)

    assert (answer.outcome, answer.text) == (outcome, text)


# --- errors


@pytest.mark.parametrize(
    ("answered", "error"),
    [
        (rate_limited(), ThrottledError),
        (quota_spent(), QuotaSpentError),
        (outage(503), RetryableError),
        (outage(500), RetryableError),
        (HttpError("model_timeout"), RetryableError),
        (HttpError("model_error"), RetryableError),
        (HttpError("credentials"), NotAllowedError),
        (HttpError("forbidden"), NotAllowedError),
        (HttpError("model_missing"), NotAllowedError),  # no text is at fault where the settings are
        (HttpError("bad_input"), BadInputError),
        (HttpError("unprocessable"), BadInputError),
        (Cut(), UnansweredError),  # it may be billed
        (Cut(head=False), RetryableError),
        (Raw(b"<html>502</html>"), UnansweredError),  # with 200: billed, perhaps
        (Raw({}), UnansweredError),
    ],
    ids=str,
)
def test_a_vendors_error_is_ours_after_one_single_call(
    model: LanguageModel, server: ModelServer, answered: Answer, error: type[Exception]
) -> None:
    server.then(answered)

    with pytest.raises(error) as raised:
        ask(model)

    assert raised.type is error or (error is RetryableError and issubclass(raised.type, UnansweredError))
    assert model.provider in str(raised.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize("answered", [Slow(5), Drip(0.02)], ids=["silent", "a byte at a time"])
def test_no_answer_in_time_may_be_billed(model: LanguageModel, server: ModelServer, answered: Answer) -> None:
    server.then(answered)
    hasty = PROVIDERS[model.provider](server.url, timeout_seconds=0.2)

    with pytest.raises(UnansweredError, match=model.provider):
        ask(hasty)


def test_a_throttle_says_how_long_the_vendor_wants_to_be_left_alone(model: LanguageModel, server: ModelServer) -> None:
    server.then(rate_limited(retry_after="42"))

    with pytest.raises(ThrottledError) as raised:
        ask(model)

    assert raised.value.retry_after_seconds == 42


def test_a_credential_error_names_the_setting(model: LanguageModel, server: ModelServer) -> None:
    server.then(HttpError("credentials"))

    with pytest.raises(NotAllowedError, match=r"ADOLOGY_(OPENAI|COMPATIBLE)_API_KEY|check the AWS credentials"):
        ask(model)


def test_nobody_at_the_address_is_an_outage(model: LanguageModel) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(RetryableError):
        ask(PROVIDERS[model.provider](f"http://127.0.0.1:{port}"))


# --- loops, threads, cancelling


def test_every_thread_may_run_its_own_event_loop(model: LanguageModel, server: ModelServer) -> None:
    async def batch() -> list[str]:
        answers = await asyncio.gather(*(model.answer(request(f"ad {n}")) for n in range(5)))
        return [answer.text for answer in answers]

    with ThreadPoolExecutor(4) as threads:
        batches = list(threads.map(lambda _: asyncio.run(batch()), range(8)))

    assert [len(texts) for texts in batches] == [5] * 8
    assert len(server.asked) == 40


def test_who_is_cancelled_waits_no_longer(model: LanguageModel, server: ModelServer) -> None:
    server.then(Slow(5))

    async def cancel() -> None:
        asking = asyncio.create_task(model.answer(request()))
        await asyncio.to_thread(server.wait_for, 1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    started = time.monotonic()
    asyncio.run(cancel())
    assert time.monotonic() - started < 2


# --- secrets


def test_keys_reach_nothing_but_the_header_they_are_sent_in(
    model: LanguageModel, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):  # somebody else's on the same machine
        monkeypatch.setenv(name, f"of-the-environment-{name}")
    secrets = [AWS_SECRET] if model.provider == "bedrock" else [KEY]
    with everything_logged() as written:
        for kind in ("credentials", "bad_input", "outage"):
            server.answer = lambda asked, kind=kind: HttpError(kind, _echo(asked))
            with pytest.raises(AdologyError) as raised:
                ask(model)
            written.write(f"{raised.value!r}")
        server.answer = _echo
        written.write(f"{ask(model)} {json.dumps(model.wire_request(request()))}")

    assert "external call" in written.getvalue()
    assert "you sent" in written.getvalue()
    for secret in secrets:
        assert secret not in written.getvalue()
    for asked in server.asked:
        others = {name: value for name, value in asked.headers.items() if name != "authorization"}
        assert not any(secret in f"{others} {asked.body}" for secret in (KEY, AWS_SECRET))
        assert AWS_SECRET not in asked.headers["authorization"]  # a signature leaves, never the secret
        assert "of-the-environment" not in f"{asked.headers}"


def _echo(asked: Asked) -> str:
    """A vendor that repeats what it was shown."""
    return f"you sent {asked.headers['authorization'].removeprefix('Bearer ')}"


# --- what is measured


def test_every_call_is_told_with_status_and_size(
    model: LanguageModel, server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="core.observability.external_calls")
    server.then({"hook": "question", "quote": ""}, outage(503))

    ask(model)
    with pytest.raises(RetryableError):
        ask(model)

    calls = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert [call["service"] for call in calls] == [model.provider] * 2
    assert [call["status"] for call in calls] == [200, 503]
    assert calls[0]["size_bytes"] > 100
    assert "cost_usd" not in calls[0]
