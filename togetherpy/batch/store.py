"""Answers that were paid for, on disk: what a retried task, a second action or a restarted job finds again.

In: the hash of a request and the body of its answer. Out: the body, in this process and in every later one.
The rule: each process appends to a part of its own, one write a line, so that parts need no locks and a killed process
leaves at most half a last line, which nobody reads. A part that cannot be read is passed over. Memory holds some 20
bytes an answer. A request that another process is asking is waited for (`claims`).
"""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from concurrent.futures import Future
from hashlib import blake2b
from typing import Any

import msgspec

from togetherpy._core import fork
from togetherpy.batch.claims import Claims
from togetherpy.batch.line_index import LineIndex
from togetherpy.batch.output import Output, OutputError

SUFFIX = ".jsonl"
_START = b'{"key":"'
_HEX = 32
_AT = 40
"""A number says where an answer is: which part, and in its lower 40 bits where in it."""
_REST = 50.0
"""Looking for what others have written takes at most a fiftieth of the time, and is done at most once a second."""
_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


class _Line(msgspec.Struct):
    key: str
    body: msgspec.Raw


_decoder = msgspec.json.Decoder(_Line)


def key_of(content: bytes) -> str:
    """The hash of a request's JSON: the same in every process."""
    return blake2b(content, digest_size=_HEX // 2).hexdigest()


class Store:
    """A directory of answers. Its methods may be called from any thread."""

    def __init__(self, directory: str) -> None:
        """Makes the directory if there is none. Raises OSError."""
        os.makedirs(directory, exist_ok=True)
        self._directory = directory
        self._claims = Claims(os.path.join(directory, "claims"))
        self._lock = fork.Lock()
        self._places = LineIndex()
        self._parts: list[str] = []
        self._read: dict[str, int] = {}
        self._own: Output | None = None
        self._own_number = 0
        self._own_end = 0
        self._look_at = 0.0
        self.asking: fork.Lock = fork.Lock()
        """Held while it is decided whether to ask."""
        self.asked: dict[str, Future[Any]] = {}
        """What this process is asking now, by key."""
        with self._lock:
            self._look()

    def claim(self, key: str) -> bool:
        """Whether this process may ask. What another one has answered until now is found afterwards (`find(fresh)`)."""
        return self._claims.take(_number(key))

    def give_back(self, key: str) -> None:
        """Other processes may ask. Idempotent."""
        self._claims.give_back(_number(key))

    def forget(self, key: str, asked: Future[Any]) -> None:
        """It is not being asked any more, unless it is again."""
        with self.asking:
            if self.asked.get(key) is asked:
                del self.asked[key]
                self.give_back(key)

    def find(self, key: str, *, fresh: bool = False) -> bytes | None:
        """The body of the answer, if there is one. `fresh`: or has been written by another process just now."""
        with self._lock:
            places = self._places.get(_number(key))
            if not places and (fresh or time.monotonic() >= self._look_at):
                self._look()
                places = self._places.get(_number(key))
            return next((body for place in places if (body := self._body(place, key)) is not None), None)

    def add(self, key: str, body: bytes) -> None:
        """Keeps an answer. A disk that refuses is a warning: the answer has been paid for and goes its way."""
        line = b'%b%b","body":%b}\n' % (_START, key.encode(), body.translate(_LINE_ENDS))
        with self._lock:
            try:
                own = self._own = self._own or self._begin()
                own.write(line)
            except (OutputError, OSError) as error:
                self._warn(error)
                return
            self._places.add(_number(key), self._own_number << _AT | self._own_end)
            self._own_end += len(line)

    def _begin(self) -> Output:
        name = f"part-{os.getpid()}-{os.urandom(8).hex()}{SUFFIX}"
        own = Output(os.path.join(self._directory, name))
        self._own_number, self._own_end = len(self._parts), 0
        self._parts.append(name)
        return own

    def _warn(self, error: Exception) -> None:
        try:
            warnings.warn(f"an answer was not kept in the store: {error}", RuntimeWarning, stacklevel=2)
        except RuntimeWarning:
            return  # where warnings are errors, a row does not raise either

    def _look(self) -> None:
        """Reads what is new in the other parts."""
        began = time.monotonic()
        own = None if self._own is None else os.path.basename(self._own.path)
        with contextlib.suppress(OSError), os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and entry.name != own:
                    with contextlib.suppress(OSError):  # it has been taken away just now, or is not for us to read
                        known = self._read.get(entry.name, 0)
                        if entry.is_file() and entry.stat().st_size > known:
                            self._scan(entry.name, known)
        now = time.monotonic()
        self._look_at = now + max(1.0, _REST * (now - began))

    def _scan(self, name: str, at: int) -> None:
        with open(os.path.join(self._directory, name), "rb", buffering=1 << 18) as part:
            if name not in self._read:
                self._read[name] = 0
                self._parts.append(name)
            number = self._parts.index(name)
            part.seek(at)
            for line in part:
                if not line.endswith(b"\n"):
                    break  # it is being written, or its writer was killed
                if line.startswith(_START):
                    self._places.add(_number(line[len(_START) : len(_START) + _HEX]), number << _AT | at)
                at += len(line)
        self._read[name] = at

    def _body(self, place: int, key: str) -> bytes | None:
        try:
            with open(os.path.join(self._directory, self._parts[place >> _AT]), "rb") as part:
                part.seek(place & ((1 << _AT) - 1))
                line = _decoder.decode(part.readline())
        except (OSError, ValueError, RecursionError):
            return None  # the part was taken away, or damaged: it is asked again
        return bytes(line.body) if line.key == key else None


def _number(key: str | bytes) -> int:
    try:
        return abs(int(key[: _HEX // 2], 16))
    except ValueError:
        return 0  # damaged


_lock = fork.Lock()
_stores: dict[tuple[int, str], Store] = {}


def store_for(directory: str) -> Store:
    """The store of this process at this directory. Raises OSError."""
    place = fork.pid, os.path.realpath(directory)
    with _lock:
        store = _stores.get(place)
        if store is None:
            store = _stores[place] = Store(place[1])
        return store
