"""aiohttp's client session for one event loop, set up by our Config and made to tell what it keeps to itself.

In: a Config; then requests. Out: aiohttp's responses, its connections' state beside them.
The rule: the only place that reaches into aiohttp's connector; aiohttp.py deals in outcomes.
"""

from __future__ import annotations

import io
import math
import socket
import time
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from togetherpy._core.config import Config, Secret
from togetherpy._core.http1 import MAX_FIELDS, MAX_HEAD, LostError, ProtocolError
from togetherpy._core.wire import Request
from togetherpy._transport.surroundings import (
    IDLE_LIMIT,
    ProxySetupError,
    default_ssl_context,
    find_proxy,
    set_options,
)

_LARGE = 512 * 1024
"""Bytes; aiohttp wants a larger body as a file, which it sends piece by piece."""


class Attempt:
    """What our connector tells of one attempt, which aiohttp keeps to itself."""

    def __init__(self, *, fresh: bool) -> None:
        self.fresh = fresh
        self.connected = False
        self.reused = True
        self.protocols = 0
        """How many protocols were made: one when TCP is connected, one more for TLS inside of a proxy's tunnel."""
        self.protocol: _Protocol | None = None
        """That of the connection, once there is one."""

    def stage(self, *, secure: bool, proxied: bool) -> str:
        """What connecting was at when it failed."""
        if self.protocols == 0 or not secure:
            return "connection"
        return "proxy CONNECT" if proxied and self.protocols == 1 else "TLS handshake"


current_attempt: ContextVar[Attempt] = ContextVar("togetherpy_attempt")


class _Protocol(ResponseHandler):
    """Ends a body whose connection is gone: aiohttp leaves one waiting that broke its framing (fault B25)."""

    received = False
    """At least one byte of the answer has arrived."""
    idle_since: tuple[float, float] = (0.0, 0.0)
    """Monotonic and wall clock of its last use: a frozen machine stops one of them (fault E15)."""

    def data_received(self, data: bytes) -> None:
        self.received = True
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        payload, broken = self._payload, self.exception() is not None
        super().connection_lost(exc)
        if payload is not None and not payload.is_eof() and payload.exception() is None:
            payload.set_exception(ProtocolError("its body is malformed") if broken else LostError())


class _Connector(aiohttp.TCPConnector):
    """Tells whether a connection is new, and makes a new one when asked to (fault E1)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType]
        self._factory: Any = self._make_protocol

    def _make_protocol(self) -> ResponseHandler:
        current_attempt.get().protocols += 1
        return _Protocol(loop=self._loop)

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        connection: Any = await super().connect(req, traces, timeout)
        attempt = current_attempt.get()
        attempt.connected = True
        attempt.protocol = connection.protocol
        connection.protocol.received = False
        return connection

    async def _get(self, key: Any, traces: Any) -> Any:
        if current_attempt.get().fresh:
            return None
        connection: Any = await super()._get(key, traces)
        while connection is not None and _too_old(connection.protocol):
            connection.close()
            connection = await super()._get(key, traces)
        return connection

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        protocol.idle_since = time.monotonic(), time.time()
        super()._release(key, protocol, should_close=should_close)

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        current_attempt.get().reused = False
        return await super()._create_connection(req, traces, timeout)


def _too_old(protocol: _Protocol) -> bool:
    monotonic, wall = protocol.idle_since
    return time.monotonic() - monotonic > IDLE_LIMIT or time.time() - wall > IDLE_LIMIT


class Proxy:
    """The proxy as aiohttp wants it."""

    def __init__(self, url: Secret) -> None:
        parts = urlsplit(str(url.reveal() if "://" in url.reveal() else "http://" + url.reveal()))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ProxySetupError(
                'the aiohttp transport takes a proxy that begins with http:// or https://; transport="threads" '
                "takes SOCKS proxies too"
            )
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.name = host if parts.port is None else f"{host}:{parts.port}"
        self.url = URL(f"{parts.scheme}://{self.name}")
        self.authorization: Secret | None = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self.authorization = Secret("Basic " + b64encode(pair.encode()).decode())


class Session:
    """aiohttp's session on one loop, and how to reach the server with it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        proxy = find_proxy(config)
        self.proxy = None if proxy is None else Proxy(proxy)
        secure = config.origin.scheme == "https" or (self.proxy is not None and self.proxy.url.scheme == "https")
        context = (config.ssl_context or default_ssl_context()) if secure else True
        self.aiohttp = aiohttp.ClientSession(
            connector=_Connector(
                limit=0, keepalive_timeout=IDLE_LIMIT, ssl=context, socket_factory=_make_socket, use_dns_cache=False
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            max_line_size=MAX_HEAD,
            max_field_size=MAX_HEAD,
            max_headers=MAX_FIELDS,
        )
        self._closer = self._until_loop_ends()

    async def close_with_loop(self) -> None:
        """From now on the session is closed when its loop shuts down, as `asyncio.run` does at its end (fault E7).

        A loop closes the asynchronous generators that have begun on it; there is no other hook.
        """
        await anext(self._closer)

    async def _until_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self.aiohttp.close()

    async def close(self) -> None:
        """Closes the connections; in the loop's own thread."""
        await self._closer.aclose()

    async def post(self, request: Request, connect: float) -> aiohttp.ClientResponse:
        """Sends the request and waits for the head of its answer; raises what aiohttp raises."""
        origin = self._config.origin
        headers = dict(request.headers)
        if request.authorization is not None:
            headers["Authorization"] = request.authorization.reveal()
        url = _url(f"{origin.scheme}://{origin.authority}{request.target}")
        options: dict[str, Any] = {}
        if self.proxy is not None:
            options["proxy"] = self.proxy.url
            if self.proxy.authorization is not None:
                # A CONNECT carries it itself; a request that is forwarded carries it among its own fields.
                fields = headers if origin.scheme == "http" else options.setdefault("proxy_headers", {})
                fields["Proxy-Authorization"] = self.proxy.authorization.reveal()
        return await self.aiohttp.request(
            request.endpoint.method,
            url,
            data=request.body if len(request.body) < _LARGE else io.BytesIO(request.body),
            headers=headers,
            allow_redirects=False,
            timeout=_connect_within(connect),
            **options,
        )


def _make_socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    set_options(sock)
    return sock


@lru_cache(maxsize=64)
def _url(text: str) -> URL:
    return URL(text, encoded=True)  # percent-encoded already


@lru_cache(maxsize=16)
def _connect_within(seconds: float) -> aiohttp.ClientTimeout:
    """A limit on connecting only; the rest is bounded by the attempt's own deadline."""
    return aiohttp.ClientTimeout(total=None, connect=None if math.isinf(seconds) else max(seconds, 0.001))
