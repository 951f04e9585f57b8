"""What an operator does where it runs: rows begin to be asked as they come, and are handed on in their order.

In: chunks of rows. Out: each chunk with its rows' cells. The rule: rows are read as there is room; what fails is in the
cells; whoever stops reading takes back what has not been sent.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from typing import Any, Generic, TypeVar

import msgspec

from togetherpy._core.config import Secret
from togetherpy._core.encode import encode_json
from togetherpy.batch.cells import messages_of, row_of
from togetherpy.batch.outcome import Outcome, answered, failed
from togetherpy.batch.pool import Place, Pool, Sent, pool_for
from togetherpy.batch.store import Store, key_of, store_for
from togetherpy.batch.work import Question, Work

T = TypeVar("T")
Cells = tuple[Any, str | None, dict[str, int | None] | None, int]
"""Answer, error, usage, attempts."""
_NOT_ASKED = ("timeout", "extra_headers", "extra_query")
"""How it is sent, not what is asked."""
_POLL = 0.05
"""Seconds between looks for what another process is asking."""
_sorted = msgspec.json.Encoder(order="deterministic").encode


Begun = Outcome | Future[Sent] | None
"""None: another process is asking the same."""


class _Chunk(msgspec.Struct, Generic[T]):
    chunk: T
    rows: list[Any]
    outcomes: list[Begun]


class Asker:
    """One use of an operator."""

    def __init__(self, work: Work) -> None:
        """Raises OSError where the store cannot be."""
        self.question: Question = work.question
        self.to: Any = work.to
        self._params = dict(work.params)
        if work.to is not None:
            from togetherpy._typed.schema import response_format

            self._params["response_format"] = response_format(work.to)
        self._store: Store | None = None if work.store is None else store_for(work.store)
        self._place = Place(
            model=work.params["model"],
            base_url=work.base_url or os.environ.get("TOGETHER_BASE_URL"),
            key=_key(),
            **work.bounds,
        )
        self._room = 2 * self._place.ceiling
        self._pool: Pool | None = None

    def ask(self, chunks: Iterable[tuple[T, list[Any]]]) -> Iterator[tuple[T, list[Cells]]]:
        """Chunks with their rows, mappings or single cells; each comes out with its rows' cells."""
        begun: deque[_Chunk[T]] = deque()
        count = 0
        try:
            for chunk, rows in chunks:
                begun.append(_Chunk(chunk, rows, [self._begin(row) for row in rows]))
                count += len(rows)
                while begun and (count >= self._room or all(map(_ready, begun[0].outcomes))):
                    count -= len(begun[0].rows)
                    yield self._ended(begun)
            while begun:
                yield self._ended(begun)
        finally:
            for one in begun:
                for outcome in one.outcomes:
                    if isinstance(outcome, Future):
                        outcome.cancel()

    def _ended(self, begun: deque[_Chunk[T]]) -> tuple[T, list[Cells]]:
        """The first chunk, when all of its rows have ended; it stays among them until then."""
        one = begun[0]
        until = time.monotonic() + self._place.stall
        while None in one.outcomes:
            self._begin_again(begun, force=time.monotonic() >= until)
            if None in one.outcomes:
                time.sleep(_POLL)
        cells = [self._cells(row, outcome) for row, outcome in zip(one.rows, one.outcomes, strict=True)]
        begun.popleft()
        return one.chunk, cells

    def _begin_again(self, begun: Iterable[_Chunk[T]], *, force: bool) -> None:
        """What other processes were asking: they have answered, or ended, or are too slow."""
        for one in begun:
            for at, outcome in enumerate(one.outcomes):
                if outcome is None:
                    one.outcomes[at] = self._begin(one.rows[at], force=force)

    def _cells(self, row: Any, outcome: Begun) -> Cells:
        while not isinstance(outcome, Outcome):
            try:
                outcome = self._begin(row, force=True) if outcome is None else self._outcome(outcome.result())
            except CancelledError:  # an equal row's, whose reader has stopped
                outcome = None
        return outcome.answer, outcome.error, outcome.usage, outcome.attempts

    def _outcome(self, sent: Sent) -> Outcome:
        if sent.got is not None:
            return answered(sent.got.body, self.to, sent.attempts)
        return failed(sent.error or RuntimeError("it was not answered"), sent.attempts)

    def _begin(self, row: Any, *, force: bool = False) -> Begun:
        """`force`: although another process has it in hand."""
        try:
            params = {**self._params, "messages": messages_of(self.question, row_of(self.question, row))}
            if self._store is None:
                return self._submit(params, os.urandom(16).hex())
            return self._find(self._store, params, force)
        except Exception as error:
            return failed(error)

    def _find(self, store: Store, params: dict[str, Any], force: bool) -> Begun:
        """From the store, or as an equal row that is being asked, or asked now; None: another process is asking."""
        asked = {name: value for name, value in params.items() if name not in _NOT_ASKED}
        key = key_of(_sorted(msgspec.json.decode(encode_json(asked))))
        with store.asking:
            same = store.asked.get(key)
            if same is not None and not same.cancelled():
                return same
            body = store.find(key)
            if body is None:
                if not store.claim(key) and not force:
                    return None
                body = store.find(key, fresh=True)
            if body is not None:
                store.give_back(key)
                return answered(body, self.to, 0)
            try:
                future = store.asked[key] = self._submit(params, key, store)
            except BaseException:
                store.give_back(key)
                raise
        future.add_done_callback(lambda _: store.forget(key, future))
        return future

    def _submit(self, params: dict[str, Any], key: str, store: Store | None = None) -> Future[Sent]:
        own: Mapping[str, Any] = params.get("extra_headers") or {}
        params = {**params, "extra_headers": {**own, "Idempotency-Key": key}}
        self._pool = self._pool or pool_for(self._place)
        if store is None:
            return self._pool.submit(params)

        def keep(sent: Sent) -> None:
            if sent.got is not None:
                store.add(key, sent.got.body)

        return self._pool.submit(params, keep)


def _ready(outcome: Begun) -> bool:
    return outcome is not None and (isinstance(outcome, Outcome) or outcome.done())


def _key() -> Secret | None:
    key = Secret(os.environ.get("TOGETHER_API_KEY"))
    return key if key.reveal() else None
