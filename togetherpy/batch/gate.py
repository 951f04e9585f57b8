"""Leave to send: those who wait in a row before one controller.

In: wishes to send. Out: a Ticket for each, when the controller gives it, or None when nothing more is sent.
The rule: in the order in which they came; the controller is asked when a request has ended and when it said to ask.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque

from togetherpy.batch.limit import Limit, Ticket

_OF_LATE = 32
"""Requests over which the tokens that one takes are averaged."""
_POLL = 0.05
"""Seconds; the requests of another run may have taken all the room, and their ends do not come here."""


class Gate:
    """The row before one controller, on one event loop."""

    def __init__(self, limit: Limit, loop: asyncio.AbstractEventLoop) -> None:
        self.limit = limit
        self._loop = loop
        self._row: deque[tuple[asyncio.Future[Ticket | None], float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._shut = False
        self.in_flight: int = 0
        """Of this run."""
        self.usual: float | None = None
        """Tokens that a request takes, prompt and answer, of late; None before the first answer that says it."""

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._row)

    def took(self, tokens: float) -> None:
        """A request took so many tokens."""
        self.usual = tokens if self.usual is None else self.usual + (tokens - self.usual) / _OF_LATE

    async def leave(self, tokens: float) -> Ticket | None:
        """A ticket, to be given back by `limit` and `ended`; None when the gate was shut. `tokens`: roughly."""
        if self._shut:
            return None
        if not self._row:
            ticket = self.limit.admit(time.monotonic(), tokens)
            if isinstance(ticket, Ticket):
                self.in_flight += 1
                return ticket
            self._ask_again(ticket)
        turn: asyncio.Future[Ticket | None] = self._loop.create_future()
        self._row.append((turn, tokens))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and (given := turn.result()) is not None:
                self.limit.neutral(given, time.monotonic())
                self.ended()
            raise

    def ended(self) -> None:
        """One of the requests has ended, and the controller knows."""
        self.in_flight -= 1
        if self._row:
            self._let_in()

    def shut(self) -> None:
        """Nobody is let in from now on."""
        self._shut = True
        if self._timer is not None:
            self._timer.cancel()
        while self._row:
            turn, _ = self._row.popleft()
            if not turn.done():
                turn.set_result(None)

    def _let_in(self) -> None:
        now = time.monotonic()
        while self._row:
            turn, tokens = self._row[0]
            if turn.done():  # cancelled
                self._row.popleft()
                continue
            ticket = self.limit.admit(now, tokens)
            if not isinstance(ticket, Ticket):
                self._ask_again(ticket)
                return
            self.in_flight += 1
            self._row.popleft()
            turn.set_result(ticket)

    def _ask_again(self, wait: float) -> None:
        if wait == math.inf:
            if self.in_flight:
                return
            wait = _POLL
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(max(wait, 0.001), self._let_in)
