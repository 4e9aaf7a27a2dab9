"""What the documents name is there: targets, commands, settings, files, headings, names in the code."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from core.settings import Settings
from daemon.commands import app
from tests.architecture.product_code import PACKAGES, ROOT

DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
TARGET = re.compile(r"\bmake ([a-z][\w-]*)")
COMMAND = re.compile(r"\./adology ([a-z][\w-]*)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
VARIABLE = re.compile(r"\bADOLOGY_[A-Z0-9_]+")
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
PATH = re.compile(rf"(?:{'|'.join((*PACKAGES, 'docs', 'tests', 'benchmarks'))})/[\w./-]*")
OF_A_MACHINE = re.compile(r"(?<![\w.:/-])/(?:home|root|work|Users|tmp|mnt|var|opt|private)(?:/|\b)")
MAKE_RULE = re.compile(r"^([a-z][\w-]*|bench-%):.*?## ", re.MULTILINE)


def code_of(text: str) -> list[str]:
    """Fenced blocks and code spans."""
    return FENCED.findall(text) + SPAN.findall(FENCED.sub("", text))


def found_in_code(pattern: re.Pattern[str], text: str) -> set[str]:
    return {match for code in code_of(text) for match in pattern.findall(code)}


def targets() -> set[str]:
    return set(MAKE_RULE.findall((ROOT / "Makefile").read_text("utf-8")))


def commands() -> set[str]:
    """Of the command line, and of its groups: ``users``, ``users invite``."""
    return names_of(app) | {
        name
        for group in app.registered_groups
        if group.typer_instance and (of := group.typer_instance.info.name)
        for name in [of, *(f"{of} {command}" for command in names_of(group.typer_instance))]
    }


def names_of(group: typer.Typer) -> set[str]:
    return {command.name or command.callback.__name__ for command in group.registered_commands if command.callback}


def unknown_targets(text: str) -> list[str]:
    one_benchmark = {f"bench-{file.stem}" for file in (ROOT / "benchmarks").glob("*.py")}
    return sorted(found_in_code(TARGET, text) - targets() - one_benchmark)


def unknown_commands(text: str) -> list[str]:
    return sorted(found_in_code(COMMAND, text) - {name.split()[0] for name in commands()})


def unknown_variables(text: str) -> list[str]:
    settings = {f"ADOLOGY_{name.upper()}" for name in Settings.model_fields}
    of_the_example = VARIABLE.findall((ROOT / "clients/python/example.py").read_text("utf-8"))
    return sorted(set(VARIABLE.findall(text)) - settings.union(of_the_example))


def missing_paths(text: str) -> list[str]:
    spans = SPAN.findall(FENCED.sub("", text))
    return sorted(span for span in spans if PATH.fullmatch(span) and not (ROOT / span).exists())


def missing_tests(text: str) -> list[str]:
    """Tests that a document names, ``folder/test_x.py::test_y`` under ``tests/``, and that aren't there."""
    return [f"{file}::{test}" for file, test in TEST.findall(text) if not _has_test(ROOT / "tests" / file, test)]


def _has_test(file: Path, test: str) -> bool:
    return file.exists() and f"def {test}(" in file.read_text("utf-8")


def machine_paths(text: str) -> list[str]:
    return OF_A_MACHINE.findall(text)


RULES = [unknown_targets, unknown_commands, unknown_variables, missing_paths, missing_tests, machine_paths]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_document_has(rule: Callable[[str], list[str]]) -> None:
    assert {file.name: found for file in DOCUMENTS if (found := rule(file.read_text("utf-8")))} == {}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (unknown_targets, "run `make tea`"),
        (unknown_targets, "```console\nmake bench-tea\n```"),
        (unknown_commands, "`./adology forget BRAND`"),
        (unknown_variables, "set ADOLOGY_COLOUR"),
        (missing_paths, "see `core/tea.py`"),
        (missing_tests, "`architecture/test_docs.py::test_the_tea`"),
        (machine_paths, "lies in /home/me/adology"),
        (machine_paths, "`ls /tmp`"),
    ],
)
def test_the_rule_finds(rule: Callable[[str], list[str]], text: str) -> None:
    assert rule(text)


def test_links_lead_to_files_and_headings() -> None:
    broken = []
    for file in DOCUMENTS:
        for link in LINK.findall(file.read_text("utf-8")):
            path, _, anchor = link.partition("#")
            target = (file.parent / path) if path else file
            if not target.exists() or (anchor and anchor not in headings(target.read_text("utf-8"))):
                broken.append(f"{file.name}: {link}")
    assert broken == []


def headings(text: str) -> set[str]:
    """The anchors of a document's headings."""
    titles = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_tells_of_every_target_and_command_and_where_the_settings_are() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert sorted(targets() - found_in_code(TARGET, readme) - {"help", "bench-%"}) == []
    assert sorted(name for name in commands() if f"`./adology {name}" not in readme) == []
    assert "(.env.example)" in readme


def test_the_readme_names_only_options_that_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    there = "\n".join(file.read_text("utf-8") for file in (ROOT / "daemon").glob("*commands.py"))
    functions = set(re.findall(r"(\w+): Annotated\[[^=]*?typer\.Option", there)) | {"help"}
    assert found_in_code(OPTION, readme) <= {f"--{name.replace('_', '-')}" for name in functions}


def test_decisions_are_numbered_in_order() -> None:
    numbers = re.findall(r"^\*\*(\d+)\. ", (ROOT / "docs" / "decisions.md").read_text("utf-8"), re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(1, len(numbers) + 1))


def test_every_name_in_the_glossary_is_in_the_code() -> None:
    names = set()
    for row in re.findall(r"^\| (?!word)[^|]+\| ([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.M):
        names |= {span.rpartition(".")[2] for span in SPAN.findall(row) if "/" not in span}
    files = [file for package in PACKAGES for kind in ("*.py", "*.yaml") for file in (ROOT / package).rglob(kind)]
    code = "\n".join(file.read_text("utf-8") for file in [*files, ROOT / ".env.example"])
    assert len(names) > 50
    assert sorted(name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?!\w)", code)) == []


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.svg")), ids=lambda file: file.name)
def test_a_drawing_is_well_formed_named_and_drawn_for_light_and_dark(picture: Path) -> None:
    text = picture.read_text("utf-8")
    assert ET.fromstring(text).find("{http://www.w3.org/2000/svg}title") is not None
    assert "prefers-color-scheme: dark" in text
