"""How far the reading of one dimension has come, content by content: what is known, and why the rest isn't."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ARRAY, CTE, ColumnElement, Text, and_, case, cast, func, literal, or_, select

from core.adapters.postgres.schema import content, label, label_overlay
from core.domain.label import Outcome, is_visual
from core.queries.seen_labels import is_known, overlay_values, same_content

# Every content is in exactly one of these; where several contents are one unit, the first that any of them has counts.
KNOWN: Final = "known"
UNKNOWN: Final = "unknown"  # read, and nothing was found
PENDING: Final = "pending"
FAILED: Final = "failed"  # asked; the answer was cut short, made no sense or never came
REFUSED: Final = "refused"  # a model would not answer
NOT_ASKED: Final = "not_asked"  # read by a taxonomy that lacked the dimension
WITHOUT: Final = "without_text"  # nothing to read: no text, or of a visual dimension no picture
STATES: Final = (KNOWN, UNKNOWN, PENDING, FAILED, REFUSED, NOT_ASKED, WITHOUT)
_LOST = (Outcome.TRUNCATED.value, Outcome.INVALID.value, Outcome.FAILED.value)


def states_of(said: CTE, dimension: str) -> CTE:
    """(scope, subject) of ``said`` → state and the ``known`` values (NULL: none) that the organisation sees.

    A subject is a content of words, or of a visual dimension the hash of a cover ("" of an ad without).
    """
    subjects = select(said.c.scope, said.c.subject.label("content_id")).distinct().cte()
    mine = and_(same_content(label, subjects), label.c.dimension == dimension)
    ours = and_(
        label_overlay.c.organisation_id == func.current_scope(),
        same_content(label_overlay, subjects),
        label_overlay.c.dimension == dimension,
    )  # at most one
    source = subjects.outerjoin(content, same_content(content, subjects)).outerjoin(label, mine)
    corrected = func.nullif(overlay_values, cast([], ARRAY(Text)))
    known = case(
        (label_overlay.c.content_id.isnot(None), corrected),
        else_=func.array_agg(label.c.value).filter(is_known(label)),
    )
    asked = (content.c.content_id, content.c.asked_at, content.c.asked_dimensions, content.c.labelled_with)
    return (
        select(subjects.c.scope, subjects.c.content_id.label("subject"))
        .add_columns(_state(subjects, dimension, known).label("state"), known.label("known"))
        .select_from(source.outerjoin(label_overlay, ours))
        .group_by(subjects.c.scope, subjects.c.content_id, *asked, content.c.outcome)
        .group_by(label_overlay.c.content_id, overlay_values)
        .cte()
    )


def overall_states_of(said: CTE) -> CTE:
    """(scope, subject) of ``said`` → how far the reading of words has come in all dimensions together.

    ``KNOWN`` stands for labelled: every dimension is decided, whatever was found.
    """
    subjects = select(said.c.scope, said.c.subject.label("content_id")).distinct().cte()
    refused, lost = content.c.outcome == Outcome.REFUSED.value, content.c.outcome.in_(_LOST)
    state = case(
        (content.c.content_id.is_(None), WITHOUT),
        (refused, REFUSED),
        (lost, FAILED),
        (and_(content.c.asked_at.isnot(None), content.c.outcome.is_(None)), PENDING),
        (content.c.labelled_with.isnot(None), KNOWN),
        else_=PENDING,
    )
    source = subjects.outerjoin(content, same_content(content, subjects))
    columns = (subjects.c.scope, subjects.c.content_id.label("subject"), state.label("state"))
    return select(*columns).select_from(source).cte()


def _state(subjects: CTE, dimension: str, known: ColumnElement[object]) -> ColumnElement[str]:
    """A correction counts before the machine, a label before what became of its content."""
    dimensions = content.c.asked_dimensions  # none: all
    is_among = or_(func.cardinality(dimensions) == 0, literal(dimension) == func.any(dimensions))
    was_asked = and_(content.c.asked_at.isnot(None), is_among)
    return case(
        (known.isnot(None), KNOWN),
        (or_(label_overlay.c.content_id.isnot(None), _has_label(Outcome.OK.value)), UNKNOWN),
        (_has_label(Outcome.REFUSED.value), REFUSED),
        (_has_label(*_LOST), FAILED),
        (_is_nothing(subjects, dimension), WITHOUT),
        (and_(was_asked, content.c.outcome == Outcome.REFUSED.value), REFUSED),
        (and_(was_asked, content.c.outcome.in_(_LOST)), FAILED),
        (and_(was_asked, content.c.outcome.is_(None)), PENDING),
        (content.c.labelled_with.isnot(None), NOT_ASKED),
        else_=PENDING,
    )


def _has_label(*outcomes: str) -> ColumnElement[bool]:
    return func.count(label.c.value).filter(label.c.outcome.in_(outcomes)) > 0


def _is_nothing(subjects: CTE, dimension: str) -> ColumnElement[bool]:
    """Words are there with their content; a cover is there before anybody has read it."""
    return subjects.c.content_id == literal("") if is_visual(dimension) else content.c.content_id.is_(None)
