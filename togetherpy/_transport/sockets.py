"""Bytes to and from one connected socket.

In: a connection and a deadline. Out: what was received, or nothing but the request on its way.
The rule: one send per request where it fits, every wait bounded; what goes wrong is raised as OSError.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable

from urllib3.util.wait import wait_for_socket

from togetherpy._core.wire import Request
from togetherpy._transport.pool import Connection

RECEIVE = 64 * 1024
ONE_SEND = 64 * 1024
"""Bytes of a body that are copied behind its head, so that one system call and one packet carry both."""
_FITS = 2 * ONE_SEND
"""Bytes that go at once, if nothing is stuck: to send them with a time limit saves switching it off and on."""
_LONGEST_WAIT = 1e6
"""Seconds; what a socket's timeout can hold. Stands for "for ever"."""


def request_bytes(request: Request, prefix: str, fields: str) -> bytes:
    """Head and (up to ONE_SEND of) body. Pass it straight on: it holds the key, so no variable may.

    `prefix`: what goes before the path, for a proxy. `fields`: what the transport adds, such as Host.
    """
    body = request.body
    lines = [f"{request.endpoint.method} {prefix}{request.target} HTTP/1.1\r\n{fields}"]
    if body is not None:
        lines.append(f"Content-Length: {len(body) if isinstance(body, bytes) else body.size}\r\n")
    lines += [f"{name}: {value}\r\n" for name, value in request.headers]
    if request.authorization is not None:
        lines.append(f"Authorization: {request.authorization.reveal()}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1") + (body[:ONE_SEND] if isinstance(body, bytes) else b"")


def send_rest(conn: Connection, request: Request, deadline: float) -> bytes | None:
    """Sends what `request_bytes` left of the body; returns what `send` returns."""
    body = request.body
    pieces: Iterable[bytes | memoryview] = ()
    if body is not None:
        pieces = (memoryview(body)[ONE_SEND:],) if isinstance(body, bytes) else body.pieces()
    for view in (memoryview(piece) for piece in pieces):
        early = send(conn, view, deadline)
        if early is not None:
            return early
    return None


def is_long(request: Request) -> bool:
    """Whether `request_bytes` leaves something of the body."""
    body = request.body
    return body is not None and (not isinstance(body, bytes) or len(body) > ONE_SEND)


def send(conn: Connection, data: memoryview, deadline: float) -> bytes | None:
    """Writes all of `data`; a view, so that a traceback's local variables do not show it.

    But when an answer begins before all is written, it returns what has arrived of it: a server that refuses a large
    request need not read it (RFC 9112, 9.3).
    """
    if len(data) < _FITS:
        _arm(conn, deadline)
        data = data[conn.sock.send(data) :]
    while data and (data := send_now(conn, data)):
        seconds = min(deadline - time.monotonic(), _LONGEST_WAIT)
        if seconds <= 0 or not wait_for_socket(conn.sock, read=True, write=True, timeout=seconds):
            raise TimeoutError
        # What makes a socket under TLS readable may be no answer, but TLS's own.
        answer = receive_now(conn)
        if answer is not None:
            return answer
    return None


def receive(conn: Connection, deadline: float) -> bytes:
    """What has arrived, as soon as something has; b"" when the server closed its side."""
    while True:
        seconds = deadline - time.monotonic()
        if not 2.5 < seconds < conn.armed + 0.25 or seconds < conn.armed - 0.25:
            _arm(conn, deadline)
        try:
            return conn.sock.recv(RECEIVE)
        except TimeoutError:
            # The socket may have been armed for a little less than there was.
            if time.monotonic() >= deadline:
                raise


def send_now(conn: Connection, data: memoryview) -> memoryview:
    """Writes as much as goes without waiting; returns the rest."""
    _disarm(conn)
    try:
        return data[conn.sock.send(data) :]
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return data


def receive_now(conn: Connection) -> bytes | None:
    """What has arrived; None when nothing has."""
    _disarm(conn)
    try:
        return conn.sock.recv(RECEIVE)
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return None


def _disarm(conn: Connection) -> None:
    """The socket's next operation does not wait."""
    if conn.armed != 0.0:
        conn.sock.settimeout(0.0)
        conn.armed = 0.0


def _arm(conn: Connection, deadline: float) -> None:
    """The socket's next operation ends at the deadline, give or take a tenth or a quarter of a second.

    Setting a timeout is a system call; this way a socket that serves many calls is set once.
    """
    seconds = min(deadline - time.monotonic(), _LONGEST_WAIT)
    if seconds <= 0:
        raise TimeoutError
    if abs(seconds - conn.armed) > min(0.25, 0.1 * seconds):
        conn.sock.settimeout(seconds)
        conn.armed = seconds
