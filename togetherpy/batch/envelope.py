"""A line of the output: the Batch API's envelope around what became of a row.

In: a row and its answer or its error. Out: one line of JSON; and from a line, which row it was and how it ended.
The rule: the body is the server's JSON byte for byte, neither decoded nor encoded; only line ends between its values
are blanks here, for a row is one line.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from togetherpy.batch.identity import digest
from togetherpy.batch.rows import Row, columns_of
from togetherpy.error import APIError, APIStatusError
from togetherpy.types._model import parse_any_json

_encode = msgspec.json.Encoder().encode
_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


class RowFailure(msgspec.Struct, frozen=True):
    """Why a row failed, as the output says it."""

    code: str | None
    message: str
    type: str | None
    param: str | None
    http_status: int | None


def failure_of(error: BaseException, row: Row | None = None) -> RowFailure:
    """What the output says of an exception that the row ended with."""
    if isinstance(error, APIStatusError):
        code = error.code or f"http_{error.status_code}"
        return RowFailure(_text(code), error.message, _text(error.type), _text(error.param), error.status_code or None)
    if isinstance(error, APIError):
        code = "timeout" if isinstance(error, TimeoutError) else "connection" if hasattr(error, "phase") else "answer"
        return RowFailure(code, error.message, type(error).__name__, None, error.http_status)
    where = "" if row is None else f"{row.where()}: "
    return RowFailure("invalid_row", f"{where}{error}", "invalid_request_error", None, None)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def line_of(
    row: Row,
    *,
    status: int,
    request_id: str | None,
    body: bytes | None,
    failure: RowFailure | None,
    attempts: int,
    seconds: float,
    finished_at: float,
) -> bytes:
    """The line, its end included. `finished_at`: seconds since 1970."""
    if body is None:
        response = b"null"
    else:
        if b"\n" in body or b"\r" in body:
            body = body.translate(_LINE_ENDS)
        if not body.isascii():
            body = body.decode("utf-8", "replace").encode()  # what is no text is in no line
        response = b'{"status_code":%d,"request_id":%b,"body":%b}' % (status, _encode(request_id), body)
    columns = columns_of(row)
    return b'{"id":"row_%016x","custom_id":%b,"response":%b,"error":%b,"index":%d,"attempts":%d,"seconds":%.3f,' % (
        row.number,
        row.custom_id,
        response,
        b"null" if failure is None else _encode(failure),
        row.index,
        attempts,
        seconds,
    ) + b'"finished_at":"%b","columns":%b}\n' % (_iso(finished_at), _encode(columns) if columns else b"{}")


def _iso(seconds: float) -> bytes:
    whole = int(seconds)
    return b"%b.%03dZ" % (_second(whole), int((seconds - whole) * 1000))


_last: tuple[int, bytes] = (0, b"1970-01-01T00:00:00")


def _second(whole: int) -> bytes:
    global _last
    last = _last
    if last[0] != whole:
        _last = last = whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)).encode()
    return last[1]


class _Something(msgspec.Struct):
    pass


class Line(msgspec.Struct):
    """What a run wants to know of a line that an earlier one wrote."""

    id: str
    custom_id: msgspec.Raw = msgspec.Raw(b"null")
    response: _Something | None = None
    error: _Something | None = None
    index: int = -1
    number: int = 0
    """Of the row and what it asked."""

    @property
    def key(self) -> int:
        """Of the row, whatever it asked."""
        return digest(bytes(self.custom_id))

    @property
    def good(self) -> bool:
        """There is an answer, and nothing is said against it."""
        return self.error is None and self.response is not None


_T = TypeVar("_T")


def decode(decoder: msgspec.json.Decoder[_T], raw: bytes) -> _T:
    """What msgspec refuses and servers send, lone surrogates above all, is JSON too.

    Raises:
        ValueError: it is none, or does not fit. RecursionError: nested too deeply.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        return decoder.decode(msgspec.json.encode(parse_any_json(raw)))


_decoder = msgspec.json.Decoder(Line)
_quick = _decoder.decode


def read_line(line: bytes) -> Line | None:
    """The line as far as a run wants to know it; None when it is none of ours, or not whole."""
    try:
        found = _quick(line)
    except (ValueError, RecursionError):
        try:
            found = decode(_decoder, line)
        except (ValueError, RecursionError):
            return None
    try:
        found.number = int(found.id[4:], 16)
    except ValueError:
        return None
    return found


class _Choice(msgspec.Struct):
    finish_reason: Any = None


class Verdicts(msgspec.Struct):
    """What a run wants to know of an answer's body."""

    choices: list[_Choice] | None = None
    usage: Mapping[str, Any] | None = None
    id: Any = None


_verdicts = msgspec.json.Decoder(Verdicts)


def read_body(body: bytes) -> Verdicts | None:
    """None for JSON that is no answer."""
    try:
        return decode(_verdicts, body)
    except (ValueError, RecursionError):
        return None
