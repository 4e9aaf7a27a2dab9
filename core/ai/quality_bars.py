"""How good labels must be: read from a file that people edit, checked when it is loaded."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import BadInputError

QUALITY_BARS = Path(__file__).parent / "quality_bars.yaml"

_Bar = Annotated[float, Field(ge=0, le=1)]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bar(_Closed):
    """``truth``: least kappa. ``replay``: least share of texts that a second run reads alike."""

    truth: _Bar
    replay: _Bar


class _PartOfBar(_Closed):
    truth: _Bar | None = None
    replay: _Bar | None = None


class _DimensionBar(_PartOfBar):
    values: dict[str, _PartOfBar] = {}


class QualityBars(_Closed):
    """The bars of every dimension and value."""

    version: int
    default: Bar
    dimensions: dict[str, _DimensionBar] = {}

    def of(self, dimension: str, value: str | None = None) -> Bar:
        """The value's own bar, else its dimension's, else the default."""
        own = self.dimensions.get(dimension, _DimensionBar())
        parts = (own.values.get(value, _PartOfBar()) if value else _PartOfBar(), own, self.default)
        return Bar(
            truth=next(part.truth for part in parts if part.truth is not None),
            replay=next(part.replay for part in parts if part.replay is not None),
        )


@cache
def quality_bars(path: Path = QUALITY_BARS) -> QualityBars:
    """Read and check the file, once. Raises BadInputError naming what to correct."""
    try:
        return QualityBars.model_validate(yaml.safe_load(path.read_bytes()))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise BadInputError(f"{path}: {wrong}") from error
    except (OSError, yaml.YAMLError) as error:
        raise BadInputError(f"{path}: {error}") from error
