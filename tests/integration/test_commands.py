"""What commands say before anything is done, as a person types them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from core.ai.taxonomy import load_taxonomy
from core.domain.quality import Basis, Measure, Statistic
from core.errors import NotFoundError
from core.measuring.judging import Measured
from daemon import labels, spending
from daemon.commands import app
from daemon.working_system import asking
from tests.builders import AnAd, store


@pytest.fixture
def commands(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    for role in ("app", "worker", "operator"):
        url = getattr(cluster.urls, role).render_as_string(hide_password=False)
        monkeypatch.setenv(f"ADOLOGY_DATABASE_{role.upper()}_URL", url)
    monkeypatch.setenv("ADOLOGY_DATABASE_URL", "postgresql://not-needed")
    monkeypatch.setenv("ADOLOGY_HOME", str(tmp_path))
    return CliRunner()


def test_nobody_is_asked_about_a_brand_that_there_is_not(commands: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def running(settings: Any, console: Any) -> Iterator[Any]:
        with asking(settings) as (services, asker):
            yield services, asker, False

    monkeypatch.setattr(spending, "working_system", running)
    result = commands.invoke(app, ["labels", "rerun", "--brand", "nosuch"])
    assert isinstance(result.exception, NotFoundError)
    assert "[y/N]" not in result.output


def test_a_budget_below_zero_is_told_what_is_accepted() -> None:
    result = CliRunner().invoke(app, ["budget", "-5"])
    assert result.exit_code == 2
    assert "greater than or equal to 0" in result.output
    assert "No such option" not in result.output


def test_a_sheet_of_a_brandspace_is_asked_for_by_its_name(
    commands: CliRunner, database: Database, tmp_path: Path
) -> None:
    store(database, AnAd("1", labels={"offer": ("gift",)}), AnAd("2", "bolt", labels={"offer": ("gift",)}))
    sheet = tmp_path / "sheet.csv"
    wanted = ["labels", "golden", str(sheet), "--export", "--dimension", "offer", "--brand", "acme"]
    assert commands.invoke(app, [*wanted, "--brandspace", "All brands"]).exit_code == 0
    assert len(sheet.read_text("utf-8").splitlines()) == 2
    assert isinstance(commands.invoke(app, [*wanted, "--brandspace", "nosuch"]).exception, NotFoundError)


def test_measures_are_whole_in_eighty_columns() -> None:
    made = ("v2", "rules")
    interval = Measure("product_type", None, Basis.PEOPLE, "golden", Statistic.KAPPA, 29, 0.51, -0.12, 0.91, *made)
    same = Measure("product_type", None, Basis.PEOPLE, "golden", Statistic.AGREEMENT, 29, 1.0, 0.9, 1.0, *made)
    written = StringIO()
    labels.show_measured(Console(file=written, width=80), Measured((interval, same), 29), load_taxonomy())
    [row] = [line for line in written.getvalue().splitlines() if "-0.12–0.91" in line]
    for whole in ("product_type", "0.51", "100.0 %", "29 (few)"):
        assert whole in row
