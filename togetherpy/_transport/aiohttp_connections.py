"""aiohttp's connector for one configuration: names, TCP, TLS, proxies, keepalive on the running loop.

In: a Config. Out: connections whose bytes are handed on as they came.
The rule: how connections are made and how long they live is aiohttp's; HTTP is read in `_core`, as strictly as for the
other transports, and in a tenth of the time that aiohttp's own requests and responses take.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from urllib3.util.wait import wait_for_read
from yarl import URL

from togetherpy._core.config import Config, Secret
from togetherpy._transport import fork as process
from togetherpy._transport.route import (
    IDLE_LIMIT,
    ProxySetupError,
    clocks,
    default_ssl_context,
    find_proxy,
    idle_too_long,
    proxy_login,
    request_parts,
    set_options,
)
from togetherpy._transport.waiting import Arrival

_MOST_HELD = 64 * 1024
"""Bytes that may lie unread before the sender is stopped (by TCP)."""


class Connecting:
    """How far connecting has got, which aiohttp keeps to itself."""

    def __init__(self) -> None:
        self.protocols: list[WireProtocol] = []
        """Those that were made: one when TCP is connected, one more for TLS inside of a proxy's tunnel."""

    def stage(self, *, secure: bool, proxied: bool) -> str:
        """What it was at when it failed."""
        if not self.protocols or not secure:
            return "connection"
        return "proxy CONNECT" if proxied and len(self.protocols) == 1 else "TLS handshake"

    def give_up(self) -> None:
        """Closes what was made, which aiohttp forgets when it is closed itself meanwhile."""
        for protocol in self.protocols:
            protocol.drop()


_connecting: ContextVar[Connecting] = ContextVar("togetherpy_connecting")


class WireProtocol(ResponseHandler):
    """One connection, in its loop's thread. What aiohttp's own class would parse is the answer to CONNECT only."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.idle_since = 0.0, 0.0
        """`clocks` of its last use."""
        self._in_use = True
        self._pieces: list[bytes] = []
        self._size = 0
        self._held = False
        """The sender is stopped."""
        self._lost: BaseException | bool = False
        """The connection is gone; why, if it was not by a proper end."""
        self._arrival, self._room = Arrival(loop), Arrival(loop)

    def begin(self) -> None:
        """From now on what arrives is for us."""
        self._in_use = True

    def rest(self) -> bool:
        """The connection is not needed for now; whether it can be used again."""
        self._in_use = False
        self.idle_since = clocks()
        # What is still to be sent when the answer has come will perhaps never be taken.
        sent = self.transport is not None and not self.transport.get_write_buffer_size()
        return sent and not (self._pieces or self._lost)

    def usable(self) -> bool:
        """Whether the connection has not been idle for too long, nor has anything come that nobody asked for.

        What has come is perhaps with the system still: the loop tells of it one turn later.
        """
        sock = None if self.transport is None else self.transport.get_extra_info("socket")
        return not (sock is None or idle_too_long(self.idle_since) or wait_for_read(sock, 0.0))

    def data_received(self, data: bytes) -> None:
        if self._parser is not None:
            super().data_received(data)
        elif self._in_use:
            self._pieces.append(data)
            self._size += len(data)
            self._arrival.tell()
            if self.writing_paused:
                self._room.tell()
            if self._size > _MOST_HELD and not self._held and self.transport is not None:
                self._held = True
                self.transport.pause_reading()
        elif self.transport is not None:
            self.transport.abort()  # nobody asked: what else it says cannot be trusted

    def connection_lost(self, exc: BaseException | None) -> None:
        # Without the traceback: asyncio's frames hold the request, and with it the key, among their locals (fault G5).
        self._lost = True if exc is None else exc.with_traceback(None)
        if exc is not None and self._in_use:
            self._save_unread()
        super().connection_lost(exc)
        for awaited in (self._arrival, self._room):
            awaited.tell()
            awaited.stop()

    def _save_unread(self) -> None:
        """Takes what came before sending failed: a refusal of a large request, which asyncio would throw away."""
        transport = self.transport
        if transport is None or transport.get_extra_info("sslcontext") is not None:
            return  # of TLS only asyncio has the keys
        with (
            contextlib.suppress(OSError),
            socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as sock,
        ):
            sock.setblocking(False)
            while self._size < _MOST_HELD and (data := sock.recv(_MOST_HELD)):
                self._pieces.append(data)
                self._size += len(data)

    def wait(self, deadline: float) -> asyncio.Future[bool]:
        """True when something has arrived or the connection is gone, False at the deadline."""
        if not (self._pieces or self._lost):
            return self._arrival.wait(deadline)
        now: asyncio.Future[bool] = self._loop.create_future()
        now.set_result(True)
        return now

    def arrived(self) -> bytes | None:
        """What has arrived; b"" when the server closed its side, None when nothing has.

        Raises:
            OSError: the connection broke.
        """
        pieces = self._pieces
        if pieces:
            data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            self._size = 0
            if self._held and self.transport is not None:
                self._held = False
                with contextlib.suppress(RuntimeError):  # uvloop's, of a connection that is about to be lost
                    self.transport.resume_reading()
            return data
        if self._lost is False:
            return None
        if self._lost is True:
            return b""
        lost = self._lost
        raise lost if isinstance(lost, OSError) else OSError(0, str(lost)) from None

    def write(self, data: bytes | memoryview) -> None:
        """Sends, or keeps what the socket does not take. Of a connection that is gone the reading tells."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    async def room(self, deadline: float) -> bool:
        """Waits until what was written has mostly gone, or there is an answer already; False at the deadline."""
        await asyncio.sleep(0)  # of TLS, the loop tells only later that a connection is lost
        while self.writing_paused and not self.answered:
            if not await self._room.wait(deadline):
                return False
        return True

    @property
    def answered(self) -> bool:
        """Something has arrived, or the connection is gone: nothing more needs to be sent."""
        return bool(self._pieces or self._lost)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._room.tell()

    def drop(self) -> None:
        """Closes without sending what is left, nor waiting for the other side's goodbye."""
        self._arrival.stop()
        self._room.stop()
        if self.transport is not None:
            self.transport.abort()


