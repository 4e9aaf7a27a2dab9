"""``.env.example`` and the settings are the same list, with the same defaults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from core.settings import Settings
from tests.architecture.product_code import ROOT

LINE = re.compile(r"^#?\s?(ADOLOGY_[A-Z0-9_]+)=(.*)$", re.MULTILINE)


def listed(text: str) -> dict[str, str]:
    """The variables an example file lists, commented out or not, with their values."""
    found = LINE.findall(text)
    assert len(found) == len(dict(found)), "a variable is listed twice"
    return dict(found)


def known() -> set[str]:
    return {f"ADOLOGY_{name.upper()}" for name in Settings.model_fields}


def example() -> dict[str, str]:
    return listed((ROOT / ".env.example").read_text("utf-8"))


def test_every_setting_is_in_the_example_and_nothing_else() -> None:
    assert set(example()) == known()


def test_the_example_shows_the_defaults() -> None:
    given = {name.removeprefix("ADOLOGY_").lower(): value for name, value in example().items() if value}
    shown = Settings.model_validate(given)
    for name, field in Settings.model_fields.items():
        default = (
            field.default if field.default is not PydanticUndefined else field.get_default(call_default_factory=True)
        )
        if isinstance(default, Path):
            default = ROOT / default  # wherever a command is started
        assert getattr(shown, name) == default, f"ADOLOGY_{name.upper()} shows another default than core/settings.py"


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_what_sounds_like_a_secret_is_kept_as_one() -> None:
    sounding = re.compile(r"(password|token|secret|api_key|database\w*_url)$")
    open_ones = [
        name
        for name, field in Settings.model_fields.items()
        if sounding.search(name) and SecretStr.__name__ not in str(field.annotation)
    ]
    assert open_ones == []


@pytest.mark.parametrize("text", ["# ADOLOGY_A=1\nADOLOGY_B=2\n", "ADOLOGY_A=1\n#ADOLOGY_B=\n"])
def test_lines_are_read_commented_or_not(text: str, tmp_path: Path) -> None:
    assert set(listed(text)) == {"ADOLOGY_A", "ADOLOGY_B"}


def test_a_variable_listed_twice_is_found() -> None:
    with pytest.raises(AssertionError, match="twice"):
        listed("ADOLOGY_A=1\n# ADOLOGY_A=2\n")
