"""What a process and all that it has started take: engines work in many processes, and not all of them are children.

In: a mark that stands in the environment of the first process, and so in that of every later one. Out: the CPU time and
the memory of all that bear it.
The rule: looked at ten times a second, so what a process did in its last tenth of a second is not counted when it ends
before the engine does. Linux only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

MARK = "TOGETHERPY_BENCHMARK"
_INTERVAL = 0.1
_SETTLED = 10.0
"""Seconds for which a process is looked at again: it begins with the environment of the one that starts it."""

Key = tuple[int, bytes]
"""A process: its number, and when it started."""


class Tree:
    """The processes whose environment bears a mark, watched for the length of a `with`; then those left are ended."""

    def __init__(self, mark: str) -> None:
        self._mark = f"{MARK}={mark}".encode()
        self._cpu: dict[Key, int] = {}
        self._seen: dict[Key, float] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak = 0
        """Bytes that were theirs alone, together, at most."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for (pid, _), _ in self._alive():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _watch(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self.look()

    def look(self) -> float:
        """Seconds of CPU that all have taken until now, those included that have ended."""
        with self._lock:
            memory = 0
            for key, ticks in self._alive():
                self._cpu[key] = ticks
                memory += _private(key[0])
            self.peak = max(self.peak, memory)
            return sum(self._cpu.values()) / os.sysconf("SC_CLK_TCK")

    def _alive(self) -> Iterator[tuple[Key, int]]:
        """Those that bear the mark, with their ticks of CPU."""
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = Path("/proc", str(int(name)), "stat").read_bytes().rpartition(b")")[2].split()
                key = int(name), fields[19]
                if self._bears(key):
                    yield key, int(fields[11]) + int(fields[12])

    def _bears(self, key: Key) -> bool:
        if key in self._cpu:
            return True
        now = time.monotonic()
        if now > self._seen.setdefault(key, now) + _SETTLED:
            return False
        return self._mark in Path(f"/proc/{key[0]}/environ").read_bytes().split(b"\0")


def _private(pid: int) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", "rb") as status:
        for line in status:
            if line.startswith(b"RssAnon"):
                return int(line.split()[1]) * 1024
    return 0
