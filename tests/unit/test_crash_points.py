"""Named places where a process may die."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from core.crash_points import CRASH_STATUS, arm, crash_point, watch
from core.errors import BadInputError


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    watch(None)


def forked(action: Callable[[], None]) -> int:
    """The exit status of a child that does it; minus the signal that stopped or ended it."""
    child = os.fork()
    if not child:
        action()
        os._exit(0)
    _, status = os.waitpid(child, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return -os.WSTOPSIG(status)
    return os.waitstatus_to_exitcode(status)


def pass_twice() -> None:
    crash_point("commit.begun")
    crash_point("commit.written")
    crash_point("commit.begun")


def test_nothing_happens_where_nobody_armed_one() -> None:
    assert forked(pass_twice) == 0


@pytest.mark.parametrize(("hit", "status"), [(1, CRASH_STATUS), (2, CRASH_STATUS), (3, 0)])
def test_the_process_ends_at_the_passage_that_was_asked_for(hit: int, status: int) -> None:
    arm("commit.begun", hit=hit)
    assert forked(pass_twice) == status


def test_children_count_their_passages_together() -> None:
    """So the worker that a server starts again in place of the dead one lives."""
    arm("commit.written", hit=2)
    assert [forked(pass_twice) for _ in range(3)] == [0, CRASH_STATUS, 0]


def test_the_process_stands_still_where_that_was_asked_for() -> None:
    arm("commit.begun", stop=True)
    assert forked(pass_twice) == -signal.SIGSTOP


def test_a_point_there_is_not_is_refused() -> None:
    with pytest.raises(BadInputError, match="no crash point"):
        arm("commit.forgotten")
