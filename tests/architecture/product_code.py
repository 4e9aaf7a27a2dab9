"""The product's source as syntax trees: what the architecture tests read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("core", "registry", "daemon", "app", "pages")


@dataclass(frozen=True)
class Module:
    """One file of the product; ``path`` is relative to the project."""

    path: str
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.path.partition("/")[0]

    def is_in(self, *places: str) -> bool:
        """Whether it is one of these files or lies in one of these folders."""
        return any(self.path == place or self.path.startswith(f"{place}/") for place in places)


@dataclass(frozen=True)
class Import:
    """A dotted name that a line imports: ``from a.b import c`` gives ``a.b.c``."""

    line: int
    name: str

    def is_of(self, *libraries: str) -> bool:
        return any(self.name == library or self.name.startswith(f"{library}.") for library in libraries)


def read_modules(root: Path = ROOT) -> list[Module]:
    """Every Python file of the product under ``root``."""
    files = sorted(file for package in PACKAGES for file in (root / package).rglob("*.py"))
    return [Module(file.relative_to(root).as_posix(), ast.parse(file.read_text("utf-8"), str(file))) for file in files]


def imports_of(module: Module) -> Iterator[Import]:
    """Its imports: at the top, inside functions, relative ones resolved, and ``import_module("literal")``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(part for part in (_package_above(module, node.level), node.module) if part)
            yield from (Import(node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] in {"import_module", "__import__"}:
            names = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
            yield from (Import(node.lineno, str(name)) for name in names)


def dotted(node: ast.AST) -> str:
    """``self._client.put`` for that expression; calls and subscripts on the way are looked through."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".lstrip(".")
    if isinstance(node, ast.Call):
        return dotted(node.func)
    if isinstance(node, ast.Subscript | ast.Await):
        return dotted(node.value)
    return node.id if isinstance(node, ast.Name) else ""


def calls_of(node: ast.AST) -> Iterator[ast.Call]:
    """Every call in it."""
    return (found for found in ast.walk(node) if isinstance(found, ast.Call))


def write_module(root: Path, path: str, source: str) -> Module:
    """An offending file for the self-test of a rule."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")
    return next(module for module in read_modules(root) if module.path == path)


def _package_above(module: Module, level: int) -> str:
    parts = module.path.split("/")
    return ".".join(parts[: len(parts) - level]) if level else ""
