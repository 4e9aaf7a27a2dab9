"""Themes of a brandspace: found in its texts, then named, merged, locked and removed by people.

What a person has named, merged or locked stays: a later discovery moves its centre no more, and looks for new themes in
what is left. All others are replaced. Texts belong to the nearest centre (``core.ai.themes``), so a locked theme may
lose all of them and stands there with none.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.access.rights import require
from core.adapters.postgres import theme_store as store
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Connection, Database
from core.ai.themes import FEWEST_TEXTS, Grouping, centred, find_themes, provisional_name, telling_words
from core.domain.principal import Permission, Principal
from core.errors import BadInputError, ConflictError
from core.ports import Vector
from core.queries.brandspaces import ALL_BRANDS, find_brandspace, read_brandspace
from core.queries.pages import AnyRow
from core.queries.themes import read_brand_names, read_texts, read_theme, read_themes

MAX_TEXTS = 20_000  # different ones, of one brandspace: seconds
MAX_NAME, MAX_DEFINITION = 100, 500  # characters
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Discovered:
    """Different texts: all of ``texts`` were looked at; ``without_vector`` wait to be read, so nobody could."""

    themes: int
    new_themes: int
    texts: int
    without_theme: int
    without_vector: int


@dataclass(frozen=True, slots=True)
class ThemeEdit:
    """What to change; None leaves it."""

    name: str | None = None
    definition: str | None = None
    is_locked: bool | None = None


def discover_themes(
    database: Database, principal: Principal, brandspace_id: str, *, model: str, looks_for_new: bool = True
) -> Discovered:
    """Find themes in the texts that have a vector of ``model``; or only say again to which theme each text belongs.

    Raises NotFoundError, BadInputError (``all``, too many texts), ConflictError (too few read, changed meanwhile) and
    NotAllowedError.
    """
    require(principal, Permission.WRITE)
    if brandspace_id == ALL_BRANDS:
        raise BadInputError("'all' has no themes: make a brandspace of the brands that you compare")
    with database.snapshot(principal), database.reader(principal) as connection:
        slugs = find_brandspace(connection, principal, brandspace_id).brands
        before = read_themes(connection, principal, brandspace_id)
        contents = read_texts(connection, principal, brandspace_id, model=model)
        names = read_brand_names(connection, slugs)
    looked = _look(contents, _kept(before, looks_for_new=looks_for_new), model, names, looks_for_new=looks_for_new)
    with database.writer(principal) as connection:
        read_brandspace(connection, principal, brandspace_id, is_locked=True)
        if _state(read_themes(connection, principal, brandspace_id)) != _state(before):
            raise ConflictError("somebody changed the themes meanwhile: look at them, then ask again")
        _write(connection, principal, brandspace_id, looked, model)
        told = looked.told()
        figures = {"themes": told.themes, "new": told.new_themes, "texts": told.texts}
        action = "theme.discover" if looks_for_new else "theme.assign"
        record(connection, principal, action, brandspace_id, **figures)
    return told


def edit_theme(database: Database, principal: Principal, theme_id: str, edit: ThemeEdit) -> None:
    """Name, define, lock or unlock a theme. One that is named or defined is locked, unless the edit says otherwise.

    Raises NotFoundError, BadInputError, ConflictError (the name is taken) and NotAllowedError.
    """
    require(principal, Permission.WRITE)
    with database.writer(principal) as connection:
        before = _held(connection, principal, theme_id)
        name = before.name if edit.name is None else _checked_name(connection, principal, before, edit.name)
        definition = before.definition if edit.definition is None else _checked_definition(edit.definition)
        is_said = (name, definition) != (before.name, before.definition)
        is_locked = (before.is_locked or is_said) if edit.is_locked is None else edit.is_locked
        if (name, definition, is_locked) == (before.name, before.definition, before.is_locked):
            return
        store.update_theme(connection, principal, theme_id, name=name, definition=definition, is_locked=is_locked)
        after = {"name": name, "definition": definition, "is_locked": is_locked}
        record(connection, principal, "theme.edit", theme_id, **after, name_before=before.name)


def merge_themes(database: Database, principal: Principal, theme_id: str, *, into: str) -> None:
    """Make a theme part of another of its brandspace, which is locked by that: they stay one.

    Raises NotFoundError, BadInputError (itself, another brandspace) and NotAllowedError.
    """
    require(principal, Permission.WRITE)
    if theme_id == into:
        raise BadInputError("into: this is the theme itself")
    with database.writer(principal) as connection:
        gone, stays = _held(connection, principal, theme_id), read_theme(connection, principal, into)
        if gone.brandspace_id != stays.brandspace_id:
            raise BadInputError("into: that theme is of another brandspace")
        store.merge_theme(connection, principal, theme_id, into=into)
        kept = {"name": stays.name, "definition": stays.definition}
        store.update_theme(connection, principal, into, **kept, is_locked=True)
        record(connection, principal, "theme.merge", theme_id, into=into, name=gone.name, into_name=stays.name)


def remove_theme(database: Database, principal: Principal, theme_id: str) -> None:
    """Its texts are without a theme until themes are looked for again; that may find it anew.

    Raises NotFoundError and NotAllowedError.
    """
    require(principal, Permission.WRITE)
    with database.writer(principal) as connection:
        gone = _held(connection, principal, theme_id)
        store.delete_theme(connection, principal, theme_id)
        record(connection, principal, "theme.remove", theme_id, name=gone.name)


# --- looking ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Looked:
    """``kept`` rows of themes, then new ones: in the order of the grouping's centres, of each different text once."""

    contents: Sequence[AnyRow]
    row_of: dict[str, int]  # text hash → row of the grouping
    grouping: Grouping
    kept: Sequence[AnyRow]
    unused: Sequence[AnyRow]  # kept, found with another model: nothing can be compared with them
    words: Sequence[tuple[str, ...]]
    without_vector: int

    @property
    def new(self) -> range:
        return range(len(self.kept), len(self.grouping.centres))

    def told(self) -> Discovered:
        roots = sum(row.merged_into is None for row in (*self.kept, *self.unused))
        alone = int((self.grouping.theme_of < 0).sum())
        return Discovered(roots + len(self.new), len(self.new), len(self.row_of), alone, self.without_vector)


