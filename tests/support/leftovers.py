"""What a call may leave behind: threads, descriptors, slots. Counted here, for tests that want none of it."""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIMIT = 20.0
"""Seconds after which what is waited for has failed: a safety net."""
FOLDER = Path("/proc/self/fd")


def own_threads() -> set[threading.Thread]:
    """The transports' threads that are alive."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("togetherpy-")}


def descriptors() -> list[str]:
    """What the process has open, one name for each."""
    names: list[str] = []
    for entry in FOLDER.iterdir():
        with contextlib.suppress(OSError):  # that of the folder itself, closed by now
            names.append(os.readlink(entry))
    return names


def free_slots(caller: Any) -> int:
    """Of a client of `clients.make` that has made a call."""
    free: int = caller.raw._shared.transport().slots.free
    return free


def waiting_calls(caller: Any) -> int:
    """Calls in the queue of such a client."""
    waiting: int = caller.raw._shared.transport().slots.waiting
    return waiting


def eventually(condition: Callable[[], bool], what: Callable[[], object]) -> None:
    """Waits for what other threads are about to do; `what` says how it stands when they have not done it."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, what()
        time.sleep(0.002)
