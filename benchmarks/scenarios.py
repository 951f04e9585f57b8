"""What the server does for a path: the first part of the path is the name of a scenario.

In: a name such as "short", "burst-1000" or "drip-20-250". Out: a frozen `Scenario`, its bytes ready to send.
Rule: a name says all; every contender that asks for the same name gets the same bytes at the same pace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from benchmarks import fixtures
from benchmarks.ask import Tally

# As the service sends them, by way of its content delivery network.
COMMON_HEADERS = """\
Date: Fri, 07 Jun 2024 10:15:42 GMT
Connection: keep-alive
Transfer-Encoding: chunked
Access-Control-Allow-Origin: *
Retry-After: 2
Strict-Transport-Security: max-age=15552000; includeSubDomains
Vary: Accept-Encoding
X-Amzn-Trace-Id: Root=1-67ae03a5-5e15156838e82605614b53fe
X-Api-Received: 2024-06-07T10:15:41.120Z
X-Inference-Version: v2
X-Ratelimit: false
X-Ratelimit-Limit: 100
X-Ratelimit-Limit-Tokens: 33333
X-Ratelimit-Remaining: 199
X-Ratelimit-Remaining-Tokens: 33333
X-Ratelimit-Reset: 2
X-Request-Id: oV1mrRW-28Eivz-9c4b14db295620a5
Cf-Cache-Status: DYNAMIC
Server: cloudflare
CF-RAY: 9c4b14db295620a5-FRA
Alt-Svc: h3=":443"; ma=86400
"""
JSON_HEADERS = 'Content-Type: application/json; charset=utf-8\nEtag: W/"2a1-9c4b14db"\n'
STREAM_HEADERS = "Content-Type: text/event-stream;charset=utf-8\nCache-Control: no-cache, no-transform\n"

SEGMENT = 1_400  # bytes: about what one packet carries on the way from the service


@dataclass(frozen=True)
class Scenario:
    """`segments` are sent one send each, `pace` seconds apart, the first after `delay` seconds."""

    segments: tuple[bytes, ...]
    says: Tally
    delay: float = 0.0
    pace: float = 0.0
    jitter: float = 0.0  # each pause is pace * (1 ± jitter)


def _head(kind: str) -> bytes:
    return ("HTTP/1.1 200 OK\n" + kind + COMMON_HEADERS + "\n").replace("\n", "\r\n").encode()


def _framed(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def _wire(kind: str, answer: fixtures.Answer) -> list[bytes]:
    """Head and first piece together, as one send would carry them, then piece by piece, the end with the last."""
    framed = [_framed(piece) for piece in answer.pieces]
    framed[0] = _head(kind) + framed[0]
    framed[-1] += b"0\r\n\r\n"
    return framed


def _plain(answer: fixtures.Answer, delay_ms: int = 0) -> Scenario:
    return Scenario(tuple(_wire(JSON_HEADERS, answer)), answer.says, delay=delay_ms / 1000)


def _burst(answer: fixtures.Answer) -> Scenario:
    return Scenario((b"".join(_wire(STREAM_HEADERS, answer)),), answer.says)


def _segments(chunks: int) -> Scenario:
    answer = fixtures.stream(chunks)
    wire = b"".join(_wire(STREAM_HEADERS, answer))
    cut = tuple(wire[at : at + SEGMENT] for at in range(0, len(wire), SEGMENT))
    return Scenario(cut, answer.says, pace=0.002)


def _paced(chunks: int, pace_ms: int = 1, jitter_percent: int = 0) -> Scenario:
    answer = fixtures.stream(chunks)
    wire = tuple(_wire(STREAM_HEADERS, answer))
    return Scenario(wire, answer.says, pace=pace_ms / 1000, jitter=jitter_percent / 100)


MAKERS: dict[str, Callable[..., Scenario]] = {
    "short": lambda: _plain(fixtures.answer(120)),
    "answer": lambda size: _plain(fixtures.answer(size)),
    "json": lambda: _plain(fixtures.structured()),
    "floats": lambda rows: _plain(fixtures.embeddings(rows, packed=False)),
    "base64": lambda rows: _plain(fixtures.embeddings(rows, packed=True)),
    "logprobs": lambda tokens: _plain(fixtures.logprobs(tokens)),
    "delayed": lambda delay_ms: _plain(fixtures.answer(120), delay_ms),
    "burst": lambda chunks: _burst(fixtures.stream(chunks)),
    "tools": lambda chunks: _burst(fixtures.tool_calls(chunks)),
    "segments": _segments,
    "single": _paced,
    "drip": lambda chunks, pace_ms: _paced(chunks, pace_ms, jitter_percent=50),
}


@lru_cache(maxsize=8)
def scenario(name: str) -> Scenario:
    """Raises KeyError or TypeError for a name that says nothing."""
    kind, *numbers = name.split("-")
    return MAKERS[kind](*map(int, numbers))
