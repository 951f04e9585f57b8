"""`togetherpy embed`: texts as vectors.

In: texts, or a file of them. Out: a line of JSON for each, or a numpy file.
The rule: a text is a row, in the order of the texts. They are sent some at a time, and what has come is written before
the next are asked for, so that a failure loses nothing of it.
Fact: the form of .npy is that of numpy's `lib.format`, version 1.0: a head of 128 bytes, and the numbers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import struct
import sys
from array import array
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from togetherpy.cli._input import STDIN, name_of, read_text
from togetherpy.cli._options import add_connection, add_json, add_model, connect, describe, positive
from togetherpy.cli._output import STDOUT, add_output, free
from togetherpy.cli._screen import Screen, note
from togetherpy.error import APIError, APIResponseError

_MODEL = "intfloat/multilingual-e5-large-instruct"
_AT_A_TIME = 4
"""Requests under way."""
_HEAD = 128


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy embed` of a parser."""
    describe(
        parser,
        """\
Makes vectors of texts: of each TEXT, or of each line of a file or of standard input. The output has a line of JSON for
each, {"index", "text", "embedding"}, or is a numpy file of 32-bit floats with a row for each.""",
        {1: "failed; why stands on standard error, and what came before in the output"},
    )
    parser.set_defaults(run=run)
    parser.add_argument("text", nargs="*", metavar="TEXT", help="a text; standard input's lines if there is none, or -")
    parser.add_argument("--file", metavar="PATH", help="a text on each line; - is standard input")
    parser.add_argument("--column", metavar="NAME", help="each line is a JSON object, and the text is this of it")
    add_model(parser, _MODEL)
    parser.add_argument(
        "--dimensions", type=positive, metavar="N", help="length of the vectors, where a model can choose"
    )
    parser.add_argument("--batch-size", type=positive, default=64, metavar="N", help="texts in a request (default: 64)")
    add_output(parser, "a file in .jsonl or .npy (default: JSON lines on standard output)")
    parser.add_argument("--format", choices=("jsonl", "npy"), help="default: by the ending of PATH, else jsonl")
    add_json(parser, "print all of it as one JSON document: an array of such objects")
    add_connection(parser)


def run(options: argparse.Namespace, screen: Screen) -> int:
    """`togetherpy embed`."""
    output: str = options.output or STDOUT
    form = options.format or ("npy" if output.endswith(".npy") else "jsonl")
    if options.json and (form == "npy" or output != STDOUT):
        raise ValueError("--json prints on standard output; it does not go with a file or with --format npy")
    if form == "npy" and output == STDOUT and screen.terminal:
        raise ValueError("a numpy file is nothing for a terminal; -o names a file")
    texts = _texts(options)
    if options.json:
        screen.json([_object(row, texts, vector) for row, vector in _rows(options, texts)], indent=None)
        return 0
    with _opened(output, screen, force=options.force) as write:
        made: _Form = _Numpy(write, len(texts)) if form == "npy" else _Lines(write, texts)
        try:
            for row, vector in _rows(options, texts):
                made.add(row, vector)
        except APIError:
            if made.rows and output != STDOUT:
                note(f"{output} has the first {made.rows} of {len(texts)} rows")
            raise
        finally:
            made.end()
    if output != STDOUT:
        note(f"{output}: {len(texts)} rows")
    return 0


def _texts(options: argparse.Namespace) -> list[str]:
    """What is to be embedded; nothing is sent where one of it is empty."""
    words: list[str] = options.text
    if words and options.file is not None:
        raise ValueError("give texts or --file, not both")
    if words and words != [STDIN]:
        return words
    path = options.file or STDIN
    lines = read_text(path).split("\n")
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise ValueError(f"{name_of(path)} is empty: there is nothing to embed")
    texts = [line.removesuffix("\r") for line in lines]
    if options.column is not None:
        texts = [_cell(line, options.column, f"line {number} of {name_of(path)}") for number, line in _numbered(texts)]
    for number, text in _numbered(texts):
        if not text.strip():
            raise ValueError(f"line {number} of {name_of(path)} is empty: there is nothing to embed; nothing was sent")
    return texts


