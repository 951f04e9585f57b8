"""What every transport takes from the machine it runs on: certificate authorities, socket options, clocks.

In: the environment. Out: the SSL context, a socket that is set up, the parts of a request that belong to the way.
The rule: standard library only, looked at with the first request, never at import or construction.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Mapping

from togetherpy._core.config import Origin

IDLE_LIMIT = 55.0
"""Seconds; most load balancers forget a connection after 60, and a function may thaw much later (fault E15)."""

DRAIN_SECONDS = 0.05
"""How long the end of a stream's body may take to come after the stream's own end (fault B12)."""


def clocks() -> tuple[float, float]:
    """Now, on the monotonic and on the wall clock: a frozen machine stops one of them."""
    return time.monotonic(), time.time()


def idle_too_long(since: tuple[float, float]) -> bool:
    """Whether a connection that was last used `since` has probably been forgotten by somebody on the way."""
    monotonic, wall = since
    return time.monotonic() - monotonic > IDLE_LIMIT or time.time() - wall > IDLE_LIMIT


def request_parts(origin: Origin, forwarder: Mapping[str, str] | None) -> tuple[str, str]:
    """What stands before the path in a request line, and the header fields that belong to the way.

    `forwarder`: the fields for a proxy that forwards, which wants the whole URL; None where there is no such proxy.
    """
    fields = {"Host": origin.authority, **(forwarder or {})}
    prefix = "" if forwarder is None else f"http://{origin.authority}"
    return prefix, "".join(f"{name}: {value}\r\n" for name, value in fields.items())


def set_options(sock: socket.socket) -> None:
    """No delay for small packets; keepalive, so that a NAT on the way does not forget a long generation (A7)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # TCP_KEEPIDLE is Linux's and Windows' name for what macOS calls TCP_KEEPALIVE.
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPALIVE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


_default_context: ssl.SSLContext | None = None
_default_context_lock = threading.Lock()


def default_ssl_context() -> ssl.SSLContext:
    """The one context of this process for clients that bring none: system CAs, SSL_CERT_FILE, SSL_CERT_DIR.

    Loading the CAs takes some 20 ms and a megabyte, so it happens once.
    """
    global _default_context
    with _default_context_lock:
        if _default_context is None:
            _default_context = ssl.create_default_context()
        return _default_context
