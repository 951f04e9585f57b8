"""What a connection gave -> the head and the decompressed body of one answer.

In: bytes as they were received. Out: `head`, then body bytes from `take`.
The rule: no waiting here; `take` answers None when it needs more, so blocking and event-loop readers share it all.
"""

from __future__ import annotations

import sys

from togetherpy._core.wire import Headers, Take
from togetherpy._transport.http1 import ResponseReader
from togetherpy._transport.inflate import Decompressor

_LOOKED_AT = 16
"""Pieces of a body that show how it begins."""


class TooLargeError(Exception):
    """More body than `max_response_bytes` (fault B20)."""


def is_left_open(take: Take, status: int, headers: Headers) -> bool:
    """Whether the body of this answer is its caller's to read: that of an accepted stream, or download.

    A missing Content-Type passes: the asked-for type is the best guess.
    """
    if take == "whole" or not 200 <= status < 300 or status == 204:
        return False
    return take == "bytes" or headers.get("content-type", "text/event-stream").lower().startswith("text/event-stream")


class Answer(ResponseReader):
    """One answer while it arrives, from the first byte of its status line; its body decompressed and counted."""

    received = False
    """At least one byte has arrived."""
    _given = b""
    _decompressor: Decompressor | None = None

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes`: the most body, after decompression, that is taken."""
        self._room = max_bytes
        self._pieces: list[bytes] = []
        """What `whole` has gathered."""

    @property
    def left_open(self) -> bool:
        """Its body is the caller's to read."""
        return self._room > sys.maxsize // 2

    def receive(self, data: bytes) -> None:
        """Takes what the socket gave (b"": the server closed its side), when there is no head or nothing to take.

        Raises:
            ProtocolError: the bytes are not a proper answer.
            EncodingError: its body is in a form that was not offered (fault B22).
        """
        if not data:
            self.end()
            return
        self.received = True
        before = self.head
        self._given = self.feed(data)
        if before is None and self.head is not None:
            coding = self.head.content_coding or "identity"
            if coding != "identity":
                self._decompressor = Decompressor(coding)

    def take(self) -> bytes | None:
        """The next body bytes; b"" at a proper end; None when more must be received first.

        Raises:
            EncodingError: the compressed body is corrupt or cut short. ProtocolError: its framing is.
            TooLargeError: it is over the limit.
        """
        piece, self._given = self._given, b""
        decompressor = self._decompressor
        if decompressor is not None and (piece or decompressor.more):
            piece = decompressor.feed(piece)
            while not piece and decompressor.more:
                piece = decompressor.feed(b"")
        if piece:
            self._room -= len(piece)
            if self._room < 0:
                raise TooLargeError
            return piece
        if self.failure is not None:
            raise self.failure
        if not self.complete:
            return None
        if decompressor is not None:
            decompressor.end()
        return b""

    def whole(self) -> bytes | None:
        """All of the body; None when more must be received first. Raises what `take` raises."""
        pieces = self._pieces
        if self.complete and not pieces and self._decompressor is None and self.failure is None:
            whole, self._given = self._given, b""  # most answers come at once
            self._room -= len(whole)
            if self._room < 0:
                raise TooLargeError
            pieces.append(whole)
            return whole
        while (piece := self.take()) != b"":
            if piece is None:
                return None
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def begun_stream(self) -> bytes:
        """What `whole` has gathered, if it is a success that begins like an event stream, whatever its type is called:
        proxies and some servers send them as text/plain, or as JSON (fault B15). Else b""."""
        if self.head is None or not 200 <= self.head.status < 300:
            return b""
        from togetherpy._core.sse import begins_as_events

        return b"".join(self._pieces) if begins_as_events(b"".join(self._pieces[:_LOOKED_AT])) else b""

    def skim(self) -> bool | None:
        """After the end of a stream: True at the proper end of the body, None when more must be received first,
        False when there is more than blanks, which nobody wants (faults B12, B13)."""
        piece = self.take()
        while piece is not None and piece != b"" and not piece.strip():
            piece = self.take()
        return None if piece is None else piece == b""

    def lift_limit(self) -> None:
        """The body is a stream: it is not kept, and its events have a bound of their own."""
        self._room = sys.maxsize
