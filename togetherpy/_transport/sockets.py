"""Bytes to and from one connected socket, which never blocks.

In: a connection. Out: what was received, or nothing but the request on its way; or that it is worth while to try again.
The rule: nothing here waits but `wait_for`, which blocking calls and threads use; one send per request where it fits;
what goes wrong is raised as OSError.
"""

from __future__ import annotations

import math
import select
import ssl
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from urllib3.util.wait import wait_for_socket

from togetherpy._core.wire import Request

if TYPE_CHECKING:
    from togetherpy._transport.pool import Connection

RECEIVE = 64 * 1024
ONE_SEND = 64 * 1024
"""Bytes of a body that are copied behind its head, so that one system call and one packet carry both."""
_LONGEST_WAIT = 1e6
"""Seconds; what a poll can count. Stands for "for ever"."""


def request_bytes(request: Request, prefix: str, fields: str) -> bytes:
    """Head and (up to ONE_SEND of) body. Pass it straight on: it holds the key, so no variable may.

    `prefix`: what goes before the path, for a proxy. `fields`: what the transport adds, such as Host.
    """
    body = request.body
    head = f"{request.endpoint.method} {prefix}{request.target} HTTP/1.1\r\n{fields}"
    if body is not None:
        head += f"Content-Length: {len(body) if isinstance(body, bytes) else body.size}\r\n"
    for name, value in request.headers:
        head += f"{name}: {value}\r\n"
    if request.authorization is None:
        return f"{head}\r\n".encode("latin-1") + (body[:ONE_SEND] if type(body) is bytes else b"")
    return f"{head}Authorization: {request.authorization.reveal()}\r\n\r\n".encode("latin-1") + (
        body[:ONE_SEND] if type(body) is bytes else b""
    )


def rest_of(request: Request) -> Iterator[memoryview]:
    """What `request_bytes` leaves of the body; views, so that a traceback's local variables do not show it."""
    body = request.body
    if isinstance(body, bytes):
        yield memoryview(body)[ONE_SEND:]
    elif body is not None:
        yield from (memoryview(piece) for piece in body.pieces())


def send_now(conn: Connection, data: memoryview) -> memoryview:
    """Writes as much as goes without waiting; returns the rest."""
    try:
        return data[conn.sock.send(data) :]
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return data


def receive_now(conn: Connection) -> bytes | None:
    """What has arrived, b"" when the server closed its side; None when nothing has."""
    try:
        return conn.sock.recv(RECEIVE)
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return None


def receive(conn: Connection, deadline: float) -> bytes:
    """What has arrived, as soon as something has; b"" when the server closed its side."""
    while True:
        if not (conn.buffers and conn.buffered):
            seconds = deadline - time.monotonic()
            if not 0 <= seconds < _LONGEST_WAIT or conn.poller is None:
                if not wait_for(conn, seconds):
                    raise TimeoutError
            elif not conn.poller.poll(seconds * 1000):
                raise TimeoutError
        try:
            return conn.sock.recv(RECEIVE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            continue  # TLS's own


def wait_to_send(conn: Connection, deadline: float) -> bytes | None:
    """Waits until more can be sent; returns what has arrived instead: a server that refuses a large request need not
    read it (RFC 9112, 9.3)."""
    if not look_at(conn, deadline - time.monotonic(), to_send=True):
        raise TimeoutError
    # What makes a socket under TLS readable may be no answer, but TLS's own.
    return receive_now(conn)


def look_at(conn: Connection, seconds: float, *, to_send: bool) -> bool:
    """Whether something can be read (or, `to_send`, be sent) within so many seconds."""
    return seconds > 0 and wait_for_socket(conn.sock, read=True, write=to_send, timeout=min(seconds, _LONGEST_WAIT))


def poller(sock: Any) -> Any:
    """What waits for a socket's reading, made once: to make it costs more than to wait."""
    if not hasattr(select, "poll"):
        return None
    made = select.poll()
    made.register(sock.fileno(), select.POLLIN)
    return made


def wait_for(conn: Connection, seconds: float) -> bool:
    """Whether the connection has something to read within so many seconds; 0 only looks, and less is over."""
    if seconds < 0:
        return False
    if conn.poller is None:
        return wait_for_socket(conn.sock, read=True, timeout=min(seconds, _LONGEST_WAIT))
    return bool(conn.poller.poll(math.ceil(min(seconds, _LONGEST_WAIT) * 1000)))
