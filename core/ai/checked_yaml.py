"""YAML files that people edit, checked against a model: what is wrong is told with its file, line and value."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from core.errors import BadInputError

_Model = TypeVar("_Model", bound=BaseModel)


def read_checked(path: Path, model: type[_Model]) -> tuple[bytes, Any, _Model]:
    """A file's bytes, its tree for ``line_of``, and what it says. Raises BadInputError naming file, line and value."""
    try:
        content = path.read_bytes()
        tree = yaml.compose(content, Loader=yaml.SafeLoader)
        said = model.model_validate(yaml.safe_load(content))
    except OSError as error:
        raise BadInputError(f"{path}: can't be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise BadInputError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(_problem(tree, details) for details in error.errors()[:5])
        raise BadInputError(f"{path}: {problems}") from error
    for repeated in _repeated_keys(tree):
        raise BadInputError(f"{path}: line {repeated.start_mark.line + 1}: {repeated.value!r} is given twice")
    return content, tree, said


def _problem(tree: Any, details: Any) -> str:
    """One validation error as a sentence with its line and place."""
    place = [part for part in details["loc"] if part != "[key]"]
    return f"line {line_of(tree, place)}: {'.'.join(map(str, place))}: {details['msg']}"


def line_of(tree: Any, place: list[Hashable]) -> int:
    """The line (from 1) of the deepest key of a path that exists."""
    line = 0
    for part in place:
        pairs = tree.value if isinstance(tree, yaml.MappingNode) else []
        found = next(((key, node) for key, node in pairs if key.value == str(part)), None)
        if found is None:
            break
        line, tree = found[0].start_mark.line, found[1]
    return line + 1


def _repeated_keys(node: Any) -> Iterator[Any]:
    """Keys given twice in one mapping: YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            if key.value in seen:
                yield key
            seen.add(key.value)
            yield from _repeated_keys(child)
