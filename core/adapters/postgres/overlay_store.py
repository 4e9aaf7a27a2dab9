"""Writes to the overlays: what an organisation says instead of the shared layer. Nobody else's rows are touched."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from core.domain.principal import Principal


def put_label_overlay(
    connection: Connection, principal: Principal, *, scope: str, content_id: str, dimension: str, values: Sequence[str]
) -> None:
    """Instead of the machine's values of a dimension, and of an earlier correction."""
    connection.execute(
        text(
            "INSERT INTO label_overlay (organisation_id, scope, content_id, dimension, values, corrected_by)"
            " VALUES (:organisation, :scope, :content, :dimension, :values, :by)"
            " ON CONFLICT (organisation_id, scope, content_id, dimension) DO UPDATE"
            " SET values = excluded.values, corrected_by = excluded.corrected_by, corrected_at = now()"
        ),
        {
            "organisation": principal.organisation_id,
            "scope": scope,
            "content": content_id,
            "dimension": dimension,
            "values": list(values),
            "by": principal.actor,
        },
    )


def delete_label_overlay(
    connection: Connection, principal: Principal, *, scope: str, content_id: str, dimension: str
) -> bool:
    """Whether there was one."""
    statement = text(
        "DELETE FROM label_overlay WHERE organisation_id = :organisation AND scope = :scope"
        " AND content_id = :content AND dimension = :dimension"
    )
    organisation = principal.organisation_id
    values = {"organisation": organisation, "scope": scope, "content": content_id, "dimension": dimension}
    return bool(connection.execute(statement, values).rowcount)


def put_brand_name(connection: Connection, principal: Principal, *, slug: str, name: str) -> None:
    """The name under which the organisation sees a brand."""
    connection.execute(
        text(
            "INSERT INTO brand_overlay (organisation_id, slug, display_name, corrected_by)"
            " VALUES (:organisation, :slug, :name, :by) ON CONFLICT (organisation_id, slug) DO UPDATE"
            " SET display_name = excluded.display_name, corrected_by = excluded.corrected_by, corrected_at = now()"
        ),
        {"organisation": principal.organisation_id, "slug": slug, "name": name, "by": principal.actor},
    )


def delete_brand_name(connection: Connection, principal: Principal, *, slug: str) -> bool:
    """Whether there was one."""
    statement = text("DELETE FROM brand_overlay WHERE organisation_id = :organisation AND slug = :slug")
    values = {"organisation": principal.organisation_id, "slug": slug}
    return bool(connection.execute(statement, values).rowcount)
