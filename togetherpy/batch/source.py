"""Where rows come from: a file, standard input, or an iterable.

In: what the caller named. Out: rows, one after the other, as they are wanted.
The rule: read as needed and never whole; what may block for long (a pipe) is read in a thread, so that answers are
taken in meanwhile.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO, Protocol, cast

from togetherpy.batch.channel import Channel
from togetherpy.batch.errors import BatchError
from togetherpy.batch.identity import Digests, digest
from togetherpy.batch.rows import Form, Row, dict_row, full_lines, name_of, read_lines, unfinished

STDIN = "-"
_AHEAD = 64
_BUFFER = 1 << 18
_PATIENCE = 500
"""Finished rows that are passed over in one go; then the answers that came get their turn."""


class Readable(Protocol):
    """Rows."""

    name: str | None
    """A path; None for what has none, and can be read but once."""

    def read(self) -> Iterator[Row]:
        """All rows, in the caller's thread."""
        ...


class Source(Readable, Protocol):
    """Rows that are sent as they are read."""

    def rows(self, finished: Digests, most: int | None = None) -> AsyncGenerator[Row | int, None]:
        """The first `most` rows. Instead of some that are finished, how many they are."""
        ...


def source_of(given: Any, form: Form) -> Source:
    """The source that the caller named: a path, "-" or an iterable of dicts.

    Raises:
        TypeError: it is none of these. BatchError: the file cannot be read.
    """
    if isinstance(given, (str, os.PathLike)):
        path = os.fspath(cast("str | os.PathLike[str]", given))
        return _Stdin(form) if path == STDIN else FileSource(path, form)
    if isinstance(given, (bytes, Mapping)) or not isinstance(given, (Iterable, AsyncIterable)):
        raise TypeError(f'input must be a path, "-" or an iterable of dicts, not {type(cast(object, given)).__name__}')
    return _Given(cast(Any, given), form)


class FileSource:
    """A file of lines; .gz and .zst by name."""

    def __init__(self, path: str, form: Form) -> None:
        self.name: str | None = path
        self._path, self._form = path, form
        with self._opened() as file:
            file.read(1)

    @contextmanager
    def _opened(self) -> Generator[BinaryIO, None, None]:
        try:
            with open_input(self._path) as file:
                yield file
        except (OSError, EOFError) as error:
            raise BatchError(f"cannot read {self._path}: {getattr(error, 'strerror', None) or error}") from None

    async def rows(self, finished: Digests, most: int | None = None) -> AsyncGenerator[Row | int, None]:
        """As Source."""
        passed = 0
        with self._opened() as file:
            for row in islice(unfinished(file, self._form, finished), most):
                if row is not None:
                    if passed:
                        yield passed
                        passed = 0
                    yield row
                elif passed < _PATIENCE:
                    passed += 1
                else:
                    yield passed + 1
                    passed = 0
        if passed:
            yield passed

    def read(self) -> Iterator[Row]:
        """As Source."""
        with self._opened() as file:
            yield from read_lines(file, self._form)

    def check(self) -> int:
        """How many rows there are. Raises BatchError when a custom_id comes twice."""
        seen, count = Digests(), -1
        with self._opened() as file:
            for count, number, line in full_lines(file, self._form):
                if not self._form.text and not seen.add(digest(name := name_of(count, line))):
                    raise BatchError(
                        f"{self._path}: the custom_id {name.decode()} of line {number} comes twice, so its answers "
                        "could not be told apart; nothing was sent"
                    )
        return count + 1


class _Stdin:
    """Lines of standard input, read in a thread of their own."""

    name: str | None = None

    def __init__(self, form: Form) -> None:
        self._form = form

    async def rows(self, finished: Digests, most: int | None = None) -> AsyncGenerator[Row | int, None]:
        """As Source."""
        import asyncio

        channel: Channel[Row, None] = Channel(_stdin_rows(self._form), asyncio.get_running_loop(), _AHEAD)
        threading.Thread(
            target=lambda: deque(channel.results(), maxlen=0), name="togetherpy-stdin", daemon=True
        ).start()
        try:
            async for row in channel:
                if most is not None and row.index >= most:
                    return
                yield row
        finally:
            channel.end()

    def read(self) -> Iterator[Row]:
        """As Source."""
        return _stdin_rows(self._form)


def _stdin_rows(form: Form) -> Iterator[Row]:
    # Not sys.stdin: a thread that is blocked in it would stop the interpreter from ending.
    with open(os.dup(0), "rb", buffering=_BUFFER) as file:
        yield from read_lines(file, form)


class _Given:
    """An iterable of dicts, of the caller's."""

    name: str | None = None

    def __init__(self, given: Iterable[Any] | AsyncIterable[Any], form: Form) -> None:
        self._given, self._form = given, form

    async def rows(self, finished: Digests, most: int | None = None) -> AsyncGenerator[Row | int, None]:
        """As Source."""
        index = 0
        each = aiter(self._given) if isinstance(self._given, AsyncIterable) else _asynchronous(self._given)
        while most is None or index < most:
            try:
                given = await anext(each)
            except StopAsyncIteration:
                return
            yield dict_row(index, given, self._form)
            index += 1

    def read(self) -> Iterator[Row]:
        """As Source. Raises TypeError for what is read on an event loop."""
        if isinstance(self._given, AsyncIterable):
            raise TypeError("input is an async iterable, and there is nothing to wait for here; give a path or a list")
        for index, given in enumerate(self._given):
            yield dict_row(index, given, self._form)


async def _asynchronous(given: Iterable[Any]) -> AsyncGenerator[Any, None]:
    for one in given:
        yield one


def beside(path: str, ending: str = ".out.jsonl") -> str:
    """An input's path with another ending, by default that of `batch run`'s output."""
    for packed in (".gz", ".zst"):
        path = path.removesuffix(packed)
    return f"{os.path.splitext(path)[0]}{ending}"


def open_input(path: str) -> BinaryIO:
    """The bytes of a file; .gz and .zst by name. Raises OSError, BatchError."""
    if path.endswith(".gz"):
        import gzip

        return cast(BinaryIO, gzip.open(path, "rb"))
    if path.endswith(".zst"):
        try:
            zstd: Any = importlib.import_module("compression.zstd")
        except ImportError:
            raise BatchError(f"cannot read {path}: .zst needs Python 3.14 or later; decompress it first") from None
        return cast(BinaryIO, zstd.open(path, "rb"))
    return open(path, "rb", buffering=_BUFFER)
