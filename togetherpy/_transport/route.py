"""What every transport takes from the machine it runs on: proxies, certificate authorities, socket options.

In: a Config and the environment. Out: the proxy to use, the SSL context, a socket that is set up.
The rule: standard library only, looked at with the first request, never at import or construction.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote

from togetherpy._core.config import Config, Origin, Secret

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


class ProxySetupError(ValueError):
    """A proxy that cannot be used as it is configured; the message says what to change."""


def find_proxy(config: Config) -> Secret | None:
    """The proxy for the server of `config`: the argument, else the environment's (fault A8)."""
    if config.proxy is not None:
        return config.proxy
    if not config.trust_env or not any(name.lower().endswith("_proxy") and os.environ[name] for name in os.environ):
        return None
    return _proxy_from_environment(config.origin)


def _proxy_from_environment(origin: Origin) -> Secret | None:
    from urllib.request import getproxies_environment, proxy_bypass

    def wanted() -> Secret:
        proxies = getproxies_environment()
        return Secret(proxies.get(origin.scheme) or proxies.get("all"))

    if wanted().reveal() is None or proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    return wanted()


def proxy_login(login: Secret) -> Secret:
    """The value of Proxy-Authorization (RFC 7617). `login`: name:password, as it stands in a URL."""
    return Secret("Basic " + b64encode(unquote(login.reveal()).encode()).decode())


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
