"""The values between the layers.

In: nothing. Out: Endpoint and Request on the way to the server; Reply, Opened, Ready and Fault on the way back.
The rule: frozen values without behaviour. A transport answers with one of the four outcomes and does not
raise for a network fault, so that the retry policy is a function of one value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

import msgspec

from togetherpy._core.config import Fields, Origin, Secret

if TYPE_CHECKING:
    from typing import Protocol

    from togetherpy._core.expected import Expected
else:
    Protocol = object  # nobody asks whether something is one, and to make them is a part of every cold start

T = TypeVar("T")

Phase = Literal["connecting", "sent", "committed"]
"""How far an attempt got: nothing sent; request sent, no usable answer yet; a 2xx answer had begun."""

FaultKind = Literal["refused", "dns", "tls", "proxy", "timeout", "reset", "protocol", "encoding", "too_large", "closed"]
"""What failed. "protocol": not HTTP; "encoding": a compressed body that cannot be read; "closed": by our own side."""


Take = Literal["whole", "events", "bytes"]
"""How an answer is taken: at once; or its body is left open, where it is an event stream, or whatever it is."""


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
        name, lines = name.lower(), self._given
        # Most who ask want one field, which a look finds in a tenth of the time.
        if isinstance(lines, str) and ":" not in name and (times := lines.lower().count(f"\r\n{name}:")) < 2:
            if times and (found := self.peek(name)) is not None:
                return found
            raise KeyError(name)
        return self._fields[name]

    def peek(self, name: str) -> str | None:
        """The first field of this name, given in lower case; the others are not taken apart."""
        lines = self._given
        if not isinstance(lines, str):
            return lines.get(name)
        start = lines.lower().find(f"\r\n{name}:")
        if start < 0:
            return None
        start += len(name) + 3
        end = lines.find("\r\n", start)
        return lines[start : end if end >= 0 else None].strip(" \t")

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


class Endpoint(msgspec.Struct, Generic[T], frozen=True):
    """One operation of the API: where it is and what it answers. Made once, at import."""

    name: str
    method: str
    path: str
    """Parts in braces are filled in by `at`."""
    answer: Expected[T]
    """Everything that depends on what the answer is asks this."""
    redirects: bool = False
    """The answer may be at another place, also on another server, which does not get the key."""
    names: str = "the model's name"
    """What a request for it names, and a 404 may be about, in words; empty: nothing."""
    once: bool = False
    """What may have been carried out is not asked for again (`retry.surely_undone`). So no connection is used that may
    have gone stale."""

    def at(self, **parts: str) -> Endpoint[T]:
        """The endpoint with the parts of its path filled in, percent-encoded (fault G12).

        Raises:
            TypeError, ValueError: a part that cannot be one, named.
        """
        from urllib.parse import quote

        for name, part in parts.items():
            if not isinstance(cast(object, part), str):  # not all callers have their types checked
                raise TypeError(f"{name} must be a str, not {type(part).__name__}")
            if part in ("", ".", ".."):  # which lead to another path
                raise ValueError(f"{name} must be an id, not {part!r}")
        try:
            path = self.path.format_map({name: quote(part, safe="") for name, part in parts.items()})
        except UnicodeEncodeError:
            raise ValueError(f"{', '.join(parts)} must not hold a lone surrogate") from None
        names = " and ".join(_IN_WORDS.get(name, f"the {name}") for name in parts)
        return msgspec.structs.replace(self, path=path, names=names)


_IN_WORDS = {"model": "the model's name"}


class Source(Protocol):
    """A body that is read in pieces while it is sent."""

    size: int
    """Bytes in all."""

    def pieces(self) -> Iterator[bytes]:
        """From its beginning, at every call: each attempt sends the same (fault H7)."""
        raise NotImplementedError


class Part(msgspec.Struct, frozen=True, eq=False):
    """A file among the parameters of a call, which makes their request a form."""

    name: str | None
    """The file's name, as the server is told; None: it is a plain field."""
    source: bytes | Source
    content_type: str = "application/octet-stream"

    def __repr__(self) -> str:
        return f"<Part {self.name!r}>"


