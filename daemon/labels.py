"""The commands that measure label quality, and their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.adapters.postgres.stored_readings import StoredReading
from core.ai.labelling import TextLabeller
from core.ai.quality_bars import quality_bars
from core.ai.quality_rules import CheckResult
from core.ai.quality_verdicts import Standing, verdicts
from core.ai.taxonomy import Taxonomy
from core.bootstrap import Services
from core.domain.label import Rerun
from core.domain.principal import SHARED_SCOPE, Principal
from core.domain.quality import Basis, Measure, Statistic
from core.errors import BadInputError, ConflictError, NotFoundError
from core.measuring.cross_checks import check_by_rules
from core.measuring.judging import Measured
from core.measuring.model_replay import ModelReplay
from core.measuring.people import measure_by_people, sheet_to_judge
from core.measuring.planted import measure_planted
from core.measuring.replay import LocalReader, Reader, replay, sample_of
from core.queries.brandspaces import list_brandspaces
from core.settings import Settings
from daemon.spending import print_quote
from daemon.working_system import asking

FEW = 30  # texts; with fewer, figures are marked
_EXAMPLES = 3
_LOOK = "The Label quality page shows all of it."
_STYLES = {Standing.BELOW: "red", Standing.UNPROVEN: "yellow", Standing.MEETS: "green", Standing.NOT_MEASURED: "dim"}


def golden(settings: Settings, console: Console, file: Path, *, set_name: str | None) -> None:
    """Against people."""
    with asking(settings) as (services, asker), console.status("reading …"):
        measured = measure_by_people(services.database, asker, _labeller(services), file, set_name=set_name)
        show_measured(console, measured, services.taxonomy)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is to be judged: ``size`` texts of a brandspace (id or name), of some of its brands or of all (empty)."""

    size: int
    dimensions: Sequence[str]
    seed: int
    brandspace: str
    brands: Sequence[str]


