"""What an organisation is ready to spend on models a day: set by its owners, held by the ledger."""

from __future__ import annotations

import math
from typing import Final

from core.access.rights import require
from core.adapters.postgres.ai_ledger import room_today, set_budget
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.domain.principal import Permission, Principal
from core.errors import BadInputError

MOST_USD: Final = 100_000.0


def put_budget(database: Database, principal: Principal, *, usd_per_day: float, default_usd_per_day: float) -> None:
    """From now on, today among it; 0 stops every call that costs. Raises BadInputError and NotAllowedError."""
    require(principal, Permission.ADMIN)
    if not math.isfinite(usd_per_day) or not 0 <= usd_per_day <= MOST_USD:
        raise BadInputError(f"give a budget from 0 to {MOST_USD:,.0f} USD a day")
    with database.writer(principal) as connection:
        before = room_today(connection, principal.organisation_id, default_usd_per_day)
        set_budget(connection, principal.organisation_id, usd_per_day, principal.actor)
        usd_before = float(before.budget_usd)
        record(connection, principal, "budget.set", principal.organisation_id, usd=usd_per_day, usd_before=usd_before)
