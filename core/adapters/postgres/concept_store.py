"""Writes to the overlays of concepts: where an organisation wants a variant, which concepts are one to it.

``merged_into`` is what somebody said; ``into_concept_id`` where that leads, so that readers look once.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from core.domain.principal import Principal


def hold_concepts(connection: Connection, principal: Principal) -> None:
    """Until the transaction ends nobody else corrects concepts of the organisation: two merges never form a ring."""
    statement = text("SELECT pg_advisory_xact_lock(hashtextextended(concat_ws('|', 'corrections', :organisation), 0))")
    connection.execute(statement, {"organisation": principal.organisation_id})


def put_split(
    connection: Connection, principal: Principal, *, scope: str, variant_ids: Sequence[str], concept_id: str
) -> None:
    """The organisation sees the variants in this concept, whatever the machine says."""
    connection.execute(
        text(
            "INSERT INTO concept_split (organisation_id, scope, variant_id, concept_id, corrected_by)"
            " SELECT :organisation, :scope, variant_id, :concept, :by FROM unnest(CAST(:ids AS text[])) AS variant_id"
            " ON CONFLICT (organisation_id, scope, variant_id) DO UPDATE SET concept_id = excluded.concept_id,"
            " corrected_by = excluded.corrected_by, corrected_at = now()"
        ),
        _who(principal) | {"scope": scope, "ids": list(variant_ids), "concept": concept_id},
    )


def delete_split(connection: Connection, principal: Principal, variant_ids: Sequence[str]) -> list[str]:
    """Take back where the variants were put; returns those that had been put anywhere."""
    statement = text(
        "DELETE FROM concept_split WHERE organisation_id = :organisation AND variant_id = ANY(:ids)"
        " RETURNING variant_id"
    )
    return sorted(connection.execute(statement, _who(principal) | {"ids": list(variant_ids)}).scalars())


def put_merge(connection: Connection, principal: Principal, *, concept_id: str, into: str) -> None:
    """``concept_id`` and all that were merged into it are ``into``; neither of the two is merged into another yet."""
    values = _who(principal) | {"concept": concept_id, "into": into}
    connection.execute(
        text(
            "INSERT INTO concept_merge (organisation_id, concept_id, merged_into, into_concept_id, corrected_by)"
            " VALUES (:organisation, :concept, :into, :into, :by)"
        ),
        values,
    )
    connection.execute(
        text(
            "UPDATE concept_merge SET into_concept_id = :into"
            " WHERE organisation_id = :organisation AND into_concept_id = :concept"
        ),
        values,
    )


def delete_merge(connection: Connection, principal: Principal, concept_id: str) -> str | None:
    """Take back a merge; what had been merged into ``concept_id`` goes with it. Returns where that had led."""
    values = _who(principal) | {"concept": concept_id}
    statement = text(
        "DELETE FROM concept_merge WHERE organisation_id = :organisation AND concept_id = :concept"
        " RETURNING into_concept_id"
    )
    into: str | None = connection.execute(statement, values).scalar_one_or_none()
    connection.execute(
        text(
            "WITH RECURSIVE below (concept_id) AS ("
            "  SELECT concept_id FROM concept_merge WHERE organisation_id = :organisation AND merged_into = :concept"
            "  UNION SELECT m.concept_id FROM concept_merge m JOIN below b ON m.merged_into = b.concept_id"
            "   WHERE m.organisation_id = :organisation)"
            " UPDATE concept_merge m SET into_concept_id = :concept FROM below b"
            " WHERE m.organisation_id = :organisation AND m.concept_id = b.concept_id"
        ),
        values,
    )
    return into


def _who(principal: Principal) -> dict[str, str]:
    return {"organisation": principal.organisation_id, "by": principal.actor}
