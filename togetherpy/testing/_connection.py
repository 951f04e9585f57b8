"""One connection: bytes received go into a `RequestParser`, its requests to a function, the answers back to the socket.

The rule: answers leave in the order of their requests, one at a time; what arrives meanwhile waits, within a bound.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

from ._answer import Answer, End
from ._api import error_answer
from ._http import ProtocolError, Request, RequestParser

MAX_WAITING = 1024 * 1024  # bytes of later requests held while an answer is under way
LINGER = 1.0  # seconds for a refused client to take note, before its unread bytes would turn the close into a reset

_RESET = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """The server's end of one connection; `number` counts from 1. It adds itself to `opened` and takes itself out."""

    def __init__(self, number: int, answer: Callable[[Request, int], Answer], opened: "set[Connection]") -> None:
        self._number = number
        self._answer = answer
        self._opened = opened
        self._loop = asyncio.get_running_loop()
        self._parser = RequestParser()
        self._busy = False  # an answer is under way
        self._full = False  # the client has not read what was written
        self._refused = False  # nothing more is read
        self._timer: asyncio.TimerHandle | None = None
        self._done: Callable[[], None] | None = None  # to be told that the answer under way has ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        # asyncio sets this only on sockets made with an explicit IPPROTO_TCP, which accepted ones are not.
        self._set_option(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._opened.discard(self)
        self._busy = True
        self._tell_end()
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._parser.feed(data)
        if not self._busy:
            self._advance()
        elif self._parser.buffered > MAX_WAITING:
            self._transport.pause_reading()  # until `_resume`

    def pause_writing(self) -> None:
        self._full = True  # a client that does not read its answers gets no more of them made
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        if not self._busy:
            self._resume()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self._transport.abort()

    def _advance(self) -> None:
        """Answer the requests that have arrived, until one of them takes time or none is left."""
        while not self._busy and not self._full:
            try:
                request = self._parser.next()
            except ProtocolError as error:
                self._refuse(error)
                return
            if request is None:
                if self._parser.take_continue():
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            self._begin(self._answer(request, self._number), request.head.close)

    def _begin(self, answer: Answer, last: bool) -> None:
        end: End = "close" if last and answer.end == "keep" else answer.end
        self._busy, self._done = True, answer.done
        if answer.delay:
            self._timer = self._loop.call_later(answer.delay, self._write, answer, 0, end)
        else:
            self._write(answer, 0, end)

    def _write(self, answer: Answer, index: int, end: End) -> None:
        self._transport.write(answer.pieces[index])
        if index + 1 < len(answer.pieces):
            self._timer = self._loop.call_later(answer.pace, self._write, answer, index + 1, end)
            return
        self._tell_end()
        if end != "keep":
            self._close(end)
        else:
            self._busy = False
            if self._timer is not None:  # it did not end within `_begin`, so that `_advance` has to be taken up again
                self._timer = None
                self._resume()

    def _tell_end(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            done()

    def _resume(self) -> None:
        if not self._full:
            self._transport.resume_reading()
            self._advance()

    def _close(self, end: End) -> None:
        if end == "reset":
            self._set_option(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.close()

    def _set_option(self, level: int, option: int, value: int | bytes) -> None:
        with contextlib.suppress(OSError):  # macOS: EINVAL when the client has gone already
            cast("socket.socket", self._transport.get_extra_info("socket")).setsockopt(level, option, value)

    def _refuse(self, error: ProtocolError) -> None:
        """Tell the client what is wrong, then discard what it still sends until it stops or `LINGER` is over."""
        self._busy = self._refused = True
        self._transport.write(error_answer(error.status, error.message).pieces[0])
        self._transport.write_eof()
        self._timer = self._loop.call_later(LINGER, self._transport.abort)
