"""How long the reader of an open body waits for what comes next.

In: the limits of a call, and when its time is over. Out: deadlines, and which limit it was that ran out.
The rule: what opens a body may take as long as the call has; from then on each silence has a limit of its own.
"""

from __future__ import annotations

from togetherpy.types._timeout import Timeout


class Patience:
    """Of one body."""

    __slots__ = ("_idle", "_opening", "_timeout", "begun")

    def __init__(self, timeout: Timeout, opening: float) -> None:
        """`opening`: until when the first content may come, on the monotonic clock."""
        self._timeout, self._opening = timeout, opening
        self._idle = min(timeout.total, timeout.stream_idle)
        self.begun: bool = False
        """The first content has come."""

    def deadline(self, now: float) -> float:
        """Until when the next content may come."""
        return now + self._idle if self.begun else self._opening

    @property
    def limit(self) -> str:
        """What bounds the present silence."""
        idle, total = self._timeout.stream_idle, self._timeout.total
        return f"Timeout(stream_idle={idle:g})" if self.begun and idle <= total else f"timeout={total:g} s"