def _numbered(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    return enumerate(lines, 1)


def _cell(line: str, column: str, where: str) -> str:
    try:
        found: Any = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where} is not JSON: {error}") from None
    text: Any = found.get(column) if isinstance(found, dict) else None  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
    if not isinstance(text, str):
        raise ValueError(f"{where} has no text in {column!r}")
    return text


def _rows(options: argparse.Namespace, texts: Sequence[str]) -> Iterator[tuple[int, Sequence[float]]]:
    """Each text's place and vector, in order."""
    step: int = options.batch_size * _AT_A_TIME
    with connect(options) as client:
        for start in range(0, len(texts), step):
            some = texts[start : start + step]
            failure: APIError | None = None
            try:
                answer: Any = client.embeddings.create(
                    model=options.model,
                    input=some,
                    dimensions=options.dimensions,
                    batch_size=options.batch_size,
                    concurrency=_AT_A_TIME,
                )
            except APIError as error:
                answer, failure = error.partial, error
            expected = start
            for one in (answer and answer.data) or ():
                if one.embedding is None or (one.index is not None and start + one.index != expected):
                    break  # what follows is not the next row
                yield expected, one.embedding
                expected += 1
            if failure is not None:
                raise failure
            if expected != start + len(some):
                raise APIResponseError(f"The server sent {expected - start} embeddings of {len(some)} texts.")
            if len(texts) > step:
                note(f"{expected}/{len(texts)} rows")


@contextlib.contextmanager
def _opened(output: str, screen: Screen, *, force: bool) -> Generator[_Write, None, None]:
    """What writes bytes to the output."""
    if output == STDOUT:
        yield screen
        return
    path = free(output, force=force)
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"{path} cannot be written to")
    file = _File(path)
    try:
        yield file
    finally:
        file.close()


def _object(row: int, texts: Sequence[str], vector: Sequence[float]) -> dict[str, Any]:
    return {"index": row, "text": texts[row], "embedding": list(vector)}


class _Write(Protocol):
    def data(self, data: bytes) -> None: ...


class _File:
    """A file that is opened when there is something to write: what it held is kept until then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def data(self, data: bytes) -> None:
        """Writes this, at once: what has been paid for is kept."""
        if self._file is None:
            self._file = open(self._path, "wb")  # noqa: SIM115  # closed by `close`
        self._file.write(data)
        self._file.flush()

    def head(self, data: bytes) -> None:
        """Writes over the beginning, which there is."""
        if self._file is not None:
            self._file.seek(0)
            self._file.write(data)
            self._file.seek(0, 2)

    def close(self) -> None:
        """No more is written."""
        if self._file is not None:
            self._file.close()


class _Form:
    """What is written, row by row."""

    rows: int = 0
    """So many there are."""

    def add(self, row: int, vector: Sequence[float]) -> None:
        """One row more."""

    def end(self) -> None:
        """No more come."""


class _Lines(_Form):
    def __init__(self, write: _Write, texts: Sequence[str]) -> None:
        self._write, self._texts = write, texts

    def add(self, row: int, vector: Sequence[float]) -> None:
        self._write.data(json.dumps(_object(row, self._texts, vector), ensure_ascii=False).encode() + b"\n")
        self.rows += 1


class _Numpy(_Form):
    """The head says how many rows there are: all that are expected; it is put right in a file that has less."""

    def __init__(self, write: _Write, expected: int) -> None:
        self._write, self._expected = write, expected
        self._length = 0

    def add(self, row: int, vector: Sequence[float]) -> None:
        if not self.rows:
            self._length = len(vector)
            self._write.data(_head(self._expected, self._length))
        elif len(vector) != self._length:
            raise ValueError(f"row {row} has {len(vector)} numbers, and the first one {self._length}")
        floats = array("f", vector)
        if sys.byteorder == "big":
            floats.byteswap()
        self._write.data(floats.tobytes())
        self.rows += 1

    def end(self) -> None:
        if self.rows != self._expected and isinstance(self._write, _File):
            self._write.head(_head(self.rows, self._length))


def _head(rows: int, length: int) -> bytes:
    said = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {length}), }}"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", _HEAD - 10) + said.ljust(_HEAD - 11).encode() + b"\n"
