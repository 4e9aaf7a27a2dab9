"""``./adology ai``, as a person types it: all that is sent and answered is shown and paid, and nothing else is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from core.domain.ad import AdFormat, AdVersion
from core.errors import BadInputError, BudgetSpentError, MediaProblemError, NotAllowedError, NotFoundError
from core.pipeline.rows import Said
from daemon.commands import app
from tests.builders import AnAd, store
from tests.contract.language_models import KEY
from tests.fakes.model_answers import HttpError
from tests.fakes.model_server import ModelServer, model_server
from tests.reading_ads import picture

Adology = Callable[..., str]
WORDS = "Hurry, 20% off ends tonight!"


@pytest.fixture(scope="module")
def vendor() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture
def server(vendor: ModelServer, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    """The settings name it, but no provider is chosen; an organisation can pay."""
    vendor.reset()
    for role in ("app", "worker", "operator"):
        url = getattr(cluster.urls, role).render_as_string(hide_password=False)
        monkeypatch.setenv(f"ADOLOGY_DATABASE_{role.upper()}_URL", url)
    monkeypatch.setenv("ADOLOGY_DATABASE_URL", "postgresql://not-needed")
    monkeypatch.setenv("ADOLOGY_OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ADOLOGY_OPENAI_MODEL", "gpt-5-mini")
    monkeypatch.setenv("ADOLOGY_OPENAI_BASE_URL", vendor.openai_url)
    monkeypatch.setenv("ADOLOGY_COMPATIBLE_MODEL", "gemini-2.5-flash")
    monkeypatch.setenv("ADOLOGY_COMPATIBLE_BASE_URL", vendor.openai_url)
    return vendor


@pytest.fixture
def adology(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Adology:
    """``adology("ai", "try", …)``: what it says. A command that fails raises the error that is told."""
    monkeypatch.setenv("ADOLOGY_HOME", str(tmp_path))
    monkeypatch.setenv("ADOLOGY_TAXONOMY", str(small_taxonomy(tmp_path / "taxonomy")))

    def run(*words: object) -> str:
        result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output

    return run


def small_taxonomy(folder: Path) -> Path:
    """One dimension of words, one of pictures: loads at once."""
    values = "{urgency: {definition: Hurry.}, question: {definition: It asks.}}"
    folder.mkdir()
    (folder / "taxonomy.yaml").write_text("version: 9\ndimensions: [hook, visual_hook]\n")
    for name, reads in (("hook", "opening"), ("visual_hook", "picture")):
        (folder / f"{name}.yaml").write_text(
            f"definition: What it is.\ncardinality: single\nreads: {reads}\nvalues: {values}\n"
        )
    return folder


@pytest.fixture
def ad_file(tmp_path: Path) -> Path:
    file = tmp_path / "ad.txt"
    file.write_text(WORDS)
    return file


def test_every_method_is_listed(adology: Adology) -> None:
    said = adology("ai", "methods")
    for name in ("labels", "visual_labels", "description", "language", "embedding", "picture_text"):
        assert name in said


def test_a_trial_shows_the_exact_request_and_answer(adology: Adology, server: ModelServer, ad_file: Path) -> None:
    said = adology("ai", "try", "description", ad_file, "--provider", "openai")
    assert shown(said, "Request to openai") == [asked.body for asked in server.asked]
    assert len(server.asked) == 2  # the least that the schema allows is no description
    assert [answer["id"] for answer in shown(said, "Answer of openai")] == ["resp_1", "resp_2"]
    assert "outcome    invalid" in said
    assert "2,000 in (400 cached), 200 out" in said
    assert "0.000810 USD, by the prices of 2" in said
    assert KEY not in said


def shown(said: str, title: str) -> list[Any]:
    """The JSON under each head of that title."""
    return [
        json.loads(found) for found in re.findall(rf"^── {title}[^\n]*\n(.*?)\n\n──", said, re.DOTALL | re.MULTILINE)
    ]


def test_labels_are_shown_with_their_evidence(adology: Adology, server: ModelServer, ad_file: Path) -> None:
    server.answer = lambda _: {"hook": {"value": "urgency", "quote": "hurry", "confidence": "sure"}}
    said = adology("ai", "try", "labels", ad_file, "--provider", "openai")
    assert 'urgency  0.90  "Hurry" at 0' in said


def test_the_first_configured_provider_is_asked_else_this_machine(
    adology: Adology, server: ModelServer, ad_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "this machine" in adology("ai", "try", "language", ad_file)
    assert server.asked == []
    monkeypatch.setenv("ADOLOGY_AI_PROVIDERS", "openai")
    assert "Request to openai, model gpt-5-mini" in adology("ai", "try", "description", ad_file)


def test_a_picture_is_sent_small_and_shown_by_its_size(adology: Adology, server: ModelServer, tmp_path: Path) -> None:
    file = tmp_path / "ad.png"
    file.write_bytes(picture("SALE", side=3_000).content)
    said = adology("ai", "try", "visual_labels", file, "--provider", "openai")
    assert "characters: data:image/jpeg;base64," in said
    assert len(said) < 60_000
    assert len(server.asked[0].images[0]) < 100_000
    assert "data:image/jpeg;base64,/9j/" in adology(
        "ai", "try", "visual_labels", file, "--provider", "openai", "--whole"
    )


def test_a_block_gives_every_part(adology: Adology, server: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "p.jpg").write_bytes(picture().content)
    file = tmp_path / "block.json"
    file.write_text(json.dumps({"text": WORDS, "cta_declared": "Shop", "facts": {"brand": "K"}, "pictures": ["p.jpg"]}))
    adology("ai", "try", "description", file, "--provider", "openai")
    assert ("brand: K" in server.asked[0].text, "Shop" in server.asked[0].text) == (True, True)
    assert len(server.asked[0].images) == 1


def test_a_terminal_obeys_nothing_of_an_ad(adology: Adology, tmp_path: Path) -> None:
    file = tmp_path / "ad.txt"
    file.write_text("Hello\x1b]0;owned\x07 \u202e world [red]markup[/red]")
    said = adology("ai", "try", "language", file)
    assert "\\u001b]0;owned\\u0007 \\u202e world [red]markup[/red]" in said
    assert "\x1b" not in said


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        (("labels",), BadInputError, "give either a file or --ad"),
        (("labels", "{file}", "--ad", "x"), BadInputError, "give either a file or --ad"),
        (("labels", "/no/such/file"), BadInputError, "No such file"),
        (("labels", "{folder}"), BadInputError, "Is a directory"),
        (("labels", "{binary}"), BadInputError, "neither a picture"),
        (("labels", "{json}"), BadInputError, "brand: .*it may have text, cta_declared"),
        (("visual_labels", "{broken}", "--provider", "openai"), MediaProblemError, "broken or truncated image/png"),
        (("visual_labels", "{file}", "--provider", "openai"), BadInputError, "no picture to label"),
        (("nonsense", "{file}"), NotFoundError, "use labels, visual_labels"),
        (("description", "{file}"), BadInputError, "ADOLOGY_AI_PROVIDERS names none"),
        (("description", "{file}", "--provider", "local"), BadInputError, "needs a model"),
        (("language", "{file}", "--provider", "openai"), BadInputError, "this machine alone"),
        (("labels", "{file}", "--provider", "bedrock"), BadInputError, "ADOLOGY_BEDROCK_REGION is needed"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    adology: Adology, ad_file: Path, words: tuple[str, ...], error: type[Exception], told: str
) -> None:
    folder = ad_file.parent
    (folder / "b.bin").write_bytes(b"\xff\x00\x01")
    (folder / "b.json").write_text('{"brand": "x"}')
    (folder / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more")
    names = {"file": ad_file, "folder": folder, "binary": folder / "b.bin", "json": folder / "b.json"}
    filled = [word.format(**names, broken=folder / "b.png") for word in words]
    with pytest.raises(error, match=told):
        adology("ai", "try", *filled)


def test_what_a_provider_refuses_is_told_after_the_request(
    adology: Adology, server: ModelServer, ad_file: Path
) -> None:
    server.answer = lambda _: HttpError("credentials")
    with pytest.raises(NotAllowedError, match="ADOLOGY_OPENAI_API_KEY"):
        adology("ai", "try", "labels", ad_file, "--provider", "openai")


def test_a_trial_is_booked_and_tells_what_is_left(
    adology: Adology, server: ModelServer, ad_file: Path, database: Database
) -> None:
    said = adology("ai", "try", "description", ad_file, "--provider", "openai")

    assert "Booked: 2 calls, 0.000810 USD. Left today (UTC): 4.9992 of 5 USD." in said
    calls = booked(database)
    assert [(call.organisation_id, call.scope, call.method, call.model) for call in calls] == [
        ("local", "local", "description", "gpt-5-mini")
    ] * 2
    assert {(call.brand_slug, call.content_id, call.request_id) for call in calls} == {(None, None, None)}
    assert sum(call.cost_usd for call in calls) == Decimal("0.00081")


def test_a_trial_over_budget_asks_nobody(
    adology: Adology, server: ModelServer, ad_file: Path, database: Database
) -> None:
    with database.machinery() as connection:
        connection.execute(text("INSERT INTO ai_budget VALUES ('local', 0.001, 'x')"))
    with pytest.raises(BudgetSpentError, match=r"leaves 0\.0010 USD today .*raise it with `./adology budget USD`"):
        adology("ai", "try", "labels", ad_file, "--provider", "openai")
    assert (server.asked, booked(database)) == ([], [])


def test_the_questions_that_test_a_server_are_booked_too(
    adology: Adology, server: ModelServer, ad_file: Path, database: Database
) -> None:
    server.response_formats = frozenset({"json_object"})
    labels = {"hook": {"value": "urgency", "quote": "Hurry", "confidence": "sure"}}
    server.answer = lambda asked: {"is_wet": "yes"} if "water" in asked.text else labels
    said = adology("ai", "try", "labels", ad_file, "--provider", "compatible")
    assert len(server.asked) == 3
    assert [call.outcome for call in booked(database)] == ["failed", "ok", "ok"]
    assert all(call.cost_usd > 0 for call in booked(database)[1:])
    assert "Booked: 3 calls" in said


def booked(database: Database) -> list[Any]:
    """The rows of the ledger, as they came."""
    with database.machinery() as connection:
        return list(connection.execute(text("SELECT * FROM ai_call ORDER BY ai_call_id")))


def test_a_stored_ad_is_read_and_nothing_but_the_calls_is_written(
    adology: Adology, server: ModelServer, cluster: Cluster, database: Database
) -> None:
    ad = AnAd("1", copy=WORDS)
    store(database, ad)
    before = rows(cluster)

    said = adology("ai", "try", "description", "--ad", ad.ad_id, "--provider", "openai")

    assert "brand: " in server.asked[0].text
    assert WORDS in server.asked[0].text
    assert "Note: no picture of the ad is stored" in said
    assert rows(cluster) == before | {"ai_call": 2, "ai_spending": 1}
    assert before["content"] == 1
    content_id = Said.by(AdVersion(copy=WORDS, format=AdFormat.IMAGE)).content_id  # what the pipeline would pay for
    assert {(call.scope, call.brand_slug, call.content_id) for call in booked(database)} == {
        ("shared", ad.brand, content_id)
    }
    with pytest.raises(NotFoundError, match="no such ad"):
        adology("ai", "try", "labels", "--ad", "nothing", "--provider", "openai")


def rows(cluster: Cluster) -> dict[str, int]:
    """How many each table has, whoever's they are."""
    engine = create_engine(cluster.owner.set(username="postgres", password=None))
    with engine.connect() as connection:
        names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        counts = {name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in names}
    engine.dispose()
    return counts
