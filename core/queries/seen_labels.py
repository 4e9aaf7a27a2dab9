"""The labels an organisation sees: its own corrections in place of the machine's. Whatever counts or filters asks here.

The view ``seen_label`` says the same in one place. It serves where the contents are named; joined with many, PostgreSQL
would first read everybody's labels, so there the tables are joined one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Connection,
    Float,
    FromClause,
    Text,
    and_,
    case,
    column,
    exists,
    func,
    literal,
    select,
    table,
    true,
)

from core.adapters.postgres.schema import ad, content, label, label_overlay
from core.domain.label import UNKNOWN, Outcome, is_visual
from core.errors import NotFoundError

seen_label = table(  # the view of core/migrations/customers.sql; it reads with the rights of whoever asks
    "seen_label",
    column("scope", Text),
    column("content_id", Text),
    column("dimension", Text),
    column("value", Text),
    column("confidence", Float),  # 1 of a correction
    column("outcome", Text),
    column("is_corrected", Boolean),
)

overlay_values: ColumnElement[list[str]] = label_overlay.c["values"]


def is_known(labels: FromClause) -> ColumnElement[bool]:
    """Whether a label says something: read well, and not ``unknown``."""
    return and_(labels.c.outcome == Outcome.OK.value, labels.c.value != UNKNOWN)


def labels_of(contents: CTE, *keys: str) -> CTE:
    """The labels of contents (scope, content_id and ``keys``): a row (keys, dimension, value, known, read) each.

    ``read``: an answer was found, if only that nothing is known. A refusal or a failure is none.
    """
    columns = [contents.c[name] for name in keys]
    corrections = (
        select(label_overlay.c.scope, label_overlay.c.content_id)
        .add_columns(func.array_agg(label_overlay.c.dimension).label("dimensions"))
        .group_by(label_overlay.c.scope, label_overlay.c.content_id)
        .subquery("corrections")
    )  # by content: that is one look for all its labels
    source = contents.outerjoin(corrections, same_content(contents, corrections)).join(
        label, same_content(contents, label)
    )
    was_read: ColumnElement[bool] = label.c.outcome == Outcome.OK.value
    machine = select(*columns, label.c.dimension, label.c.value, is_known(label).label("known"))
    machine = machine.add_columns(was_read.label("read")).select_from(source)
    machine = machine.where((label.c.dimension == func.any(corrections.c.dimensions)).isnot(true()))
    nothing = literal([UNKNOWN], overlay_values.type)
    said = case((func.cardinality(overlay_values) == 0, nothing), else_=overlay_values)
    value = func.unnest(said).table_valued(column("value", Text)).render_derived(name="one")
    corrected = select(*columns, label_overlay.c.dimension, value.c.value, (value.c.value != UNKNOWN).label("known"))
    corrected = corrected.add_columns(true().label("read"))
    source = contents.join(label_overlay, same_content(contents, label_overlay)).join(value, true())
    return machine.union_all(corrected.select_from(source)).cte("labels")


@dataclass(frozen=True, slots=True)
class Said:
    """What labels of an ad hang on now: its words, or its cover. ``ads`` visible ads have the same.

    ``is_there`` is False for an ad without words, or without a picture.
    """

    scope: str
    content_id: str
    is_there: bool
    ads: int


@dataclass(frozen=True, slots=True)
class Seen:
    """The values of one dimension; ``("unknown",)`` where none was found, none at all where nobody has read it yet."""

    values: tuple[str, ...]
    is_corrected: bool


def read_said(connection: Connection, ad_id: str, dimension: str) -> Said:
    """What labels of the dimension hang on. Raises NotFoundError."""
    same = ad.alias("same")
    name = "cover_sha256" if is_visual(dimension) else "content_id"
    is_there: ColumnElement[bool] = ad.c.cover_sha256.isnot(None)
    if not is_visual(dimension):
        is_there = exists().where(same_content(content, ad)).correlate(ad)
    alike = and_(same.c.scope == ad.c.scope, same.c[name] == ad.c[name])
    ads = select(func.count()).select_from(same).where(alike).correlate(ad).scalar_subquery()
    columns = (ad.c.scope, func.coalesce(ad.c[name], "").label("content_id"), is_there.label("is_there"))
    statement = select(*columns, ads.label("ads")).where(ad.c.ad_id == ad_id).prefix_with("/* said */")
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFoundError("there is no such ad, or it isn't yours to see")
    return Said(**row._mapping)


def read_seen(connection: Connection, said: Said, dimension: str) -> Seen:
    """What the organisation sees of one dimension of a content."""
    mine = (seen_label.c.scope == said.scope, seen_label.c.content_id == said.content_id)
    statement = (
        select(seen_label.c.value, seen_label.c.is_corrected, is_known(seen_label).label("known"))
        .where(*mine, seen_label.c.dimension == dimension)
        .order_by(seen_label.c.confidence.desc(), seen_label.c.value)
        .prefix_with("/* seen */")
    )
    rows = connection.execute(statement).all()
    values = tuple(row.value for row in rows if row.known) or ((UNKNOWN,) if rows else ())
    return Seen(values, any(row.is_corrected for row in rows))


def corrected_dimensions(connection: Connection) -> frozenset[str]:
    """Those in which the organisation has corrected anything."""
    rows = connection.execute(select(label_overlay.c.dimension).distinct().prefix_with("/* corrected_dimensions */"))
    return frozenset(rows.scalars())


def same_content(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    """Whether two rows are of one content."""
    return and_(one.c.scope == other.c.scope, one.c.content_id == other.c.content_id)
