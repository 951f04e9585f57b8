"""Files of results, as the Batch APIs of Together, OpenAI and Groq write them: output files and error files.

In: paths. Out: for each custom_id the one line that counts. The rule: a success counts before a failure, and what comes
later before what came earlier; a success is a 200 with choices and no error, whichever file it stands in. Memory holds
some 20 bytes a custom_id, the lines stay where they are. What is no result is said with its file and line, and skipped.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
import zlib
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Self, cast

import msgspec

from togetherpy._core.named import read_named
from togetherpy.batch.envelope import RowFailure, Verdicts, decode, read_body
from togetherpy.batch.errors import BatchError
from togetherpy.batch.identity import digest
from togetherpy.batch.line_index import LineIndex
from togetherpy.batch.rows import plain_name
from togetherpy.batch.source import open_input
from togetherpy.types._model import parse_any_json

MAX_SHOWN = 20
"""Complaints that are kept; the others are counted."""
_GOOD, _FILE, _OFFSETS = 63, 48, (1 << 48) - 1
_PLACES = (1 << _GOOD) - 1
_MAX_FILES = 1 << (_GOOD - _FILE)
_MAX_OPEN = 64
"""Files at a time; a system may allow a process 256."""
_BLOCK, _NEAR = 1 << 20, 1 << 13  # near: each line is read from another place
_BOM, _LF = b"\xef\xbb\xbf", b"\n"
_NULL = msgspec.Raw(b"null")


class _Response(msgspec.Struct):
    status_code: Any = None
    request_id: Any = None
    body: msgspec.Raw = _NULL


class _Line(msgspec.Struct):
    custom_id: msgspec.Raw = _NULL
    response: _Response | None = None
    error: Any = msgspec.UNSET


_decoder = msgspec.json.Decoder(_Line)
_ODD = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}|NaN|Infinity")
"""What servers write and msgspec refuses."""


def _odd_body(line: bytes, otherwise: bytes) -> bytes:
    """The body as it came, of a line that msgspec refuses: where it stands does not depend on what is odd in it."""
    plain = _ODD.sub(lambda odd: b"\\uFFFD" if odd[0][:1] == b"\\" else b"0.000000"[: len(odd[0])], line)
    try:
        response = _decoder.decode(plain).response
    except (ValueError, RecursionError):
        return otherwise
    body = b"" if response is None else bytes(response.body)
    at = plain.find(body)
    return line[at : at + len(body)] if plain.count(body) == 1 else otherwise


class Result(msgspec.Struct, frozen=True):
    """What a line says became of a row."""

    custom_id: bytes
    """JSON, as `Row` has it."""
    status: int
    """Of the answer; 0 where there is none."""
    request_id: str | None
    body: bytes | None
    """Of the answer, byte for byte."""
    error: Any
    """What is said beside the answer, or instead of one; None where it is nothing."""
    said: Verdicts | None

    @property
    def good(self) -> bool:
        """Whether it is an answer. Groq, OpenAI and proxies write `error: null` beside a status of 400, too."""
        return self.error is None and self.status == 200 and self.said is not None and bool(self.said.choices)

    def failure(self) -> RowFailure | None:
        """Why it is none; None for a success."""
        if self.good:
            return None
        status = self.status if self.status not in (0, 200) else None
        payload: Any = self.error if self.error is not None else parse_any_json(self.body or b"null")
        if payload is None:
            return RowFailure(f"http_{status}" if status else "answer", "the server gave no answer", None, None, status)
        named = read_named(payload)
        message = named.message if self.error is not None or status else f"no choices, but {named.message}"
        code = named.code or (f"http_{status}" if status else "error" if self.error is not None else "answer")
        return RowFailure(code, message, named.type, named.param, status or named.status)


def read_result(line: bytes) -> Result:
    """What a line says.

    Raises:
        ValueError: it is no result, and why. RecursionError: it is nested too deeply.
    """
    try:
        found, odd = _decoder.decode(line), False
    except (ValueError, RecursionError):
        found, odd = decode(_decoder, line), True
    if found.response is None and found.error is msgspec.UNSET:
        raise ValueError("it has neither response nor error")
    name = plain_name(bytes(found.custom_id))
    if name is None:
        raise ValueError("it has no custom_id")
    response = found.response or _Response()
    body = _odd_body(line, bytes(response.body)) if odd else bytes(response.body)
    status, request_id = response.status_code, response.request_id
    return Result(
        name,
        status if type(status) is int else 0,
        request_id if isinstance(request_id, str) else None,
        None if body == b"null" else body,
        found.error or None,
        None if body == b"null" else read_body(body),
    )


class ResultFiles:
    """Files of results, looked through once, from `__init__` to `close`."""

    def __init__(self, paths: Iterable[str], folder: str) -> None:
        """`folder`: where room is for what cannot be read from the middle (.gz, .zst, pipes), while it is needed.

        Raises:
            BatchError: a file cannot be read.
        """
        self.invalid: int = 0
        """Lines that are no result."""
        self.duplicates: int = 0
        """Results that another one of the same custom_id goes before."""
        self.complaints: list[str] = []
        """Of the first lines that are none."""
        self._files: list[str | BinaryIO] = []
        """Paths, and copies."""
        self._open: dict[int, BinaryIO] = {}
        """Of the paths, those used last, the last one at the end."""
        self._places = LineIndex()
        try:
            for path in paths:
                self._files.append(self._opened(path, folder))
                if len(self._files) > _MAX_FILES:
                    raise BatchError(f"more than {_MAX_FILES} files cannot be merged at once")
                self._look_through(path, len(self._files) - 1)
        except BaseException:
            self.close()
            raise

    def _opened(self, path: str, folder: str) -> str | BinaryIO:
        try:
            if not path.endswith((".gz", ".zst")) and stat.S_ISREG(os.stat(path).st_mode):
                return path
            with open_input(path) as file:
                return self._copied(path, file, folder)
        except OSError as error:
            raise BatchError(f"cannot read {path}: {error.strerror or error}") from None

    def _copied(self, path: str, file: Any, folder: str) -> BinaryIO:
        copy = cast(BinaryIO, tempfile.TemporaryFile(dir=folder, buffering=_NEAR))  # noqa: SIM115  closed by close
        try:
            while piece := file.read1(_BLOCK):  # what comes before the damage is read, too
                copy.write(piece)
        except (EOFError, zlib.error, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                copy.close()
                raise
            self._complain(f"{path}: it is damaged ({error}); what comes before that is taken")
        copy.seek(0)
        return copy

    def _file(self, number: int) -> BinaryIO:
        """Raises OSError."""
        held = self._files[number]
        if not isinstance(held, str):
            return held
        found = self._open.pop(number, None) or open(held, "rb", buffering=_NEAR)  # noqa: SIM115  closed by close
        self._open[number] = found
        if len(self._open) > _MAX_OPEN:
            self._open.pop(next(iter(self._open))).close()
        return found

    def _look_through(self, path: str, file: int) -> None:
        offset = 0
        try:
            for number, line in enumerate(self._file(file), 1):
                place, offset = offset, offset + len(line)
                if number == 1:
                    line = line.removeprefix(_BOM)
                if not line.strip():
                    continue
                try:
                    result = read_result(line)
                except (ValueError, RecursionError) as error:
                    self._complain(f"{path}, line {number}: {'it is cut off' if line[-1:] != _LF else error}")
                    continue
                place |= file << _FILE | result.good << _GOOD
                self.duplicates += not self._places.add_best(digest(result.custom_id), place)
        except OSError as error:
            raise BatchError(f"cannot read {path}: {error.strerror or error}") from None

    def _complain(self, what: str) -> None:
        self.invalid += 1
        if len(self.complaints) < MAX_SHOWN:
            self.complaints.append(what)

    def take(self, custom_id: bytes) -> Result | None:
        """The result that counts for this custom_id, once; None when no file has one."""
        place = self._places.pop(digest(custom_id))
        if place is None:
            return None
        result = self._at(place)
        return result if result.custom_id == custom_id else None

    def _at(self, place: int) -> Result:
        file, offset = (place & _PLACES) >> _FILE, place & _OFFSETS
        try:
            opened = self._file(file)
            opened.seek(offset)
            line = opened.readline()
        except OSError as error:
            raise BatchError(f"cannot read {self._files[file]}: {error.strerror or error}") from None
        return read_result(line if offset else line.removeprefix(_BOM))

    def left(self) -> Iterator[bytes]:
        """The custom_ids that were not taken, in the order of the files."""
        for place in array("Q", sorted(place & _PLACES for place in self._places)):
            yield self._at(place).custom_id

    def count_left(self) -> int:
        """How many those are."""
        return len(self._places)

    def close(self) -> None:
        """Idempotent."""
        for file in (*self._files, *self._open.values()):
            if not isinstance(file, str):
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
