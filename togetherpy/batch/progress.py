"""How far a run is, on standard error.

In: a run's counts, now and then. Out: a bar (where tqdm is installed), one line rewritten on a terminal, or a line
every ten seconds elsewhere. The rule: standard output is for results; what cannot be shown stops nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TextIO

EVERY = 0.2
"""Seconds between looks, on a terminal."""
SELDOM = 10.0
"""Elsewhere."""
_WINDOW = 30.0
"""Seconds over which rates are taken."""
_CLEAR = "\r\x1b[K"
_RED, _PLAIN = "\x1b[31m", "\x1b[0m"


class Shown(Protocol):
    """What can be shown."""

    @property
    def done(self) -> int:
        """Rows that need nothing more."""
        ...

    @property
    def total(self) -> int | None:
        """Rows in all, where that is known."""
        ...

    @property
    def skipped(self) -> int:
        """Rows that were done at the beginning."""
        ...

    @property
    def tokens(self) -> int:
        """That were used."""
        ...

    def line(self, rows_rate: float, tokens_rate: float, *, color: bool = False) -> str:
        """All of it in one line."""
        ...

    def note(self, tokens_rate: float) -> str:
        """What is said beside a bar."""
        ...


class Standing(NamedTuple):
    """How a run stands."""

    rows: int
    """Read, those included that were finished before."""
    skipped: int
    good: int
    failed: int
    tokens: int
    in_flight: int
    limit: int
    total: int | None

    @property
    def done(self) -> int:
        """Rows that need nothing more."""
        return self.skipped + self.good + self.failed

    def line(self, rows_rate: float, tokens_rate: float, *, color: bool = False) -> str:
        """All of it in one line."""
        of = f"/{self.total}" if self.total is not None else ""
        failed = f"{self.failed} failed"
        if color and self.failed:
            failed = f"{_RED}{failed}{_PLAIN}"
        parts = [
            f"{self.done}{of} rows",
            failed,
            f"{self.in_flight} in flight (limit {self.limit})",
            f"{rows_rate:.1f} rows/s",
            f"{tokens_rate:.0f} tokens/s",
        ]
        if self.total is not None and rows_rate > 0:
            parts.append(f"ETA {clock((self.total - self.done) / rows_rate)}")
        return ", ".join(parts)

    def note(self, tokens_rate: float) -> str:
        """What is said beside a bar."""
        return f"{self.failed} failed, {self.in_flight} in flight (limit {self.limit}), {tokens_rate:.0f} tokens/s"


class Rates:
    """Rows and tokens a second, of late."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int]] = deque()

    def add(self, now: float, standing: Shown) -> tuple[float, float]:
        """The rates at `now`."""
        asked = standing.done - standing.skipped
        self._seen.append((now, asked, standing.tokens))
        while len(self._seen) > 2 and self._seen[0][0] < now - _WINDOW:
            self._seen.popleft()
        then, rows, tokens = self._seen[0]
        seconds = now - then
        if seconds <= 0:
            return 0.0, 0.0
        return (asked - rows) / seconds, (standing.tokens - tokens) / seconds


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


class Progress:
    """Shows how something stands: from `begin` to `end` by the timers of an event loop, and when `show` is called."""

    def __init__(self, standing: Callable[[], Shown], stream: TextIO | None = None) -> None:
        """`standing`: called for how it stands."""
        self._standing = standing
        self._stream: TextIO | None = stream or sys.stderr  # None when it was closed before we began
        self._terminal = self._stream is not None and self._stream.isatty()
        self._color = self._terminal and not os.environ.get("NO_COLOR")
        self._rates = Rates()
        self._bar = _make_bar(self._stream) if self._terminal else None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """On the running loop."""
        self._rates.add(time.monotonic(), self._standing())
        self._again()

    def _again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY if self._terminal else SELDOM, self._tick)

    def _tick(self) -> None:
        self.show()
        self._again()

    def show(self) -> None:
        """Now."""
        standing = self._standing()
        rates = self._rates.add(time.monotonic(), standing)
        if self._bar is not None:
            _set_bar(self._bar, standing, rates)
            return
        line = standing.line(*rates, color=self._color)
        self._write(f"{_CLEAR}{line}" if self._terminal else f"{line}\n")

    def end(self, *, shown: bool = False) -> None:
        """The last look; `shown`: it was shown already."""
        if self._timer is not None:
            self._timer.cancel()
        if not shown:
            self.show()
        if self._bar is not None:
            self._bar.close()
        elif self._terminal:
            self._write("\n")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.write(text)
                self._stream.flush()


def _make_bar(stream: TextIO | None) -> Any:
    try:
        from tqdm import tqdm  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        return None
    return tqdm(file=stream, unit=" rows", dynamic_ncols=True)


def _set_bar(bar: Any, standing: Shown, rates: tuple[float, float]) -> None:
    if bar.n == 0 and standing.skipped:
        bar.initial = standing.skipped
    bar.total, bar.n = standing.total, standing.done
    bar.set_postfix_str(standing.note(rates[1]), refresh=False)
    bar.refresh()
