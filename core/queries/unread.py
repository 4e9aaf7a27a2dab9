"""How much of a brand no model has read: what an analysis would have read, for a quote."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Unread:
    """Contents, and about how many tokens their words have (four ASCII letters each, one of any other script)."""

    texts: int
    pictures: int
    tokens: int
    picture_tokens: int  # of the words that stand on the pictures


def count_unread(connection: Connection, brand_slug: str, *, again: bool) -> Unread:
    """Of every scope the reader sees; ``again``: read or not."""
    # A letter of two bytes or more has one or two bytes above one: 1.5 on the mean. Only the first 5,000 are read.
    statement = text(
        "WITH said AS (SELECT a.scope, v.content_id FROM ad a JOIN ad_version v USING (ad_id)"
        "   WHERE a.brand_slug = :brand"
        "   UNION SELECT a.scope, a.cover_sha256 FROM ad a JOIN image_reading r"
        "   ON r.scope = a.scope AND r.sha256 = a.cover_sha256"
        "   WHERE a.brand_slug = :brand AND r.thumbnail_sha256 IS NOT NULL),"
        " unread AS (SELECT c.kind, char_length(left(c.text, 5000)) AS letters,"
        "   (octet_length(left(c.text, 5000)) - char_length(left(c.text, 5000))) / 1.5 AS others"
        "   FROM content c JOIN said USING (scope, content_id) WHERE :again OR c.outcome IS NULL)"
        " SELECT count(*) FILTER (WHERE kind = 'words'), count(*) FILTER (WHERE kind = 'picture'),"
        "   coalesce(sum((letters - others) / 4 + others) FILTER (WHERE kind = 'words'), 0),"
        "   coalesce(sum((letters - others) / 4 + others) FILTER (WHERE kind = 'picture'), 0)"
        " FROM unread /* count_unread */"
    )
    texts, pictures, tokens, picture_tokens = connection.execute(statement, {"brand": brand_slug, "again": again}).one()
    return Unread(texts, pictures, round(tokens), round(picture_tokens))
