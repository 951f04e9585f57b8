"""Many rows asked for in several calls: what to ask next, what has come, and what of it is handed on.

In: rows, and how many at most go into one call. Out: pieces of them; of what each brought, one joined answer.
The rule: one failure costs no other row. A call that the server refuses is asked again in halves, until the row that is
at fault stands alone; what every row would share ends the work. What came is in the exception's `.partial`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple, cast

from togetherpy._core.named import sentences
from togetherpy.error import (
    APIError,
    APIResponseError,
    APIStatusError,
    AuthenticationError,
    NotFoundError,
    PaymentRequiredError,
    PermissionDeniedError,
)

_OF_ALL = (AuthenticationError, PaymentRequiredError, PermissionDeniedError, NotFoundError)
_OF_SOME = (400, 413, 422)
"""Statuses that may be about one row, or about how many there are."""
_GIVEN_UP = 8
"""Failures without a success, after which they are taken for one that every row shares."""


class Piece(NamedTuple):
    """Rows that are asked for together."""

    start: int
    """The place of the first."""
    rows: list[Any]

    @property
    def name(self) -> str:
        """Which rows they are."""
        last = self.start + len(self.rows) - 1
        return f"input[{self.start}]" if last == self.start else f"input[{self.start}] to input[{last}]"


def cut(rows: list[Any], most: int | None, tokens: int | None) -> Iterator[Piece]:
    """Pieces of at most `most` rows and some `tokens` tokens, of four bytes each; of one row at least."""
    start = taken = 0
    for place, row in enumerate(rows):
        size = 0 if tokens is None else _tokens(row)
        if place > start and ((most and place - start >= most) or (tokens and taken + size > tokens)):
            yield Piece(start, rows[start:place])
            start, taken = place, 0
        taken += size
    yield Piece(start, rows[start:])


def _tokens(row: Any) -> int:
    return -(-len(row.encode("utf-8", "replace")) // 4) if isinstance(row, str) else len(row)


class Work:
    """The pieces, and what became of them. Used from several threads or tasks."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self._pieces, self._again = pieces, list[Piece]()
        self._lock = threading.Lock()
        self._over = False
        self.answers: list[tuple[Piece, Any]] = []
        self.failures: list[tuple[Piece, APIError]] = []

    def next(self) -> Piece | None:
        """What to ask for now; None when there is nothing more."""
        with self._lock:
            if self._over:
                return None
            return self._again.pop() if self._again else next(self._pieces, None)

    def took(self, piece: Piece, answer: Any) -> None:
        """An answer came."""
        with self._lock:
            self.answers.append((piece, answer))
        rows: object = answer.data
        came = len(cast("list[object]", rows)) if isinstance(rows, list) else 0
        if came != len(piece.rows):
            self.failed(piece, APIResponseError(f"{came} embeddings came for {len(piece.rows)} inputs."))

    def failed(self, piece: Piece, error: APIError) -> None:
        """A call failed."""
        middle = len(piece.rows) // 2
        with self._lock:
            if isinstance(error, APIStatusError) and error.status_code in _OF_SOME and middle and not self._over:
                self._again.append(Piece(piece.start + middle, piece.rows[middle:]))
                self._again.append(Piece(piece.start, piece.rows[:middle]))
                return
            self.failures.append((piece, error))
            shared = isinstance(error, _OF_ALL) or (len(self.failures) >= _GIVEN_UP and not self.answers)
            self._over = self._over or shared

    def stop(self) -> None:
        """Nothing more is asked for."""
        self._over = True

    def result(self, join: Callable[[list[tuple[Piece, Any]]], Any]) -> Any:
        """What has come, joined in the order of the rows.

        Raises:
            APIError: the first failure, with its rows named.
        """
        whole = join(sorted(self.answers, key=lambda one: one[0].start))
        if not self.failures:
            return whole
        failures = sorted(self.failures, key=lambda one: one[0].start)
        piece, error = failures[0]
        others = ", ".join(other.name for other, _ in failures[1:5]) + (" ..." if len(failures) > 5 else "")
        more = f"So failed {others}." if others else ""
        kept = f"{len(whole.data)} embeddings that came are in .partial."
        error.message = sentences(f"{piece.name}: {error.message}", " ".join(filter(None, [more, kept])))
        error.args = (error.message,)
        error.index = piece.start
        error.partial = whole
        raise error


def ask_here(work: Work, ask: Callable[[Piece], Any], concurrency: int) -> None:
    """Asks for all the pieces, so many at a time, each in a thread."""
    from contextvars import copy_context

    broken: list[BaseException] = []

    def take_turns() -> None:
        try:
            while (piece := work.next()) is not None:
                try:
                    work.took(piece, ask(piece))
                except APIError as error:
                    work.failed(piece, error)
        except BaseException as error:
            work.stop()
            broken.append(error)

    threads = [threading.Thread(target=copy_context().run, args=(take_turns,)) for _ in range(concurrency - 1)]
    for thread in threads:
        thread.start()
    take_turns()
    for thread in threads:
        thread.join()
    for error in broken:
        raise error


async def ask_by_tasks(work: Work, ask: Callable[[Piece], Coroutine[Any, Any, Any]], concurrency: int) -> None:
    """The same by tasks of the running event loop."""
    import asyncio

    async def take_turns() -> None:
        while (piece := work.next()) is not None:
            try:
                work.took(piece, await ask(piece))
            except APIError as error:
                work.failed(piece, error)

    tasks = [asyncio.ensure_future(take_turns()) for _ in range(concurrency)]
    try:
        await asyncio.gather(*tasks)
    finally:
        work.stop()
        for task in tasks:
            task.cancel()