def export_sheet(settings: Settings, console: Console, file: Path, wanted: Sheet) -> None:
    """A file for people to fill in. One that is there is left alone."""
    with asking(settings) as (services, asker):
        known = [name for name in wanted.dimensions if services.taxonomy.dimension(name)]
        sheet = sheet_to_judge(
            services.database, asker, known or list(services.taxonomy.of_words), size=wanted.size, seed=wanted.seed,
            brandspace=_brandspace_id(services, asker, wanted.brandspace), brands=wanted.brands,
        )  # fmt: skip
    _write(file, sheet)
    console.print(
        f"{file}: fill in values (several joined by |, or unknown), annotator and annotated_on.\n"
        f"./adology taxonomy show DIMENSION   tells the values;   ./adology labels golden {file}   measures.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def _brandspace_id(services: Services, asker: Principal, wanted: str) -> str:
    """Of an id or a name. Raises NotFoundError with those there are."""
    spaces = list_brandspaces(services.database, asker)
    for space in spaces:
        if wanted in (space.brandspace_id, space.name):
            return space.brandspace_id
    names = ", ".join(repr(space.name) for space in spaces)
    raise NotFoundError(f"there is no brandspace {wanted!r}; there are {names}")


def _write(file: Path, content: bytes) -> None:
    """Raises ConflictError for a file that is there, BadInputError where none can be."""
    try:
        with file.open("xb") as written:
            written.write(content)
    except FileExistsError as error:
        raise ConflictError(f"{file} is there already: name another file, or take it away") from error
    except OSError as error:
        raise BadInputError(f"{file} can't be written: {error.strerror}") from error


def measure(settings: Settings, console: Console) -> None:
    """Against the truth planted in sample data."""
    with asking(settings) as (services, asker), console.status("measuring …"):
        truth = services.sample_market.truth()
        measured = measure_planted(services.database, asker, services.taxonomy, truth)
        console.print("Sample data: invented copy is easier to read than real copy.", highlight=False)
        show_measured(console, measured, services.taxonomy)


def replay_sample(
    settings: Settings, console: Console, *, by: Rerun, size: int, seed: int, is_private: bool, yes: bool
) -> None:
    """Against a second reading."""
    with asking(settings) as (services, asker):
        scope = _scope(asker, is_private)
        reader = _model_reader(services, asker) if by is Rerun.MODEL else LocalReader(_labeller(services))
        if by is Rerun.MODEL and not yes:
            sample = sample_of(services.database, asker, reader, scope, size=size, seed=seed)
            if not _is_agreed(services, asker, console, sample):
                return
        with console.status("reading again …"):
            measured = replay(services.database, asker, services.taxonomy, reader, scope, size=size, seed=seed)
        show_measured(console, measured, services.taxonomy)


def _model_reader(services: Services, asker: Principal) -> Reader:
    if services.models is None:
        raise BadInputError("no model is configured: set ADOLOGY_AI_PROVIDERS, or leave --method away")
    return ModelReplay(services.models, services.taxonomy, services.objects, services.model_pictures, asker)


def _is_agreed(services: Services, asker: Principal, console: Console, sample: Sequence[StoredReading]) -> bool:
    """Whether a person has seen what it will cost and wants it."""
    texts, on_pictures = ([each.text for each in sample if each.kind == kind] for kind in ("words", "picture"))
    print_quote(console, services.quoter.quote_sample(asker, texts, on_pictures))
    return typer.confirm("Ask the model again? No label changes.")


def check(settings: Settings, console: Console, *, is_private: bool) -> None:
    """Against simple rules."""
    with asking(settings) as (services, asker), console.status("checking …"):
        results = check_by_rules(services.database, asker, _scope(asker, is_private))
    table = Table("label", "rule", "texts it speaks of", "disagree", "95 %", box=None, padding=(0, 2))
    for result in results:
        table.add_row(result.check.dimension, result.check.name, f"{result.n:,}", *_rate(result))
    console.print(table)
    for result in results:
        _show_examples(console, result)
    console.print(f"A rule is no truth: where the two disagree, one is wrong. {_LOOK}", highlight=False)


def _labeller(services: Services) -> TextLabeller:
    return TextLabeller(services.taxonomy, services.embedder)


def _scope(principal: Principal, is_private: bool) -> str:
    return principal.scope if is_private else SHARED_SCOPE


def show_measured(console: Console, measured: Measured, taxonomy: Taxonomy) -> None:
    """A row a label, whole in 80 columns; then what moved, and remarks."""
    console.print(f"{measured.texts:,} texts, taxonomy {taxonomy.version}", highlight=False)
    table = Table("label", "kappa", "95 %", "same answer", "texts", "calib. error", "", box=None, padding=(0, 1))
    for column in table.columns[:3]:
        column.no_wrap = True  # a label or an interval cut short says nothing
    for dimension, measures in _by_dimension(measured.measures).items():
        table.add_row(*_row(dimension, measures))
    console.print(table)
    for measure_ in measured.measures:
        _show_moved(console, measure_)
    for remark in measured.remarks:
        console.print(f"  {remark}", highlight=False)
    console.print(_LOOK, highlight=False)


def _by_dimension(measures: Iterable[Measure]) -> Mapping[str, list[Measure]]:
    found: dict[str, list[Measure]] = {}
    for each in measures:
        found.setdefault(each.dimension, []).append(each)
    return found


def _row(dimension: str, measures: Sequence[Measure]) -> list[str]:
    whole = {each.statistic: each for each in measures if each.value is None}
    kappa, same = whole[Statistic.KAPPA], whole[Statistic.AGREEMENT]
    error = whole.get(Statistic.CALIBRATION_ERROR)
    verdict = verdicts(dimension, measures, quality_bars()).dimension
    few = " (few)" if kappa.n < FEW else ""
    told = "" if verdict.standing is Standing.NOT_MEASURED else f"[{_STYLES[verdict.standing]}]{verdict.standing}[/]"
    return [
        dimension, _figure(kappa.estimate), _interval(kappa), f"{100 * (same.estimate or 0):.1f} %",
        f"{kappa.n:,}{few}", _figure(error.estimate if error else None), told,
    ]  # fmt: skip


def _show_moved(console: Console, each: Measure) -> None:
    """What a second reading says otherwise, or what people say."""
    examples = each.details.get("examples", []) if each.basis in (Basis.REPLAY, Basis.PEOPLE) else []
    if each.basis is Basis.PEOPLE:
        examples = examples[:_EXAMPLES]
    for example in examples:
        given, true = (", ".join(example[side]) for side in ("given", "true"))
        side = "again" if each.basis is Basis.REPLAY else "people"
        console.print(
            f"  {each.dimension}: {given} → {side}: {true}   {escape(example['excerpt'][:80])}", highlight=False
        )


def _show_examples(console: Console, result: CheckResult) -> None:
    if result.examples:
        console.print(f"\n{result.check.claim}", highlight=False)
    for example in result.examples[:_EXAMPLES]:
        given = ", ".join(sorted(example.given)) or "unknown"
        console.print(f"  {given}: {escape(example.excerpt)}", highlight=False, soft_wrap=True)


def _rate(result: CheckResult) -> tuple[str, str]:
    if not result.n:
        return "–", ""
    share = result.agreement
    low, high = 1 - (share.high or 0), 1 - (share.low or 0)
    return f"{result.disagreeing:,} ({result.disagreeing / result.n:.1%})", f"{low:.1%}–{high:.1%}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _interval(each: Measure) -> str:
    return "" if each.low is None or each.high is None else f"{each.low:.2f}–{each.high:.2f}"
