"""Asking about one content, as long as it is ours and something may come of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from core.ai.methods.base import Asker, Exchange
from core.errors import ConflictError, TerminalError
from core.ports import ModelRequest

MOST_CALLS = 6  # of one method about one content, which asks twice at most: three times in vain


class NotOursError(ConflictError):
    """Somebody else has the content, or it is to be asked about anew."""


@dataclass(frozen=True, slots=True)
class WhileOurs:
    """An ``Asker`` that pays for nothing once the claim, renewed before each call, is lost; and not without end.

    ``paid_calls``: of a method about this content since it was asked for.
    """

    asker: Asker
    renew: Callable[[], bool]
    paid_calls: Callable[[str], int]

    async def ask(self, request: ModelRequest) -> Exchange:
        """Raises NotOursError, and TerminalError after calls that came to nothing: the content ends as failed."""
        if not await asyncio.to_thread(self.renew):
            raise NotOursError("the content isn't ours any more")
        if await asyncio.to_thread(self.paid_calls, request.schema_name) >= MOST_CALLS:
            raise TerminalError(f"{MOST_CALLS} calls were paid for and nothing came of them")
        return await self.asker.ask(request)
