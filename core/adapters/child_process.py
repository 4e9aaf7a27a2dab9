"""Child processes that never outlive their purpose."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

import psutil

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def die_with_parent(how: signal.Signals) -> Callable[[], None]:
    """A ``preexec_fn`` after which the kernel sends ``how`` to the child when its parent is gone, even by kill -9.

    Linux only; elsewhere it does nothing. The parent must start the child from a thread that lives as long as it does.
    """

    def ask_the_kernel() -> None:
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(how))

    return ask_the_kernel


def end_process(
    process: subprocess.Popen[bytes] | psutil.Process, steps: Sequence[tuple[signal.Signals, float]]
) -> None:
    """Send each signal and wait its seconds until the process is gone; SIGKILL if it outlasts them all."""
    for how, seconds in (*steps, (signal.SIGKILL, 10.0)):
        try:
            process.send_signal(how)
            process.wait(seconds)
        except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
            continue
        except psutil.NoSuchProcess:
            pass
        return
