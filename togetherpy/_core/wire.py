"""The values between the layers.

In: nothing. Out: Endpoint and Request on the way to the server; Reply, Opened and Fault on the way back.
The rule: frozen values without behaviour. A transport answers with one of the three outcomes and does not
raise for a network fault, so that the retry policy is a function of one value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol

import msgspec

from togetherpy._core.config import Fields, Secret

Phase = Literal["connecting", "sent", "committed"]
"""How far an attempt got: nothing sent; request sent, no usable answer yet; a 2xx answer had begun."""

FaultKind = Literal["refused", "dns", "tls", "proxy", "timeout", "reset", "protocol", "encoding", "too_large", "closed"]
"""What failed. "protocol": not HTTP; "encoding": a compressed body that cannot be read; "closed": by our own side."""


class Headers(Mapping[str, str]):
    """Header fields of an answer: case-insensitive, several values of one name joined by ", " (RFC 9110, 5.3)."""

    __slots__ = ("_given",)

    def __init__(self, fields: Mapping[str, str] | str) -> None:
        """`fields`: names in lower case; or proper header lines, CRLF before each, which are taken apart when somebody
        asks for one: few do, and for some twenty lines it is a tenth of what a call costs."""
        self._given = fields

    @property
    def _fields(self) -> Mapping[str, str]:
        if isinstance(self._given, str):
            self._given = _take_apart(self._given)
        return self._given

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Headers({dict(self._fields)!r})"


def _take_apart(lines: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


class Endpoint(msgspec.Struct, frozen=True):
    """One operation of the API: where it is and what it answers. The decoders are built once, at import."""

    name: str
    method: str
    path: str
    response: msgspec.json.Decoder[Any]
    chunk: msgspec.json.Decoder[Any] | None = None
    own: Any = None
    """The OwnType of the caller, which answers and chunks are decoded into instead."""


class Request(msgspec.Struct, frozen=True, eq=False):
    """One call, encoded once; every attempt sends these same bytes (fault H7)."""

    endpoint: Endpoint
    target: str
    """Path and query, percent-encoded, beginning with "/"."""
    headers: Fields
    """Name and value pairs, without Host and Content-Length, which the transport knows."""
    authorization: Secret | None
    """Value of the Authorization field."""
    body: bytes
    stream: bool

    def __repr__(self) -> str:
        # The default would show the prompt (fault G6).
        return f"<Request {self.endpoint.method} {self.target} {len(self.body)} bytes>"


class Reply(msgspec.Struct, frozen=True, eq=False):
    """A whole answer, of any status."""

    status: int
    headers: Headers
    body: bytes

    def __repr__(self) -> str:
        return f"<Reply {self.status} {len(self.body)} bytes>"


class Fault(msgspec.Struct, frozen=True):
    """An attempt that brought no answer, and how far it got."""

    kind: FaultKind
    phase: Phase
    message: str
    """What happened, to which host, and what to do; without the key."""
    reused: bool = False
    """The connection had served an earlier request."""
    received: bool = False
    """At least one byte of the answer had arrived."""
    final: bool = False
    """Trying again cannot help: a certificate, a proxy's refusal, a missing extra."""

    def __repr__(self) -> str:
        # Not the message: it may quote what the server said, and a traceback shows local variables (fault G7).
        return f"<Fault {self.kind} {self.phase}>"


class Body(Protocol):
    """The unread body of an accepted stream, read by blocking calls."""

    def read(self, deadline: float) -> bytes | Fault:
        """Body bytes as soon as there are some; b"" at a proper end. `deadline`: on the monotonic clock."""
        ...

    def close(self, *, drained: bool) -> None:
        """Gives the connection back (`drained`: the end of the stream was seen) or drops it. Idempotent."""


class AsyncBody(Protocol):
    """The same for a coroutine."""

    async def read(self, deadline: float) -> bytes | Fault:
        """Body bytes as soon as there are some; b"" at a proper end. `deadline`: on the monotonic clock."""
        ...

    async def aclose(self, *, drained: bool) -> None:
        """Gives the connection back (`drained`: the end of the stream was seen) or drops it. Idempotent."""

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""


class Opened(msgspec.Struct, frozen=True, eq=False):
    """An accepted stream: a 2xx head whose body is unread."""

    status: int
    headers: Headers
    body: Any
    """A Body from a blocking transport, an AsyncBody from the others."""

    def __repr__(self) -> str:
        return f"<Opened {self.status}>"


Outcome = Reply | Opened | Fault


class AsyncTransport(Protocol):
    """What AsyncTogether sends by, whichever library does it."""

    async def send(self, request: Request, deadline: float, connect: float, *, fresh: bool = False) -> Outcome:
        """Sends the request and reads its answer; of an accepted stream only the head."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits between attempts; ends early when the transport is closed."""

    def close(self) -> None:
        """Ends the calls that run, from any thread."""

    async def aclose(self) -> None:
        """Ends the calls that run and closes every connection."""