class Request(msgspec.Struct, frozen=True, eq=False):
    """One call, encoded once; every attempt sends these same bytes (fault H7)."""

    endpoint: Endpoint[Any]
    target: str
    """Path and query, percent-encoded, beginning with "/"."""
    headers: Fields
    """Name and value pairs, without Host and Content-Length, which the transport knows."""
    authorization: Secret | None
    """Value of the Authorization field."""
    body: bytes | Source | None
    """None: no body, and no field that speaks of one."""
    take: Take
    origin: Origin | None = None
    """Another server than the client's own, for a URL that the API gave; the target may be as good as a key."""

    def __repr__(self) -> str:
        # The default would show the prompt (fault G6).
        body = self.body
        size = 0 if body is None else len(body) if isinstance(body, bytes) else body.size
        where = self.target.partition("?")[0] if self.origin is None else self.origin.authority
        return f"<Request {self.endpoint.method} {where} {size} bytes>"


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
    """The unread body of an accepted answer, read by blocking calls."""

    def read(self, deadline: float) -> bytes | Fault:
        """Body bytes as soon as there are some; b"" at a proper end. `deadline`: on the monotonic clock."""
        raise NotImplementedError

    def close(self, *, drained: bool) -> None:
        """Gives the connection back (`drained`: the end of the stream was seen) or drops it. Idempotent."""

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""

    def forget(self) -> None:
        """The same, from the collector: nothing is waited for and nothing of others is called. Idempotent."""


class AsyncBody(Protocol):
    """The same for a coroutine."""

    async def read(self, deadline: float) -> bytes | Fault:
        """Body bytes as soon as there are some; b"" at a proper end. `deadline`: on the monotonic clock."""
        raise NotImplementedError

    async def aclose(self, *, drained: bool) -> None:
        """Gives the connection back (`drained`: the end of the stream was seen) or drops it. Idempotent."""

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""

    def forget(self) -> None:
        """The same, from the collector: nothing is waited for and nothing of others is called. Idempotent."""


class Opened(msgspec.Struct, frozen=True, eq=False):
    """An accepted answer: a 2xx head whose body is unread."""

    status: int
    headers: Headers
    body: Any
    """A Body from a blocking transport, an AsyncBody from the others."""

    def __repr__(self) -> str:
        return f"<Opened {self.status}>"


class Ready(msgspec.Struct, frozen=True):
    """There was nothing to send: a connection lies open for the next call."""


Outcome = Reply | Opened | Ready | Fault


class Sending(Protocol):
    """A call that wants an attempt made: what of it a transport has to know."""

    queue: float
    """Seconds that it may wait for its turn."""
    deadline: float
    """On the monotonic clock, once its turn has come."""
    connect: float
    """Seconds for connecting."""
    fresh: bool
    """Not on a pooled connection."""

    def admit(self, waited: float) -> Request | None:
        """Its turn has come, after so many seconds: what to send; None to be connected and no more."""
        raise NotImplementedError


class Transport(Protocol):
    """What Together sends by."""

    @property
    def busy(self) -> bool:
        """Every connection is in use."""
        raise NotImplementedError

    def send(self, call: Sending, /) -> Outcome:
        """Waits for the call's turn, sends its request and reads the answer; of one that is left open the head."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Does what may take a moment and needs no call."""

    def sleep(self, seconds: float) -> None:
        """Waits between attempts; ends early when the transport is closed."""

    def close(self) -> None:
        """Ends the calls that run and closes every connection, from any thread."""


class AsyncTransport(Protocol):
    """What AsyncTogether sends by."""

    @property
    def busy(self) -> bool:
        """Every connection is in use."""
        raise NotImplementedError

    async def send(self, call: Sending, /) -> Outcome:
        """Waits for the call's turn, sends its request and reads the answer; of one that is left open the head."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Does what may take a moment and needs no call."""

    async def sleep(self, seconds: float) -> None:
        """Waits between attempts; ends early when the transport is closed."""

    def close(self) -> None:
        """Ends the calls that run, from any thread."""

    async def aclose(self) -> None:
        """Ends the calls that run and closes every connection."""
