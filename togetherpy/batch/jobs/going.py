"""Jobs made, looked at and made again, until all have ended.

In: a service and a journal. Out: steps. The rule: what the service does not take now waits for its turn, and a look
that fails ends nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from togetherpy._core.steps import Steps
from togetherpy.batch.jobs.journal import Chunk, Journal
from togetherpy.batch.jobs.service import Service, UnreachableError

_LONGEST = 32
"""Looks at most between two tries of a job that the limit on enqueued tokens has ended though none of ours was left."""


def submit_all(service: Service, journal: Journal) -> Steps[None]:
    """Makes every job that the service takes now. Raises BatchError."""
    yield from _Queue(service, journal).advance()


def wait_all(service: Service, journal: Journal, rest: Callable[[], float], show: Callable[[], None]) -> Steps[None]:
    """Looks until all jobs have ended. `rest`: seconds until the next look. Raises BatchError."""
    queue = _Queue(service, journal)
    while True:
        for chunk in journal.plan.chunks:
            if chunk.active:
                yield from service.look(chunk)
        with suppress(UnreachableError):  # the next look tries it again
            yield from queue.advance()
        show()
        if all(chunk.over for chunk in journal.plan.chunks):
            return
        yield partial(service.pause, rest())


class _Queue:
    """The chunks whose turn is to come."""

    def __init__(self, service: Service, journal: Journal) -> None:
        self._service, self._journal = service, journal
        self._rounds = 0
        self._refused: dict[tuple[int, int], tuple[int, int]] = {}

    def advance(self) -> Steps[None]:
        """Has those made that the service takes now; after one that it does not, no other of that model is tried."""
        self._service.forget()
        self._rounds += 1
        full: set[str] = set()
        for chunk in self._journal.plan.chunks:
            if not chunk.waiting or chunk.model in full or not self._is_due(chunk):
                continue
            if chunk.file_id is None:
                yield from self._service.upload(chunk)
            taken = yield from self._service.create(chunk)
            if not taken:
                full.add(chunk.model)

    def _is_due(self, chunk: Chunk) -> bool:
        """One whose job the limit has ended waits until another job has ended; where none is at work, longer each
        time."""
        times, others = len(chunk.former), [one for one in self._journal.plan.chunks if one.model == chunk.model]
        if not times:
            return True
        ended = sum(one.over for one in others)
        since, before = self._refused.setdefault((chunk.chunk, times), (self._rounds, ended))
        if ended > before:
            return True
        return self._rounds - since >= min(2 ** (times - 1), _LONGEST) and not any(one.active for one in others)
