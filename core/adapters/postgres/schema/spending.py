"""What models cost: the ledger of calls, and the budgets that stop them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Float,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    text,
)

from core.adapters.postgres.schema.columns import json_column, metadata, text_column, time_column

_usd = Numeric(14, 8)

ai_call = Table(
    "ai_call",
    metadata,
    Column("ai_call_id", BigInteger, autoincrement=True, nullable=False),
    text_column("organisation_id"),  # who pays
    text_column("request_id", nullable=True),  # who waits
    text_column("scope"),
    text_column("brand_slug", nullable=True),
    text_column("content_id", nullable=True),
    text_column("method"),
    text_column("provider"),
    text_column("model"),
    text_column("outcome"),  # of the call: ok | refused | truncated | failed; whether it was valid, the content says
    Column("input_tokens", Integer, nullable=False, server_default=text("0")),
    Column("cached_tokens", Integer, nullable=False, server_default=text("0")),
    Column("output_tokens", Integer, nullable=False, server_default=text("0")),
    Column("cost_usd", _usd, nullable=False, server_default=text("0")),  # below 0: what was booked too much before
    text_column("prices"),  # the date of the price file
    Column("seconds", Float, nullable=False),
    text_column("vendor_request_id", nullable=True),
    time_column("called_at"),
    PrimaryKeyConstraint("ai_call_id"),
    CheckConstraint("input_tokens >= 0 AND cached_tokens >= 0 AND output_tokens >= 0", name="ck_ai_call_tokens"),
    Index("ix_ai_call_organisation", "organisation_id", "called_at"),
    Index("ix_ai_call_content", "organisation_id", "scope", "content_id"),
)

ai_budget = Table(
    "ai_budget",
    metadata,
    text_column("organisation_id"),
    Column("usd_per_day", _usd, nullable=False),
    text_column("set_by"),
    time_column("set_at"),
    PrimaryKeyConstraint("organisation_id"),
    CheckConstraint("usd_per_day >= 0", name="ck_ai_budget_usd"),
)

# One row a day, locked for a moment by each call: spent + reserved never passes the budget.
ai_spending = Table(
    "ai_spending",
    metadata,
    text_column("organisation_id"),
    Column("day", Date, nullable=False),  # UTC
    Column("spent_usd", _usd, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("organisation_id", "day"),
    CheckConstraint("spent_usd >= 0", name="ck_ai_spending_usd"),
)

ai_reservation = Table(
    "ai_reservation",
    metadata,
    text_column("reservation_id"),
    text_column("organisation_id"),
    Column("day", Date, nullable=False),
    Column("most_usd", _usd, nullable=False),  # what the call can cost at most
    json_column("call"),  # what it is for, as the ledger will say
    time_column("expires_at"),  # a process that died never settles: then the most is booked as spent
    PrimaryKeyConstraint("reservation_id"),
    CheckConstraint("most_usd >= 0", name="ck_ai_reservation_usd"),
    Index("ix_ai_reservation_day", "organisation_id", "day"),
)
