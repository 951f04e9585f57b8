"""Scripted answers: what `LocalServer.reply` was told goes in; a `Script` with all its bytes made comes out.

The rule: nonsense is refused when it is written down, with TypeError or ValueError, and never at the time of a request.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeGuard, cast

from ._answer import DONE, JSON_TYPE, SSE_TYPE, Answer, Framing, build, build_raw, compress, sse_event
from ._json import to_json

Body = bytes | str | Mapping[str, Any] | Sequence[Any]
Event = Mapping[str, Any] | str | bytes
Cut = bool | Literal["reset"]

DEFAULT_HEADERS = {"server": "cloudflare", "cf-ray": "5c2197edb0a1f3e2-LOC", "cf-cache-status": "DYNAMIC"}
BODY_PARTS = 8  # how many writes a body given in one piece is split into when it has a pace


@dataclass(frozen=True)
class Script:
    """One scripted answer. `answer` is its prebuilt form, `answer_http10` the same for a client of HTTP/1.0."""

    status: int
    headers: Mapping[str, str]
    pieces: Sequence[bytes]
    framing: Framing | None  # None: raw bytes
    delay: float
    pace: float
    cut: Cut
    keep_alive: bool

    @cached_property
    def answer(self) -> Answer:
        return self._build(self.framing)

    @cached_property
    def answer_http10(self) -> Answer:
        return self._build("close") if self.framing == "chunked" else self.answer

    def _build(self, framing: Framing | None) -> Answer:
        if framing is None:
            return build_raw(self.pieces, delay=self.delay, pace=self.pace, cut=self.cut, keep_alive=self.keep_alive)
        return build(
            self.status,
            self.headers,
            self.pieces,
            framing=framing,
            delay=self.delay,
            pace=self.pace,
            cut=self.cut,
            keep_alive=self.keep_alive,
        )


def make_script(
    *,
    status: int,
    headers: Mapping[str, str | None] | None,
    body: Body | None,
    events: Iterable[Event] | None,
    done: bool,
    raw: bytes | Sequence[bytes] | None,
    delay: float,
    pace: float,
    cut: Cut,
    framing: Framing | None,
    keep_alive: bool,
    gzip: bool,
) -> Script:
    """The script for these arguments, whose meaning is documented at `LocalServer.reply`."""
    if (body is not None) + (events is not None) + (raw is not None) > 1:
        raise TypeError("give only one of body=, events= and raw=")
    if not 200 <= status <= 999:
        raise ValueError(f"status must be in 200..999, not {status} (an interim answer can be sent with raw=)")
    if delay < 0 or pace < 0:
        raise ValueError("delay and pace are seconds and cannot be negative")
    if cut not in (False, True, "reset"):
        raise ValueError(f'cut must be False, True or "reset", not {cut!r}')
    if framing not in (None, "chunked", "length", "close"):
        raise ValueError(f'framing must be "chunked", "length" or "close", not {framing!r}')
    if raw is not None:
        if headers or gzip or framing or status != 200:
            raise TypeError("raw= is written as it stands: status=, headers=, framing= and gzip= do not go with it")
        return Script(status, {}, _raw_pieces(raw), None, delay, pace, cut, keep_alive)
    pieces = _event_pieces(events, done and not cut) if events is not None else _body_pieces(body, split=pace > 0)
    if status in (204, 304) and any(pieces):
        raise ValueError(f"an answer with status {status} has no body")
    pieces = compress(pieces) if gzip else pieces
    framing = framing or ("length" if events is None else "chunked")
    if cut and framing == "length" and not any(pieces):
        raise ValueError("an empty body with a Content-Length has no end to cut off")
    fields = _headers(headers or {}, SSE_TYPE if events is not None else JSON_TYPE, gzip)
    return Script(status, fields, pieces, framing, delay, pace, cut, keep_alive)


def _headers(given: Mapping[str, str | None], content_type: str, gzip: bool) -> dict[str, str]:
    fields: dict[str, str | None] = {"content-type": content_type, **DEFAULT_HEADERS}
    if gzip:
        fields["content-encoding"] = "gzip"
    fields.update({name.lower(): value for name, value in given.items()})
    for name, value in fields.items():
        if any(sign in f"{name}{value}" for sign in "\r\n\0"):
            raise ValueError(f"header {name!r} holds a line end or a zero byte; send such bytes with raw=")
    return {name: value for name, value in fields.items() if value is not None}


def _raw_pieces(raw: bytes | Sequence[bytes]) -> Sequence[bytes]:
    pieces: tuple[object, ...] = (raw,) if isinstance(raw, bytes) else tuple(raw)
    if not _all_bytes(pieces):
        raise TypeError("raw must be bytes or a sequence of bytes")
    return pieces or (b"",)


def _all_bytes(pieces: Sequence[object]) -> TypeGuard[Sequence[bytes]]:
    return all(isinstance(piece, bytes) for piece in pieces)


def _event_pieces(events: Iterable[Event], done: bool) -> list[bytes]:
    if isinstance(events, str | bytes | Mapping):
        raise TypeError("events must be an iterable of events, not one of them")
    pieces = [sse_event(item) for item in events]
    return [*pieces, DONE] if done else pieces


def _body_pieces(body: Body | None, *, split: bool) -> list[bytes]:
    if body is None:
        return []
    if isinstance(body, list | tuple) and body and _all_bytes(parts := cast("Sequence[object]", body)):
        return list(parts)
    data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else to_json(body)
    if not split:
        return [data]
    step = max(1, -(-len(data) // BODY_PARTS))
    return [data[start : start + step] for start in range(0, len(data), step)]
