"""Labels corrected by people: an overlay of their organisation, which no later run of the machine changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.access.rights import require
from core.adapters.postgres import overlay_store as store
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Connection, Database
from core.ai.taxonomy import Taxonomy
from core.domain.label import LANGUAGE, UNKNOWN, is_visual
from core.domain.principal import Permission, Principal
from core.errors import BadInputError, ConflictError
from core.queries.seen_labels import Said, read_said, read_seen

_LANGUAGE_CODE = re.compile(r"[a-z]{2}")


@dataclass(frozen=True, slots=True)
class SeenLabel:
    """What the organisation sees of one dimension of an ad.

    A label belongs to what an ad says or shows: ``ads`` visible ads have the same now, and are corrected with it.
    """

    dimension: str
    values: tuple[str, ...]
    is_corrected: bool
    ads: int


def correct_label(
    database: Database, principal: Principal, taxonomy: Taxonomy, ad_id: str, *, dimension: str, values: Sequence[str]
) -> SeenLabel:
    """Say what the current text of an ad says; ``["unknown"]`` says that nothing decides.

    Raises NotFoundError (ad), BadInputError for a dimension or value that isn't the taxonomy's, and ConflictError for
    an ad that has no text (for visual dimensions: no picture).
    """
    require(principal, Permission.WRITE)
    checked = checked_values(taxonomy, dimension, values)
    with database.writer(principal) as connection:
        said = _subject_of(connection, ad_id, dimension)
        before = read_seen(connection, said, dimension)
        kept = () if checked == (UNKNOWN,) else checked
        key = {"scope": said.scope, "content_id": said.content_id, "dimension": dimension}
        store.put_label_overlay(connection, principal, **key, values=kept)
        record(connection, principal, "label.correct", ad_id, **key, values=checked, values_before=before.values)
        return _seen(connection, said, dimension)


def take_correction_back(database: Database, principal: Principal, ad_id: str, *, dimension: str) -> SeenLabel:
    """See the machine's label again; twice is once. Raises NotFoundError (ad) and ConflictError (nothing to label)."""
    require(principal, Permission.WRITE)
    with database.writer(principal) as connection:
        said = _subject_of(connection, ad_id, dimension)
        before = read_seen(connection, said, dimension)
        key = {"scope": said.scope, "content_id": said.content_id, "dimension": dimension}
        if store.delete_label_overlay(connection, principal, **key):
            record(connection, principal, "label.take_back", ad_id, **key, values_before=before.values)
        return _seen(connection, said, dimension)


def _subject_of(connection: Connection, ad_id: str, dimension: str) -> Said:
    said = read_said(connection, ad_id, dimension)
    if not said.is_there:
        what = "picture" if is_visual(dimension) else "text"
        raise ConflictError(f"this ad has no {what}: labels belong to what an ad says and shows; nothing to correct")
    return said


def _seen(connection: Connection, said: Said, dimension: str) -> SeenLabel:
    seen = read_seen(connection, said, dimension)
    return SeenLabel(dimension, seen.values, seen.is_corrected, said.ads)


def checked_values(taxonomy: Taxonomy, dimension: str, values: Sequence[str]) -> tuple[str, ...]:
    """The distinct values, if a dimension may have them. Raises BadInputError naming what is accepted."""
    given = tuple(dict.fromkeys(values))
    if not given:
        raise BadInputError('values: name at least one; ["unknown"] says that nothing in the text decides')
    if dimension == LANGUAGE:
        if len(given) > 1 or not (given[0] == UNKNOWN or _LANGUAGE_CODE.fullmatch(given[0])):
            raise BadInputError('values: one language as two letters of ISO 639-1, for example ["ko"]')
        return given
    asked = taxonomy.dimensions.get(dimension)
    if asked is None:
        raise BadInputError(f"there is no such dimension: use {', '.join([*taxonomy.dimensions, LANGUAGE])}")
    if strange := [value for value in given if value not in asked.allowed]:
        raise BadInputError(f"values: {strange[0][:40]!r} is none of {', '.join(sorted(asked.allowed))}")
    alone = (
        given if asked.cardinality == "single" else [value for value in given if value in (UNKNOWN, asked.otherwise)]
    )
    if len(given) > 1 and alone:
        raise BadInputError(f"values: {alone[0]!r} stands alone in {dimension}: give it, or the others")
    return given
