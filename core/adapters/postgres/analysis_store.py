"""Analyses on demand: their requests, the state of their brands, and how much of a brand is read."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from core.adapters.postgres.worked_requests import WorkedRequests

ANALYSE = "analyse"


@dataclass(frozen=True, slots=True)
class PostgresAnalyses(WorkedRequests):
    """Their rows in the table ``request``."""

    kind: str = ANALYSE


def mark_analysed(connection: Connection, *, scope: str, brand_slug: str, payer: str) -> None:
    """Somebody has asked for the brand: from now on it is more than collected, and he pays for what comes."""
    statement = text(
        "UPDATE brand SET state = 'analysed', analysed_for = :payer WHERE scope = :scope AND slug = :brand"
        " AND (state <> 'analysed' OR analysed_for IS DISTINCT FROM :payer)"
    )
    connection.execute(statement, {"scope": scope, "brand": brand_slug, "payer": payer})


def is_anybody_waiting(connection: Connection) -> bool:
    """Whether an analysis is asked for or under way, of any organisation."""
    statement = text("SELECT EXISTS (SELECT FROM request WHERE kind = :kind AND status IN ('queued', 'processing'))")
    return bool(connection.execute(statement, {"kind": ANALYSE}).scalar_one())


def cost_of_request(connection: Connection, *, payer: str, request_id: str) -> float:
    """What its calls have cost so far, in USD."""
    statement = text(
        "SELECT coalesce(sum(cost_usd), 0) FROM ai_call WHERE organisation_id = :payer AND request_id = :request"
        " AND called_at >= (SELECT created_at FROM request WHERE request_id = :request)"
    )
    return float(connection.execute(statement, {"payer": payer, "request": request_id}).scalar_one())


def count_texts(connection: Connection, *, scope: str, brand_slug: str) -> tuple[int, int]:
    """The distinct texts of a brand's ads, and how many of them are read in every dimension."""
    statement = text(
        "SELECT count(*) AS texts, count(c.labelled_with) AS read FROM content c JOIN"
        " (SELECT DISTINCT v.content_id FROM ad a JOIN ad_version v USING (ad_id)"
        "  WHERE a.scope = :scope AND a.brand_slug = :brand) AS said USING (content_id) WHERE c.scope = :scope"
    )
    row = connection.execute(statement, {"scope": scope, "brand": brand_slug}).one()
    return row.texts, row.read
