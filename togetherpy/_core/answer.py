"""What a socket gave -> the head and the decompressed body of one answer.

In: bytes as they were received, b"" when the server closed its side. Out: `head`, then body bytes from `take`.
The rule: no waiting here; `take` answers None when it needs more, so blocking and event-loop readers share it all.
"""

from __future__ import annotations

import sys

from togetherpy._core.http1 import Decompressor, Head, ResponseReader


class TooLargeError(Exception):
    """More body than `max_response_bytes` (fault B20)."""


class Answer:
    """One answer while it arrives."""

    __slots__ = ("_body", "_decompressor", "_reader", "_room", "received")

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes`: the most body, after decompression, that is taken."""
        self._reader = ResponseReader()
        self._room = max_bytes
        self._body = b""
        self._decompressor: Decompressor | None = None
        self.received = False
        """At least one byte has arrived."""

    @property
    def head(self) -> Head | None:
        """None until it has come whole."""
        return self._reader.head

    @property
    def complete(self) -> bool:
        """The body has come whole."""
        return self._reader.complete

    @property
    def keep_alive(self) -> bool:
        """The answer is over and the connection can serve another request."""
        return self._reader.keep_alive

    def receive(self, data: bytes) -> None:
        """Takes what the socket gave, when `head` is not known yet or `take` has answered None.

        Raises:
            ProtocolError: the bytes are not a proper answer. EncodingError: its body cannot be decompressed.
        """
        if not data:
            self._reader.end()
            return
        self.received = True
        began = self._reader.head is None
        self._body = self._reader.feed(data)
        if began and self._reader.head is not None:
            coding = self._reader.head.headers.get("content-encoding", "identity").lower()
            if coding != "identity":
                self._decompressor = Decompressor(coding)

    def take(self) -> bytes | None:
        """The next body bytes; b"" at a proper end; None when more must be received first.

        Raises:
            EncodingError: the compressed body is corrupt or cut short. TooLargeError: it is over the limit.
        """
        piece, self._body = self._body, b""
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
        if not self._reader.complete:
            return None
        if decompressor is not None:
            decompressor.end()
        return b""

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

    def is_event_stream(self) -> bool:
        """Whether this is an accepted stream. A missing Content-Type passes: the asked-for type is the best guess."""
        head = self._reader.head
        if head is None or not 200 <= head.status < 300:
            return False
        return head.headers.get("content-type", "text/event-stream").lower().startswith("text/event-stream")
