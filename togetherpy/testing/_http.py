"""Requests out of bytes: received bytes go in, in pieces of any size; whole `Request` values come out, in order.

Nothing here touches a socket. The rule: a request is either understood in full or refused with the status that a
careful server gives (`ProtocolError`); it is never guessed at, and no input makes the parser hold more than its bounds.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
MAX_CHUNK_LINE = 1024

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rf"({_TOKEN}) ([!-~]+) HTTP/1\.([01])")
# One match over all the fields is several times cheaper than one per line. It refuses folded lines and "Name : value".
_FIELDS = re.compile(rf"(?:{_TOKEN}:[^\r\n\0]*(?:\r\n|\Z))*")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(?:;.*)?", re.DOTALL)


class ProtocolError(Exception):
    """A request that cannot be served; `status` is the HTTP status to answer with before closing."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Headers(Mapping[str, str]):
    """Request headers: lookup ignores case, iteration gives lower-case names, repeated fields are joined by ", "."""

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Headers({self._fields!r})"


@dataclass(frozen=True, slots=True)
class Head:
    """Everything before the body. `http10`: its sender knows no chunked framing; `close`: no request comes after it;
    `length`: bytes of the body, None when it comes in chunks; `expects`: the sender waits for "100 Continue".
    """

    method: str
    target: str
    headers: Headers
    http10: bool
    close: bool
    length: int | None
    expects: bool


@dataclass(slots=True)
class Request:
    """One whole request."""

    head: Head
    body: bytes


class RequestParser:
    """Feed it what arrived, then call `next` until it returns None."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # how far the end of the head has been looked for, so that a dripped head costs linear time
        self._head: Head | None = None
        self._chunks = bytearray()
        self._continue = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def buffered(self) -> int:
        """Bytes received and not yet part of a request given out."""
        return len(self._buffer)

    def next(self) -> Request | None:
        """The next whole request, or None until more bytes arrive.

        Raises:
            ProtocolError: the bytes are no request this server takes. The connection cannot be used any further.
        """
        if self._head is None:
            self._head = self._read_head()
        head = self._head
        if head is None:
            return None
        body = self._read_chunked() if head.length is None else self._read_exactly(head.length)
        if body is None:
            return None
        self._head, self._continue = None, False
        return Request(head, body)

    def take_continue(self) -> bool:
        """True once per request whose sender waits for "100 Continue" before it sends the body."""
        wanted, self._continue = self._continue, False
        return wanted

    def _read_head(self) -> Head | None:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: some clients send a stray line end after a body
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n", self._searched)
        if (end if end >= 0 else len(buffer)) > MAX_HEAD:
            raise ProtocolError(431, f"The request's head is larger than {MAX_HEAD} bytes.")
        if end < 0:
            if buffer.startswith(b"\x16"):  # a client that says hello in TLS would wait for an answer in TLS
                raise ProtocolError(400, "This is a server for http://, and the client speaks TLS.")
            self._searched = max(0, len(buffer) - 3)
            return None
        head = parse_head(bytes(buffer[:end]))
        del buffer[: end + 4]
        self._searched = 0
        self._continue = head.expects
        return head

    def _read_exactly(self, length: int) -> bytes | None:
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _read_chunked(self) -> bytes | None:
        buffer = self._buffer
        while True:
            line_end = buffer.find(b"\r\n", 0, MAX_CHUNK_LINE)
            if line_end < 0:
                if len(buffer) >= MAX_CHUNK_LINE:
                    raise ProtocolError(400, "A chunk's size line is too long.")
                return None
            size = _chunk_size(buffer[:line_end])
            if size == 0:
                return self._read_trailers(line_end)
            if len(self._chunks) + size > MAX_BODY:
                raise ProtocolError(413, "Request entity too large")
            data, end = line_end + 2, line_end + 2 + size
            if len(buffer) < end + 2:
                return None
            if not buffer.startswith(b"\r\n", end):
                raise ProtocolError(400, "A chunk does not end where its size says.")
            self._chunks += buffer[data:end]
            del buffer[: end + 2]

    def _read_trailers(self, line_end: int) -> bytes | None:
        end = self._buffer.find(b"\r\n\r\n", line_end)
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise ProtocolError(431, f"The request's trailers are larger than {MAX_HEAD} bytes.")
            return None
        body = bytes(self._chunks)
        self._chunks.clear()
        del self._buffer[: end + 4]
        return body


@lru_cache(maxsize=64)  # a client sends the same head again and again, and parsing it is most of an answer's work
def parse_head(data: bytes) -> Head:
    """The head in `data`, which ends before the empty line. Raises ProtocolError."""
    line, _, rest = data.decode("latin-1").partition("\r\n")
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise ProtocolError(400, f"Bad request line: {line[:100]!r}")
    if _FIELDS.fullmatch(rest) is None:
        raise ProtocolError(400, "Bad header line.")
    fields: dict[str, str] = {}
    for item in rest.split("\r\n") if rest else ():
        name, _, value = item.partition(":")
        name, value = name.lower(), value.strip(" \t")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    http10 = match[3] == "0"
    if not http10 and "host" not in fields:
        raise ProtocolError(400, "An HTTP/1.1 request needs a Host header.")
    return Head(
        method=match[1],
        target=match[2],
        headers=Headers(fields),
        http10=http10,
        close=http10 or "close" in fields.get("connection", "").lower(),
        length=_body_length(fields.get("content-length"), fields.get("transfer-encoding")),
        expects=fields.get("expect", "").lower() == "100-continue",
    )


def _body_length(length: str | None, coding: str | None) -> int | None:
    if coding is not None:
        if length is not None:  # two answers to one question: the door of request smuggling
            raise ProtocolError(400, "Content-Length and Transfer-Encoding exclude each other.")
        if coding.lower() != "chunked":
            raise ProtocolError(501, f"Unknown Transfer-Encoding: {coding[:100]!r}")
        return None
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit() and len(length) <= 18):
        raise ProtocolError(400, f"Bad Content-Length: {length[:100]!r}")
    if int(length) > MAX_BODY:
        raise ProtocolError(413, "Request entity too large")
    return int(length)


def _chunk_size(line: bytearray) -> int:
    match = _CHUNK_SIZE.fullmatch(line)
    if match is None:
        raise ProtocolError(400, f"Bad chunk size: {bytes(line[:100])!r}")
    return int(match[1], 16)
