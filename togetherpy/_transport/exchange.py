"""One request and its answer on one connected socket.

In: a connection, the bytes of a request. Out: the head of the answer, then its body, decompressed.
The rule: one send per request where it fits, one receive per read, every wait bounded; what goes wrong is raised
as OSError, ProtocolError, EncodingError or TooLargeError, for pool.py to explain.
"""

from __future__ import annotations

import sys
import time

from togetherpy._core.http1 import Decompressor, Head, ResponseReader
from togetherpy._core.wire import Request
from togetherpy._transport.connections import Connection
from togetherpy._transport.reasons import TooLargeError

RECEIVE = 64 * 1024
ONE_SEND = 64 * 1024
"""Bytes of a body that are copied behind its head, so that one system call and one packet carry both."""
_LONGEST_WAIT = 1e6
"""Seconds; what a socket's timeout can hold. Stands for "for ever"."""


class LostError(OSError):
    """The other side closed the connection before its answer was whole."""


def request_bytes(request: Request, target: str, fields: str) -> bytes:
    """Head and (up to 64 KiB of) body. Pass it straight on: it holds the key, so no variable may.

    `fields`: what the transport adds, such as Host, ready to be sent.
    """
    lines = [f"{request.endpoint.method} {target} HTTP/1.1\r\n{fields}Content-Length: {len(request.body)}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in request.headers]
    if request.authorization is not None:
        lines.append(f"Authorization: {request.authorization.reveal()}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1") + request.body[:ONE_SEND]


class Exchange:
    """Used by one thread at a time."""

    __slots__ = ("_conn", "_decompressor", "_first", "_room", "reader", "received")

    def __init__(self, conn: Connection, max_bytes: int) -> None:
        """`max_bytes`: the most body, after decompression, that is read."""
        self.reader = ResponseReader()
        self.received = False
        """At least one byte of the answer has arrived."""
        self._conn = conn
        self._room = max_bytes
        self._decompressor: Decompressor | None = None
        self._first = b""

    def send(self, data: memoryview, deadline: float) -> None:
        """Writes all of `data`; a view, so that a traceback's local variables do not show it."""
        while data:
            self._arm(deadline)
            data = data[self._conn.sock.send(data) :]

    def read_head(self, deadline: float) -> Head:
        """Waits for the final head of the answer."""
        while self.reader.head is None:
            self._first = self._receive(deadline)
        coding = self.reader.head.headers.get("content-encoding", "identity").lower()
        if coding != "identity":
            self._decompressor = Decompressor(coding)
        self._first = self._take(self._first)
        return self.reader.head

    def read(self, deadline: float) -> bytes:
        """Body bytes as soon as there are some; b"" at a proper end."""
        piece, self._first = self._first, b""
        while not piece:
            if self._decompressor is not None and self._decompressor.more:
                piece = self._take(b"")
            elif self.reader.complete:
                if self._decompressor is not None:
                    self._decompressor.end()
                return b""
            else:
                piece = self._take(self._receive(deadline))
        return piece

    def lift_limit(self) -> None:
        """The body is a stream: it is not kept, and its events have a bound of their own."""
        self._room = sys.maxsize

    def read_all(self, deadline: float) -> bytes:
        """The whole body."""
        pieces: list[bytes] = []
        while piece := self.read(deadline):
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def drain(self, most: int, deadline: float) -> bool:
        """Reads what is left after the end of a stream; whether the connection can be used again (B12, B13)."""
        try:
            while not self.reader.complete and most > 0:
                more = self._receive(deadline)
                if self._decompressor is None and more.strip():
                    return False
                most -= len(more) + 1
        except (OSError, ValueError):
            return False
        return self.reader.keep_alive

    def _take(self, data: bytes) -> bytes:
        """`data` decompressed and counted."""
        if self._decompressor is not None:
            data = self._decompressor.feed(data)
        self._room -= len(data)
        if self._room < 0:
            raise TooLargeError
        return data

    def _receive(self, deadline: float) -> bytes:
        while True:
            self._arm(deadline)
            try:
                data = self._conn.sock.recv(RECEIVE)
            except TimeoutError:
                # The socket may have been armed for a little less than there was.
                if time.monotonic() < deadline:
                    continue
                raise
            break
        if data:
            self.received = True
            return self.reader.feed(data)
        if self.reader.head is None:
            raise LostError
        self.reader.end()
        return b""

    def _arm(self, deadline: float) -> None:
        """The socket's next operation ends at the deadline, give or take a tenth or a quarter of a second."""
        conn, seconds = self._conn, min(deadline - time.monotonic(), _LONGEST_WAIT)
        if seconds <= 0:
            raise TimeoutError
        if abs(seconds - conn.armed) > min(0.25, 0.1 * seconds):
            conn.sock.settimeout(seconds)
            conn.armed = seconds
