"""An input cut into files of requests, one for each job.

In: rows as `batch run` reads them. Out: in the directory, for each chunk a file of requests and a file of what is to be
known of their rows afterwards; and one of the rows that cannot be sent.
The rule: a chunk has one model and stays below the service's limits; the service sees ids that it takes, and which row
an id means stands beside it. The input is not needed any more afterwards.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import islice
from typing import Any, BinaryIO

import msgspec

from togetherpy._chat.request import prepare
from togetherpy._core.encode import encode_json
from togetherpy.batch.errors import BatchError
from togetherpy.batch.jobs.journal import Chunk, Journal
from togetherpy.batch.output import OutputError
from togetherpy.batch.rows import Form, Row, RowError, body_of, columns_of

MOST_ROWS = 50_000
MOST_BYTES = 100_000_000
LONGEST_ID = 64
USUAL_ROWS = 10_000
REFUSED = "refused.rows.jsonl"
_OURS = "togetherpy-row-"
_BUFFER = 1 << 18
_encode = msgspec.json.Encoder().encode


class SentRow(msgspec.Struct, omit_defaults=True):
    """What is to be known of a row afterwards: a line of a chunk's second file."""

    sent: str
    """The custom_id that the service has seen."""
    index: int
    custom_id: msgspec.Raw
    number: str
    """`Row.number`, in hexadecimal."""
    line: int = 0
    columns: Mapping[str, msgspec.Raw] = {}
    error: str | None = None

    def row(self) -> Row:
        """The row, without what it asked."""
        return Row(self.index, self.line, bytes(self.custom_id), int(self.number, 16), self.columns, self.error)


_sent_row = msgspec.json.Decoder(SentRow)


def read_sent(path: str) -> Iterator[SentRow]:
    """The rows of a chunk, in the order in which they were sent. Raises BatchError."""
    try:
        with open(path, "rb", buffering=_BUFFER) as file:
            yield from map(_sent_row.decode, file)
    except (OSError, ValueError) as error:
        raise BatchError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def rows_name(chunk: int) -> str:
    """The name of that file."""
    return f"chunk-{chunk:05}.rows.jsonl"


class Cutter:
    """Rows in, files out: `cut`, once."""

    def __init__(self, journal: Journal, form: Form, params: Mapping[str, Any], rows_per_job: int) -> None:
        self._journal, self._form, self._rows_per_job = journal, form, rows_per_job
        self._shared = dict(params)
        self._extra: Mapping[str, Any] = self._shared.pop("extra_body", None) or {}
        self._open: dict[str, _Files] = {}
        self._chunks: list[Chunk] = []
        self._made = 0
        stem = os.path.basename(journal.plan.input).partition(".")[0]
        self._stem: str = re.sub(r"[^A-Za-z0-9_-]+", "-", stem)[:40] or "rows"

    def cut(self, rows: Iterable[Row], most: int | None = None) -> None:
        """Cuts the first `most` rows, and writes down what came of them. Raises BatchError."""
        count = refused = 0
        try:
            with open(self._journal.path(REFUSED), "wb", buffering=_BUFFER) as bad:
                for row in islice(rows, most):
                    self._journal.check_open()
                    count += 1
                    try:
                        self._put(row)
                    except (RowError, TypeError, ValueError) as error:
                        refused += 1
                        row.error = str(error)
                        bad.write(_line_of(row, ""))
                _sync(bad)
            for files in list(self._open.values()):
                self._finish(files)
        except OSError as error:
            raise OutputError(f"cannot write in {self._journal.directory}: {error.strerror or error}") from None
        finally:
            for files in self._open.values():
                files.close()
        self._chunks.sort(key=lambda chunk: chunk.chunk)
        chunks = [{name: getattr(chunk, name) for name in _CUT} for chunk in self._chunks]
        self._journal.add(is_cut=True, rows=count, refused=refused, chunks=chunks)

    def _put(self, row: Row) -> None:
        model, body = self._asked(row)
        sent = sent_id(row)
        line = b'{"custom_id":%b,"body":%b}\n' % (_encode(sent), body)
        if len(line) > MOST_BYTES:
            raise RowError(f"it has {len(line)} bytes, and a job takes {MOST_BYTES}")
        files = self._open.get(model)
        if files is not None and (files.rows >= self._rows_per_job or files.bytes + len(line) > MOST_BYTES):
            self._finish(files)
            files = None
        if files is None:
            self._made += 1
            files = self._open[model] = _Files(self._journal, self._made, model)
        files.put(line, _line_of(row, sent))

    def _asked(self, row: Row) -> tuple[str, bytes]:
        """The model, and the body as `create` would send it. Raises RowError, TypeError, ValueError."""
        body = {**self._shared, **body_of(row, self._form)}
        body.pop("stream", None)
        prepared = {name: value for name, value in prepare(body, None).items() if value is not None}
        prepared.update(self._extra)
        model = prepared.get("model")
        if not isinstance(model, str) or not model:
            raise RowError("it names no model, and no model is given for all")
        return model, encode_json(prepared)

    def _finish(self, files: _Files) -> None:
        """All of a chunk is there: it gets the name by which the service will know it, which no other one has."""
        del self._open[files.model]
        mark = sha256(f"{os.path.realpath(self._journal.directory)}\n{files.digest()}".encode()).hexdigest()[:12]
        name = f"{self._stem}-{files.number:05}-{mark}.jsonl"
        files.finish(self._journal.path(name))
        self._chunks.append(Chunk(chunk=files.number, file=name, rows=files.rows, bytes=files.bytes, model=files.model))


_CUT = "chunk", "file", "rows", "bytes", "model"


class _Files:
    """Both files of a chunk, as they are written."""

    def __init__(self, journal: Journal, number: int, model: str) -> None:
        self.number, self.model, self.rows, self.bytes = number, model, 0, 0
        self._path = journal.path(f"chunk-{number:05}.tmp")
        self._sum = sha256()
        self._requests: BinaryIO = open(self._path, "wb", buffering=_BUFFER)  # noqa: SIM115  closed by close
        self._rows: BinaryIO = open(journal.path(rows_name(number)), "wb", buffering=_BUFFER)  # noqa: SIM115

    def put(self, line: bytes, row: bytes) -> None:
        self._requests.write(line)
        self._rows.write(row)
        self._sum.update(line)
        self.rows += 1
        self.bytes += len(line)

    def digest(self) -> str:
        return self._sum.hexdigest()

    def finish(self, path: str) -> None:
        _sync(self._requests)
        _sync(self._rows)
        self.close()
        os.replace(self._path, path)

    def close(self) -> None:
        self._requests.close()
        self._rows.close()


def sent_id(row: Row) -> str:
    """The row's custom_id if the service surely takes it, else one of ours."""
    try:
        given = msgspec.json.decode(row.custom_id, type=str)
    except msgspec.MsgspecError:
        given = ""
    is_fit = 0 < len(given) <= LONGEST_ID and given.isascii() and given.isprintable() and not given.startswith(_OURS)
    return given if is_fit else f"{_OURS}{row.index}"


def _line_of(row: Row, sent: str) -> bytes:
    return (
        _encode(
            SentRow(
                sent=sent,
                index=row.index,
                line=row.line,
                custom_id=msgspec.Raw(row.custom_id),
                number=f"{row.number:016x}",
                columns=columns_of(row),
                error=row.error,
            )
        )
        + b"\n"
    )


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
