"""Pages of groups of ads with the totals over all groups, in one pass: counting them again would cost as much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, Connection, Date, Integer, literal, select, true, tuple_

from core.errors import BadInputError
from core.queries.pages import AnyRow, Page, checked_limit, decode_cursor, make_page, number_in, time_in

# Sort name → (column of the groups, its type). All descend; ties go by the groups' identity.
_SORTS: dict[str, tuple[str, type[Date] | type[Integer]]] = {
    "most_ads": ("ads", Integer),
    "newest": ("first_seen", Date),
    "last_seen": ("last_seen", Date),
}
GROUP_SORTS = tuple(_SORTS)


@dataclass(frozen=True, slots=True)
class GroupPage:
    """Which page of the groups: ``sort`` is one of ``GROUP_SORTS``. Raises BadInputError."""

    cursor: str | None = None
    limit: int = 50
    sort: str = "most_ads"

    def __post_init__(self) -> None:
        checked_limit(self.limit)
        if self.sort not in _SORTS:
            raise BadInputError(f"sort: use {', '.join(GROUP_SORTS)}")


FIRST_PAGE = GroupPage()


def read_groups(
    connection: Connection,
    groups: CTE,
    totals: Sequence[ColumnElement[Any]],
    wanted: GroupPage,
    *,
    identity: Sequence[str],
    question: object,
    comment: str,
) -> tuple[AnyRow, Page[AnyRow]]:
    """One row of totals and a page of groups.

    ``groups`` has the columns ads, first_seen, last_seen and those of ``identity``; ``totals`` are scalar.
    """
    asked = (question, wanted.sort)
    position = decode_cursor(wanted.cursor, asked, parts=1 + len(identity))
    name, kind = _SORTS[wanted.sort]
    order = [groups.c[name], *(groups.c[part] for part in identity)]
    page = select(groups, literal(1).label("is_group")).order_by(*(column.desc() for column in order))
    if position is not None:
        value = time_in(position[0]).date() if kind is Date else number_in(position[0])
        there = tuple_(literal(value, kind), *(literal(part) for part in position[1:]))
        page = page.where(tuple_(*order) < there)
    shown = page.limit(wanted.limit + 1).subquery("page")
    total = select(*totals).subquery("total")
    statement = select(total, shown).select_from(total.outerjoin(shown, true()))
    ordered = statement.order_by(*(shown.c[column.name].desc() for column in order))
    rows = connection.execute(ordered.prefix_with(f"/* {comment} */")).all()
    found = [row for row in rows if row.is_group]
    keys = (name, *identity)
    return rows[0], make_page(
        found, wanted.limit, question=asked, key=lambda row: [getattr(row, column) for column in keys]
    )
