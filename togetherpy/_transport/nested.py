"""TLS inside TLS, to a server by way of a proxy that itself speaks TLS, with the manners of a socket.

In: what urllib3 made by its two handshakes. Out: `send` and `recv` that wait or not as the socket's timeout says.
The rule: as of a socket under TLS, a `send` that raises is to be repeated with the same bytes, and `pending` tells what
no look at the descriptor shows. urllib3's own object fits neither an event loop (what does not go at once is lost) nor
whoever wants to shut the connection down.
"""

from __future__ import annotations

import math
import ssl
import time
from typing import cast

from urllib3.util.ssltransport import SSLTransport

_PIECE = 64 * 1024
"""Bytes that are encrypted or received at a time."""


class NestedTLS:
    """A connected socket of the inner TLS."""

    def __init__(self, transport: SSLTransport) -> None:
        self.outer = cast(ssl.SSLSocket, transport.socket)
        """The socket, under the TLS that the proxy speaks."""
        self.tls = transport.sslobj
        """The inner TLS, to be asked about."""
        self._incoming, self._outgoing = transport.incoming, transport.outgoing
        self._encrypted = memoryview(b"")
        """What is still to be sent of what was encrypted, a piece of `_accepted` bytes."""
        self._accepted = 0

    def send(self, data: bytes | memoryview) -> int:
        """Sends some of `data`; the number of bytes. Raises what the outer socket raises."""
        if not self._accepted:
            self._accepted = self.tls.write(data[:_PIECE])
            self._encrypted = memoryview(self._outgoing.read())
        while self._encrypted:
            self._encrypted = self._encrypted[self.outer.send(self._encrypted) :]
        accepted, self._accepted = self._accepted, 0
        return accepted

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes, as soon as there are some; b"" when the other side ended. Raises what the outer does."""
        # Bytes that come one by one, and never make a whole record, must not wait for ever.
        end = time.monotonic() + (self.outer.gettimeout() or math.inf)
        while True:
            try:
                return self.tls.read(size)
            except ssl.SSLWantReadError:
                if time.monotonic() >= end:
                    raise TimeoutError from None
                received = self.outer.recv(_PIECE)
                if received:
                    self._incoming.write(received)
                else:
                    self._incoming.write_eof()
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return b""

    def pending(self) -> int:
        """Whether bytes have come that are not given out yet, in either TLS; not all need be the caller's."""
        return self.tls.pending() or self._incoming.pending or self.outer.pending()

    def fileno(self) -> int:
        """The descriptor, to be watched."""
        return self.outer.fileno()

    def settimeout(self, seconds: float | None) -> None:
        """As of a socket."""
        self.outer.settimeout(seconds)

    def close(self) -> None:
        """As of a socket, without goodbye in either TLS."""
        self.outer.close()
