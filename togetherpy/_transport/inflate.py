"""Bytes of a compressed body in, the body out, piece by piece.

In: what came of a body with Content-Encoding gzip or deflate, cut anywhere. Out: bounded pieces of what it holds.
The rule: a bomb fills no memory, and a body that is cut short or corrupt is never taken for a whole one.
"""

from __future__ import annotations

import zlib

_GZIP = 16 + zlib.MAX_WBITS


class EncodingError(ValueError):
    """A body whose content-encoding cannot be undone."""


class Decompressor:
    """Undoes Content-Encoding gzip or deflate piece by piece, so that a bomb fills no memory (fault B23)."""

    PIECE = 1024 * 1024
    """Most bytes that one step makes."""

    def __init__(self, coding: str) -> None:
        """Raises EncodingError for a coding that we do not offer (fault B22)."""
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise EncodingError(f"its content-encoding is {coding[:40]!r}, which was not offered")
        self._gzip = coding != "deflate"
        self._inflate = zlib.decompressobj(_GZIP)
        self._pending = b""
        """Input that was not used yet."""
        self._beginning: bytes | None = None if self._gzip else b""
        """Of deflate, what came before its form was known."""
        self.more = False
        """The last step was cut short: `feed(b"")` brings more without new input."""

    def feed(self, data: bytes) -> bytes:
        """The next piece of the body.

        Raises:
            EncodingError: the data is corrupt (fault B24).
        """
        if self._beginning is not None:
            data = self._beginning + data
            if len(data) < 2:
                self._beginning = data
                return b""
            self._beginning = None
            # Some servers send raw deflate where RFC 9110, 8.4.1.2 asks for the zlib format. RFC 1950, 2.2 tells them
            # apart, but by two bytes: zlib itself would have swallowed the first before it complains of the second.
            framed = data[0] & 0x8F == 0x08 and int.from_bytes(data[:2]) % 31 == 0
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS if framed else -zlib.MAX_WBITS)
        data = self._pending + data
        if self._inflate.eof and data:
            if not self._gzip:
                raise EncodingError("its compressed body goes on after its end")
            self._inflate = zlib.decompressobj(_GZIP)  # RFC 1952, 2.2: gzip data may have several members
        try:
            piece = self._inflate.decompress(data, self.PIECE)
        except zlib.error as error:
            raise EncodingError(f"its compressed body is corrupt: {error}") from None
        self._pending = self._inflate.unconsumed_tail or self._inflate.unused_data
        self.more = len(piece) == self.PIECE or bool(self._pending)
        return piece

    def end(self) -> None:
        """Raises EncodingError when the compressed data is not whole (fault B24)."""
        if not self._inflate.eof:
            raise EncodingError("its compressed body is cut short")
