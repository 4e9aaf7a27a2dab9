"""What the product says it says through the one logging pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.product_code import Module, calls_of, dotted, read_modules, write_module

AROUND_THE_LOG = {
    "print",
    "pprint.pprint",
    "pprint.pp",
    "traceback.print_exc",
    "traceback.print_exception",
    "logging.getLogger",
    "logging.basicConfig",
    "logging.config.fileConfig",
    "logging.config.dictConfig",
    "fileConfig",
    "getLogger",
    *(f"logging.{level}" for level in ("debug", "info", "warning", "error", "exception", "critical", "log")),
}


def words_around_the_log(module: Module) -> list[str]:
    """Calls that write without level, context or redaction."""
    if module.is_in("core/observability"):
        return [f"{module.path}:{call.lineno}" for call in calls_of(module.tree) if dotted(call.func) == "print"]
    return [
        f"{module.path}:{call.lineno} {dotted(call.func)}"
        for call in calls_of(module.tree)
        if dotted(call.func) in AROUND_THE_LOG
    ]


def test_nothing_is_printed_and_loggers_come_from_get_logger() -> None:
    assert [offence for module in read_modules() for offence in words_around_the_log(module)] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("daemon/x.py", "print('hello')"),
        ("app/x.py", "def f():\n    return [print(x) for x in y]"),
        ("core/observability/x.py", "print('hello')"),
        ("core/x.py", "import logging\nlog = logging.getLogger(__name__)"),
        ("core/x.py", "import logging\nlogging.warning('x')"),
        ("core/x.py", "import traceback\ntraceback.print_exc()"),
    ],
)
def test_the_rule_finds(path: str, source: str, tmp_path: Path) -> None:
    assert words_around_the_log(write_module(tmp_path, path, source))


def test_the_rule_lets_the_word_pass_in_texts_and_names(tmp_path: Path) -> None:
    source = "def fingerprint(x):\n    '''print(x)'''\n    return console.print(x)"
    assert words_around_the_log(write_module(tmp_path, "core/x.py", source)) == []
