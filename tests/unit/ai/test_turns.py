"""A bound over all threads and their event loops."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.ai.turns import Turns


class Crowd:
    """Counts who is inside, over all threads."""

    def __init__(self) -> None:
        self.lock, self.inside, self.most = threading.Lock(), 0, 0

    async def visit(self, turns: Turns) -> None:
        async with turns:
            with self.lock:
                self.inside += 1
                self.most = max(self.most, self.inside)
            await asyncio.sleep(0.001)
            with self.lock:
                self.inside -= 1


def test_never_more_at_once_than_there_are_places_over_all_loops() -> None:
    turns, crowd = Turns(3), Crowd()

    async def batch() -> None:
        await asyncio.gather(*(crowd.visit(turns) for _ in range(20)))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: asyncio.run(batch()), range(4)))

    assert (crowd.most, crowd.inside) == (3, 0)


def test_who_came_first_goes_first() -> None:
    turns, order = Turns(1), []

    async def visit(number: int) -> None:
        async with turns:
            order.append(number)
            await asyncio.sleep(0)

    async def all_of_them() -> None:
        await asyncio.gather(*map(visit, range(9)))

    asyncio.run(all_of_them())
    assert order == list(range(9))


@pytest.mark.parametrize("settled", [False, True], ids=["while waiting", "just as the turn was given"])
def test_a_place_is_not_lost_with_who_is_cancelled(settled: bool) -> None:
    turns = Turns(1)

    async def story() -> None:
        async with turns:
            waiting = asyncio.create_task(turns.__aenter__())
            await asyncio.sleep(0)
            if not settled:
                waiting.cancel()
        waiting.cancel()  # in the second story its turn has come, but it hasn't woken yet
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(1), turns:
            pass

    asyncio.run(story())


def test_a_place_is_not_lost_with_a_loop_that_was_closed_on_those_who_waited() -> None:
    turns = Turns(1)

    async def story() -> None:
        async with turns:
            loop = asyncio.new_event_loop()
            abandoned = turns.__aenter__()
            await asyncio.to_thread(_start_and_close, loop, abandoned)
        async with asyncio.timeout(1), turns:
            pass
        abandoned.close()

    def _start_and_close(loop: asyncio.AbstractEventLoop, waiting: object) -> None:
        async def start() -> None:
            waiting.send(None)  # type: ignore[attr-defined]

        loop.run_until_complete(start())
        loop.close()

    asyncio.run(story())