def _look(
    contents: Sequence[AnyRow], kept: Sequence[AnyRow], model: str, names: set[str], *, looks_for_new: bool
) -> _Looked:
    different = {row.text_hash: row for row in reversed(contents) if row.vector is not None}
    hashes = sorted(different)
    waiting = len({row.text_hash for row in contents} - different.keys())
    _check_number(len(hashes), waiting, len(kept))
    vectors = np.stack([np.frombuffer(different[each].vector, dtype="<f4") for each in hashes])
    languages = [different[each].language for each in hashes]
    alike = [row for row in kept if row.model == model]
    grouping = find_themes(centred(vectors, languages), _centres(alike, vectors.shape[1]), looks_for_new=looks_for_new)
    words = telling_words([different[each].text for each in hashes], languages, grouping, names=names)
    places = {text_hash: place for place, text_hash in enumerate(hashes)}
    others = [row for row in kept if row.model != model]
    return _Looked(contents, places, grouping, alike, others, words, waiting)


def _kept(before: Sequence[AnyRow], *, looks_for_new: bool) -> list[AnyRow]:
    """Locked themes with what was merged into them; all, where nothing new is looked for."""
    locked = {row.theme_id for row in before if row.is_locked and row.merged_into is None}
    return [row for row in before if not looks_for_new or (row.merged_into or row.theme_id) in locked]


def _check_number(texts: int, waiting: int, kept: int) -> None:
    if texts > MAX_TEXTS:
        raise BadInputError(
            f"{texts:,} different texts: themes are looked for in {MAX_TEXTS:,} at most: take brands out"
        )
    if not texts or (texts < FEWEST_TEXTS and not kept):
        later = f"; {waiting:,} more wait to be read" if waiting else ""
        raise ConflictError(f"{texts} different texts are read, themes need {FEWEST_TEXTS}{later}")


def _centres(kept: Sequence[AnyRow], dimension: int) -> Vector:
    rows = [np.frombuffer(row.centre, dtype="<f4") for row in kept]
    return np.stack(rows) if rows else np.empty((0, dimension), dtype=np.float32)


def _state(rows: Sequence[AnyRow]) -> list[tuple[object, ...]]:
    return [(row.theme_id, row.changed_at, row.is_locked, row.merged_into) for row in rows]


def _write(connection: Connection, principal: Principal, brandspace_id: str, looked: _Looked, model: str) -> None:
    kept = [*looked.kept, *looked.unused]
    discovery = 1 + max((row.discovery for row in kept), default=0)
    found = [
        store.NewTheme(
            secrets.token_hex(12),
            provisional_name(looked.words[place]),
            looked.words[place],
            model,
            np.asarray(looked.grouping.centres[place], dtype="<f4").tobytes(),
            discovery,
        )
        for place in looked.new
    ]
    store.delete_themes_but(connection, principal, brandspace_id, [row.theme_id for row in kept])
    store.insert_themes(connection, principal, brandspace_id, found)
    ids = [*(row.merged_into or row.theme_id for row in looked.kept), *(item.theme_id for item in found)]
    members = _members(looked, ids)
    store.replace_members(connection, principal, brandspace_id, members, _examples(members))


def _members(looked: _Looked, ids: Sequence[str]) -> list[tuple[str, str, str, float]]:
    """(scope, content, theme, cosine) of every content whose text has a theme."""
    grouping, found = looked.grouping, []
    for row in looked.contents:
        place = looked.row_of.get(row.text_hash)
        if place is not None and grouping.theme_of[place] >= 0:
            cosine = min(1.0, float(grouping.cosines[place]))
            found.append((row.scope, row.content_id, ids[int(grouping.theme_of[place])], cosine))
    return found


def _examples(members: Sequence[tuple[str, str, str, float]]) -> dict[str, list[str]]:
    """Theme → the contents nearest to its middle."""
    nearest: dict[str, list[str]] = {}
    for _, content_id, theme_id, _ in sorted(members, key=lambda member: (-member[3], member[1])):
        shown = nearest.setdefault(theme_id, [])
        if len(shown) < _EXAMPLES and content_id not in shown:
            shown.append(content_id)
    return nearest


# --- what people say ----------------------------------------------------------------------------------


def _held(connection: Connection, principal: Principal, theme_id: str) -> AnyRow:
    """A theme whose brandspace nobody else changes until the transaction ends."""
    brandspace_id = read_theme(connection, principal, theme_id).brandspace_id
    read_brandspace(connection, principal, brandspace_id, is_locked=True)
    return read_theme(connection, principal, theme_id)


def _checked_name(connection: Connection, principal: Principal, before: AnyRow, name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise BadInputError(f"name: give 1 to {MAX_NAME} characters")
    others = (row for row in read_themes(connection, principal, before.brandspace_id) if row.merged_into is None)
    if any(row.theme_id != before.theme_id and row.name.casefold() == name.casefold() for row in others):
        raise ConflictError("another theme of this brandspace has this name: merge them, or choose another")
    return name


def _checked_definition(definition: str) -> str:
    definition = definition.strip()
    if len(definition) > MAX_DEFINITION:
        raise BadInputError(f"definition: give at most {MAX_DEFINITION} characters")
    return definition
