"""Bodies that are no JSON: files, read while they are sent, and forms that hold some.

In: paths, open files, bytes; the fields of a form. Out: a Source.
The rule: a body is never in memory as a whole, and every attempt sends the same; a file that has changed meanwhile, or
that cannot be read, ends the call with a TogetherError that names it, and no second attempt.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from togetherpy._core.wire import Part, Source
from togetherpy.error import TogetherError

PIECE = 256 * 1024
"""Bytes that are read at a time."""


class File:
    """A file's bytes, by its path or from an open one, from where that stands."""

    __slots__ = ("_file", "_path", "_start", "content_type", "size")

    def __init__(
        self, file: str | os.PathLike[str] | IO[bytes], content_type: str | None = "application/octet-stream"
    ) -> None:
        """`content_type`: None sends no such field.

        Raises:
            OSError: a path that leads to no file. TypeError, ValueError: what is no binary file.
        """
        self.content_type = content_type
        self._path = Path(file) if isinstance(file, (str, os.PathLike)) else None
        self._file: IO[bytes] | None = None
        self._start = 0
        if isinstance(file, (str, os.PathLike)):
            with open(file, "rb") as opened:  # a folder, or one that may not be read, is known before anything is sent
                self.size = opened.seek(0, os.SEEK_END)
            return
        if not callable(getattr(file, "read", None)):
            raise TypeError(f"a file must be a path or a binary file, such as io.BytesIO, not {type(file).__name__}")
        if isinstance(file.read(0), str):
            raise TypeError('a file must be opened in binary mode: open(path, "rb")')
        self._file, self._start = file, file.tell()
        self.size = file.seek(0, os.SEEK_END) - self._start
        file.seek(self._start)

    def pieces(self) -> Iterator[bytes]:
        """From the beginning."""
        left = self.size
        try:
            file = open(self._path, "rb") if self._path is not None else self._file  # noqa: SIM115
            assert file is not None
            try:
                file.seek(self._start)
                while left and (piece := file.read(min(left, PIECE))):
                    left -= len(piece)
                    yield piece
            finally:
                if self._path is not None:
                    file.close()
        except (OSError, ValueError) as error:  # ValueError: an open file that has been closed
            raise TogetherError(f"{self} could not be read while it was sent: {error}") from error
        if left:
            raise TogetherError(f"{self} became shorter while it was sent: {left} of its {self.size} bytes are missing")

    def part(self, start: int, size: int) -> File:
        """So many of its bytes."""
        from copy import copy

        part = copy(self)
        part._start, part.size = self._start + start, size
        return part

    def __repr__(self) -> str:
        return f"the file {self._path}" if self._path is not None else "the open file"


class Form:
    """multipart/form-data (RFC 7578). Lists give a field for each item, objects are JSON."""

    __slots__ = ("_parts", "content_type", "size")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        boundary = f"togetherpy-{os.urandom(16).hex()}"
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._parts: list[bytes | Source] = []
        for name, given in fields.items():
            values: Iterable[Any] = cast("list[Any]", given) if isinstance(given, (list, tuple)) else (given,)
            for value in values:
                head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
                if isinstance(value, Part) and value.name is not None:
                    head += f'; filename="{_quoted(value.name)}"\r\nContent-Type: {value.content_type}'
                self._parts += [f"{head}\r\n\r\n".encode(), _content(value), b"\r\n"]
        self._parts.append(f"--{boundary}--\r\n".encode())
        self.size = sum(len(part) if isinstance(part, bytes) else part.size for part in self._parts)

    def pieces(self) -> Iterator[bytes]:
        """From the beginning; what is short goes together with what follows."""
        waiting = b""
        for part in self._parts:
            for piece in (part,) if isinstance(part, bytes) else part.pieces():
                waiting += piece
                if len(waiting) >= PIECE:
                    yield waiting
                    waiting = b""
        yield waiting


def _content(value: Any) -> bytes | Source:
    if isinstance(value, Part):
        return value.source
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(cast(bytes, value))
    if isinstance(value, str):
        return str.encode(value)
    return msgspec.json.encode(value)  # true, 0.5, {"a": 1}


def _quoted(name: str) -> str:
    """As browsers do it."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
