"""Answers as bytes: status, headers and body pieces go in; an `Answer`, ready to be written, comes out.

The rule: every byte is encoded here, once. Whoever writes an `Answer`, however often, only hands bytes to a socket.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from ._json import to_json

Framing = Literal["chunked", "length", "close"]
End = Literal["keep", "close", "reset"]

JSON_TYPE = "application/json; charset=utf-8"
SSE_TYPE = "text/event-stream;charset=utf-8"
DONE = b"data: [DONE]\n\n"
CUT_BYTES = 8  # how much a cut body with a Content-Length lacks

_BODILESS = (204, 304)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to write and when: `delay` seconds, then the pieces with `pace` seconds between them, then the `end`.
    `done` is called after the last byte, or when the client has gone before."""

    pieces: tuple[bytes, ...]
    delay: float = 0.0
    pace: float = 0.0
    end: End = "keep"
    done: Callable[[], None] | None = None


def sse_event(item: Mapping[str, Any] | str | bytes) -> bytes:
    """One event of a stream: `item`, as JSON if it is a mapping, after "data: "."""
    data = item if isinstance(item, bytes) else item.encode() if isinstance(item, str) else to_json(item)
    return b"data: %b\n\n" % data


def build(
    status: int,
    headers: Mapping[str, str],
    body: Sequence[bytes],
    *,
    framing: Framing = "length",
    delay: float = 0.0,
    pace: float = 0.0,
    cut: bool | Literal["reset"] = False,
    keep_alive: bool = True,
    done: Callable[[], None] | None = None,
) -> Answer:
    """An `Answer` with HTTP framing around `body`: one write in all without `pace`, else one write per piece."""
    close = not keep_alive or framing == "close"
    fields = {**headers, **({"connection": "close"} if close else {})}
    pieces = list(body) or [b""]
    tail = b""
    if status in _BODILESS:
        pieces = [b""]
    elif framing == "chunked":
        fields["transfer-encoding"] = "chunked"
        pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece]
        tail = b"" if cut else b"0\r\n\r\n"
    elif framing == "length":
        fields["content-length"] = str(sum(map(len, pieces)))
        pieces = _without_end(pieces) if cut else pieces
    pieces = pieces or [b""]
    pieces[-1] += tail
    pieces[0] = _head(status, fields) + pieces[0]
    return Answer(_writes(pieces, pace), delay, pace, end_of(cut, not close), done)


def build_raw(
    raw: Sequence[bytes],
    *,
    delay: float = 0.0,
    pace: float = 0.0,
    cut: bool | Literal["reset"] = False,
    keep_alive: bool = True,
) -> Answer:
    """An `Answer` that is `raw` and nothing else."""
    return Answer(_writes(raw, pace), delay, pace, end_of(cut, keep_alive))


def end_of(cut: bool | Literal["reset"], keep_alive: bool) -> End:
    """What happens to the connection after the last byte."""
    if cut == "reset":
        return "reset"
    return "close" if cut or not keep_alive else "keep"


def compress(pieces: Iterable[bytes]) -> list[bytes]:
    """The pieces as one gzip stream, flushed after each so that each can be read as soon as it arrives."""
    packer = zlib.compressobj(wbits=31)
    packed = [packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in pieces]
    return [*packed, packer.flush()]


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:  # 520, 529 and the like are in use without being registered
        reason = "Unknown"
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _without_end(pieces: list[bytes]) -> list[bytes]:
    left = max(0, sum(map(len, pieces)) - CUT_BYTES)
    kept: list[bytes] = []
    for piece in pieces:
        kept.append(piece[:left])
        left -= len(kept[-1])
    return kept


def _writes(pieces: Sequence[bytes], pace: float) -> tuple[bytes, ...]:
    return tuple(pieces) if pace else (b"".join(pieces),)
