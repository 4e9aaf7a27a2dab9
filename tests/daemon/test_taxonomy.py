"""The taxonomy over HTTP and on the command line: what labels can say, used or not."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.ai.taxonomy import TAXONOMY
from core.errors import BadInputError, NotFoundError
from daemon.taxonomy_commands import taxonomy as taxonomy_commands
from tests.daemon.support import LocalDaemon


def test_clients_read_every_value_with_its_meaning_and_examples(daemon: LocalDaemon) -> None:
    answer = daemon.get("/api/v1/taxonomy").json
    taxonomy = daemon.services.taxonomy
    dimensions = {each["dimension"]: each for each in answer["dimensions"]}

    assert answer["version"] == taxonomy.version
    assert {name: [it["value"] for it in each["values"]] for name, each in dimensions.items()} == {
        name: list(taxonomy.values(name)) for name in taxonomy.dimensions
    }
    free_trial = next(it for it in dimensions["offer"]["values"] if it["value"] == "free_trial")
    assert free_trial["definition"] == "Try before paying."
    assert free_trial["examples"]
    assert free_trial["not_this"]
    assert dimensions["visual_shape"]["measured"]
    assert all(it["definition"] for each in answer["dimensions"] for it in each["values"])


def test_whoever_edits_is_told_the_version_or_what_to_correct(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(TAXONOMY, folder)
    shipped, copied = _said("check"), _said("check", str(folder))
    assert shipped == copied
    assert re.fullmatch(r"v2-[0-9a-f]{8}: \d+ dimensions, \d+ values", shipped)

    hook = folder / "hook.yaml"
    hook.write_text(hook.read_text("utf-8").replace("cardinality: single", "cardinality: some"), encoding="utf-8")
    with pytest.raises(BadInputError, match=r"hook\.yaml: line 2: cardinality"):
        _said("check", str(folder))


def test_the_taxonomy_is_shown_in_short_and_by_dimension() -> None:
    assert "\nemotion (single, reads text)" in _said("show")
    emotion = _said("show", "emotion")
    assert "neutral: Facts, features or prices" in emotion
    assert "left to a model" in emotion
    with pytest.raises(NotFoundError, match="use hook, offer"):
        _said("show", "emotions")


def _said(*words: str) -> str:
    result = CliRunner().invoke(taxonomy_commands, words)
    if result.exception:
        raise result.exception
    return result.stdout.rstrip("\n")
