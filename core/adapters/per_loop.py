"""Clients of async code: one for each event loop, for their connections belong to the loop that opened them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Makes a client where a loop first asks for one; the loop closes it as it ends.

    ``asyncio.run`` closes the async generators of its loop, after every task and before the loop itself: so nobody has
    to remember to close anything, in whichever thread the loop runs.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        self._make, self._close = make, close
        self._held: dict[asyncio.AbstractEventLoop, tuple[AsyncIterator[T], T]] = {}

    async def get(self) -> T:
        """The client of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._held:
            keeper = self._keep(loop)
            self._held[loop] = (keeper, await anext(keeper))  # doesn't wait: no other task of the loop comes between
        return self._held[loop][1]

    async def _keep(self, loop: asyncio.AbstractEventLoop) -> AsyncIterator[T]:
        client = self._make()
        try:
            yield client
        finally:
            del self._held[loop]
            await self._close(client)