class _Connector(aiohttp.TCPConnector):
    """Makes our protocols, and a new connection whenever it is asked to connect."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType]
        self._factory: Any = self._make_protocol

    def _make_protocol(self) -> WireProtocol:
        protocol = WireProtocol(self._loop)
        _connecting.get().protocols.append(protocol)
        return protocol

    def __del__(self, _warnings: Any = None) -> None:
        """Closes nothing, unlike aiohttp's: that could be in a forked child, or in another thread than the loop's."""

    def drop_idle(self) -> None:
        """Closes the connections that nobody uses."""
        idle = [protocol for kept in self._conns.values() for protocol, _ in kept]
        self._conns.clear()
        for protocol in idle:
            cast(WireProtocol, protocol).drop()

    async def idle(self, key: Any) -> Connection | None:
        """A connection that has served before and can again."""
        while (connection := await super()._get(key, [])) is not None:
            protocol = cast(WireProtocol, connection.protocol)
            if protocol.usable():
                return connection
            protocol.drop()
            connection.close()
        return None

    async def _get(self, key: Any, traces: Any) -> Connection | None:
        return None  # `idle` was asked already, or a new one is wanted (fault E1)


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
            self.authorization = proxy_login(Secret(f"{parts.username}:{parts.password or ''}"))

    def fields(self) -> dict[str, str]:
        """The header fields that are for the proxy."""
        return {} if self.authorization is None else {"Proxy-Authorization": self.authorization.reveal()}


class Connections:
    """Those of one loop to the server of one configuration."""

    def __init__(self, config: Config) -> None:
        self._origin = origin = config.origin
        proxy = find_proxy(config)
        self.proxy = None if proxy is None else Proxy(proxy)
        secure = origin.scheme == "https" or (self.proxy is not None and self.proxy.url.scheme == "https")
        self._connector = _Connector(
            limit=0,
            keepalive_timeout=IDLE_LIMIT,
            ssl=(config.ssl_context or default_ssl_context()) if secure else True,
            socket_factory=_make_socket,
            use_dns_cache=False,
        )
        self._key: Any = None
        """What the connector knows our connections by; None before the first."""
        self.prefix, self.fields = request_parts(
            origin, self.proxy.fields() if self.proxy is not None and origin.scheme == "http" else None
        )
        self._pid = process.pid
        self._closer = self._until_loop_ends()

    async def idle(self) -> Connection | None:
        """A connection that has served before and can again. Does not wait."""
        return None if self._key is None else await self._connector.idle(self._key)

    async def connect(self, progress: Connecting) -> Connection:
        """A new connection; raises what aiohttp raises."""
        token = _connecting.set(progress)
        try:
            request = self._make_request()
            self._key = request.connection_key
            return await self._connector.connect(request, [], aiohttp.ClientTimeout(total=None))
        except BaseException:
            progress.give_up()
            raise
        finally:
            with contextlib.suppress(ValueError):  # a coroutine that is closed from outside is in another context
                _connecting.reset(token)

    def _make_request(self) -> aiohttp.ClientRequest:
        """A request that is never sent: the connector takes from it where to connect to, and how."""
        origin = self._origin
        options: dict[str, Any] = {}
        if self.proxy is not None:
            options = {"proxy": self.proxy.url, "proxy_headers": self.proxy.fields()}
        return aiohttp.ClientRequest(
            "GET",
            URL(f"{origin.scheme}://{origin.authority}/", encoded=True),
            headers={"Host": origin.authority},
            loop=asyncio.get_running_loop(),
            **options,
        )

    async def close_with_loop(self) -> None:
        """From now on they are closed when their loop shuts down, as `asyncio.run` does at its end (fault E7).

        A loop closes the asynchronous generators that have begun on it; there is no other hook.
        """
        await anext(self._closer)

    async def _until_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            if self._pid == process.pid:
                await self._connector.close()
            else:
                process.inherited.append(self)

    def drop_idle(self) -> None:
        """Closes those that nobody uses; in the loop's own thread."""
        self._connector.drop_idle()

    async def close(self) -> None:
        """Closes them; in the loop's own thread."""
        await self._closer.aclose()


def _make_socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    set_options(sock)
    return sock
