"""How many may do something at once in this process: over all its threads, each of which may run an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    turn: asyncio.Future[None]
    has_it: bool = False


class Turns:
    """``async with turns:`` waits for one of ``most`` places; who came first goes first.

    asyncio's semaphore belongs to one loop, threading's would hold up the loop that waits.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[_Waiter] = deque()
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._free:
                self._free -= 1
                return
            waiter = _Waiter(loop, loop.create_future())
            self._waiting.append(waiter)
        try:
            await waiter.turn
        except BaseException:
            self._leave(waiter)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._pass_on()

    def _leave(self, waiter: _Waiter) -> None:
        """Who is cancelled may have been given the place a moment before."""
        with self._lock:
            if not waiter.has_it:
                self._waiting.remove(waiter)
                return
        self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            while self._waiting:
                waiter = self._waiting.popleft()
                waiter.has_it = True
                try:
                    waiter.loop.call_soon_threadsafe(_wake, waiter.turn)
                except RuntimeError:  # its loop was closed without waiting for it
                    continue
                return
            self._free += 1


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
