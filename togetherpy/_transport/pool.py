"""urllib3's pool of connections for one configuration: TCP, TLS, proxies, keepalive.

In: a Config. Out: a urllib3 pool whose connections tell how far connecting has got and can be aborted meanwhile.
The rule: TLS, proxies and the life of a connection are urllib3's; what happens on a connected socket is ours.

urllib3's public names serve wherever they can. Those that are private by name stand here only, each in a subclass of
the class that has it; tests/test_pool.py holds them against the lowest and the newest urllib3 that are allowed:

* `HTTPConnectionPool._new_conn`: `urlopen` copies headers, parses URLs and wraps the answer, for some 200 us a call.
  Taking a connection from the pool's own queue, which is public, or having the pool make one, costs a few.
* `HTTPConnection._new_conn`: urllib3's own gives every address the whole timeout, and nobody a handle to end it.
* `HTTPConnection._dns_host`: the name as it is to be looked up, a full stop at its end included.
* `HTTPConnection._tunnel`: only it knows when TCP is done and the proxy is asked, which the message of a failure says.
"""

from __future__ import annotations

import queue
import socket
import time
from collections import deque
from typing import Any, ClassVar, Literal, cast

from urllib3 import PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ClosedPoolError, ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssltransport import SSLTransport

from togetherpy._core.config import Config, Origin
from togetherpy._transport import idle
from togetherpy._transport.proxies import Proxy, ProxySetupError, find_proxy
from togetherpy._transport.route import default_ssl_context, request_parts, set_options
from togetherpy._transport.slots import Handle
from togetherpy._transport.sockets import poller, receive_now, wait_for

Stage = Literal["name look-up", "connection", "TLS handshake with the proxy", "proxy CONNECT", "TLS handshake"]
_LONGEST_WAIT = 1e6
"""Seconds; what sockets and locks can count. Stands for "for ever"."""


class Connection(HTTPConnection):
    """One that keeps to a deadline while connecting, says how far it got, and lets its call end it."""

    own_tcp: ClassVar[bool] = True
    call: Handle
    deadline: float
    """Of connecting, on the monotonic clock."""
    stage: Stage = "connection"
    handle: socket.socket
    """Of an open connection the socket whose shutdown ends whatever waits for it."""
    poller: Any = None
    """A `select.poll` for the open connection's reading, where the system has such."""
    readiness: Any = None
    """The Readiness of the event loop that watches the open connection, from one call to the next."""
    buffers: bool = False
    """Under TLS: `pending` tells of bytes that no look at the descriptor shows."""
    idle_since: idle.Clocks = (0.0, 0.0, 0.0)
    """What `idle.now` was when it was opened or last used."""
    _handle: socket.socket | None = None

    def open(self, call: Handle, deadline: float, pool: Connections) -> None:
        """Connects, through the proxy and TLS where there are such; raises what those layers raise."""
        self.call, self.deadline, self.stage = call, deadline, "connection"
        self.timeout = self._left()
        try:
            pool.lead(self)
            self.connect()
            self.handle = self.sock
            if isinstance(self.sock, SSLTransport):
                from togetherpy._transport.nested import NestedTLS

                self.sock = nested = NestedTLS(self.sock)
                self.handle = nested.outer
            call.watch(self.handle)
            self.sock.settimeout(0.0)  # from here on whoever waits does so by other means
            self.poller, self.buffers = poller(self.sock), hasattr(self.sock, "pending")
            self.idle_since = idle.now()
        finally:
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    @property
    def buffered(self) -> bool:
        """Whether TLS has more than was taken; not all of it need be the caller's."""
        return bool(cast(Any, self.sock).pending())

    def usable(self, loop: object) -> bool:
        """Whether the open connection can serve again, on this event loop or none: nobody has closed it, sent what
        nobody asked for, or probably forgotten it on the way."""
        if idle.too_long(self.idle_since):
            return False
        readiness = self.readiness
        if readiness is not None and readiness.loop is not loop:
            if not readiness.loop.is_closed():
                return False  # the other loop watches it
            self.readiness = None
        if not (wait_for(self, 0.0) if self.poller is None else self.poller.poll(0)):
            return True
        return self.buffers and self._only_tls()

    def _only_tls(self) -> bool:
        """Whether what has come is TLS's own: a server sends its session tickets behind the handshake, and where no
        answer has been read they lie there still."""
        try:
            return receive_now(self) is None
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        """Also tells the event loop that watches it, before the descriptor can become another connection's."""
        readiness, self.readiness = self.readiness, None
        if readiness is not None and self.sock is not None and not readiness.leave(self.sock):
            cast(Any, self).sock = None  # the loop runs in another thread, and closes it there
        super().close()

    def _left(self) -> float:
        return min(max(self.deadline - time.monotonic(), 0.001), _LONGEST_WAIT)

    def _new_conn(self) -> socket.socket:
        """TCP to the server or the proxy. urllib3's own would give every address the whole timeout."""
        if not self.own_tcp:
            return self._through_socks()
        self.stage = "name look-up"
        addresses = self.look_up()
        self.stage = "connection"
        sock = self.connect_any(addresses)
        sock.settimeout(self._left())
        if isinstance(self, HTTPSConnection):
            self.stage = "TLS handshake with the proxy" if self.proxy else "TLS handshake"
            # The handshake moves the descriptor into a new object; a duplicate still reaches the connection.
            self._handle = sock.dup()
            self.call.watch(self._handle)
        return sock

    def look_up(self) -> list[Any]:
        """The addresses of the server, or of the proxy, as `getaddrinfo` gives them."""
        # As bytes where that is the same: for a str, Python loads its tables for international names, some 1.5 ms.
        name = self._dns_host.encode() if self._dns_host.isascii() else self._dns_host
        return socket.getaddrinfo(name, self.port, 0, socket.SOCK_STREAM)

    def connect_any(self, addresses: list[Any]) -> socket.socket:
        """A socket connected to the first address that answers; each may take its share of the time that is left."""
        for left in range(len(addresses), 0, -1):
            family, kind, protocol, _, address = addresses[-left]
            sock = socket.socket(family, kind, protocol)
            try:
                set_options(sock)
                sock.settimeout(self._left() / left)
                self.call.watch(sock)
                sock.connect(address)
            except BaseException as error:
                sock.close()
                if not isinstance(error, OSError) or left == 1 or self.call.aborted:
                    raise
            else:
                return sock
        raise socket.gaierror(socket.EAI_NONAME, "no address")

    def _through_socks(self) -> socket.socket:
        """TCP by way of a SOCKS proxy, urllib3's exceptions as those that sockets raise."""
        try:
            return super()._new_conn()
        except NameResolutionError as error:
            raise socket.gaierror(socket.EAI_NONAME, "unknown name") from error
        except NewConnectionError as error:
            raise ConnectionRefusedError(0, "the proxy could not be used") from error
        except ConnectTimeoutError as error:
            raise TimeoutError from error

    def _tunnel(self) -> None:
        self.stage = "proxy CONNECT"
        super()._tunnel()
        self.stage = "TLS handshake"


class SecureConnection(Connection, HTTPSConnection):
    """The same under TLS."""


class _Idle(deque[Any]):
    """A pool's queue of the connections that nobody uses, last in, first out, without the lock of urllib3's own: the
    collector may give a connection back at any moment, also while its thread is taking one."""

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__()  # there are never more connections than slots

    def put(self, conn: Any, block: bool = True) -> None:
        """urllib3 begins with one None for each."""
        if conn is not None:
            self.append(conn)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Raises queue.Empty where urllib3's own would have a None."""
        try:
            return self.pop()
        except IndexError:
            raise queue.Empty from None

    def qsize(self) -> int:
        """Connections."""
        return len(self)


class Connections(HTTPConnectionPool):
    """The connections to one server, or to the proxy that forwards to it."""

    QueueCls = cast(Any, _Idle)
    ConnectionCls = cast(Any, Connection)
    tunnels: bool = False
    """The proxy is asked by CONNECT to pass on what it cannot read."""

    def take(self) -> Connection:
        """The pooled connection that was used last, open or not, else a new one that is not open yet."""
        idle: Any = self.pool
        if idle is None:
            raise ClosedPoolError(self, "Pool is closed.")
        try:
            made: Any = idle.pop()
        except IndexError:
            made = self._new_conn()
        conn: Connection = made
        return conn

    def give_back(self, conn: Connection) -> None:
        """Returns what `take` gave; a closed one is opened again when it is next taken."""
        idle: Any = self.pool
        if idle is None:
            conn.close()
        else:
            idle.append(conn)

    def lead(self, conn: Connection) -> None:
        """Has a connection that is to be opened go the way through the proxy."""
        if self.tunnels and self.proxy is not None:
            host = f"[{self.host}]" if ":" in self.host else self.host
            conn.set_tunnel(host, self.port, self.proxy_headers, self.proxy.scheme or "http")


class SecureConnections(Connections, HTTPSConnectionPool):
    """The same under TLS."""

    ConnectionCls = cast(Any, SecureConnection)


class Route:
    """The way to the server: a urllib3 pool, and what a proxy on the way asks of a request."""

    def __init__(self, connections: Connections, proxy: Proxy | None, origin: Origin) -> None:
        self.connections = connections
        self.proxy = None if proxy is None else proxy.authority
        """host:port of the proxy, for messages; None without one."""
        self.hint = _plain_hint(origin, proxy)
        """What to do if the other side speaks TLS after all; empty where we do, too."""
        connections.tunnels = connections.proxy is not None and origin.scheme == "https"
        forwards = connections.proxy is not None and origin.scheme == "http"
        self.prefix, self.fields = request_parts(origin, connections.proxy_headers if forwards else None)

    def __repr__(self) -> str:
        return f"<Route by way of {self.proxy}>" if self.proxy else "<Route>"


def _plain_hint(origin: Origin, proxy: Proxy | None) -> str:
    if origin.scheme == "https" or (proxy is not None and proxy.scheme == "https"):
        return ""
    if proxy is None or proxy.scheme != "http":
        return f"If {origin.authority} speaks TLS, base_url must begin with https://."
    return f"If the proxy {proxy.authority} speaks TLS, its URL must begin with https://."


def make_route(config: Config) -> Route:
    """The way to the server of `config`, by way of its proxy if it has one. Opens nothing.

    Raises:
        ProxySetupError: the proxy cannot be used as it is configured.
    """
    origin, proxy = config.origin, find_proxy(config)
    options: dict[str, Any] = {"num_pools": 1, "maxsize": config.max_connections, "block": False, "retries": False}
    if origin.scheme == "https" or (proxy is not None and proxy.scheme == "https"):
        context = config.ssl_context or default_ssl_context(trust_env=config.trust_env)
        # urllib3 would look at the host's name itself where the context does not.
        options |= {"ssl_context": context, "assert_hostname": None if context.check_hostname else False}
    manager = _manager(proxy, options)
    connections = cast(Connections, manager.connection_from_host(origin.host, origin.port, origin.scheme))
    return Route(connections, proxy, origin)


def _manager(proxy: Proxy | None, options: dict[str, Any]) -> PoolManager:
    if proxy is not None and proxy.scheme.startswith("socks"):
        return _socks_manager(proxy, options)
    if proxy is None:
        manager = PoolManager(**options)
    else:
        for name in ("ssl_context", "assert_hostname"):
            options[f"proxy_{name}"] = options.get(name)
        manager = ProxyManager(proxy.url, proxy_headers=proxy.headers(), **options)
    _use(manager, {"http": Connections, "https": SecureConnections})
    return manager


def _use(manager: PoolManager, classes: dict[str, type[HTTPConnectionPool]]) -> None:
    """Has `manager` make our pools. urllib3 documents this attribute for the purpose, but types it too narrowly."""
    cast(Any, manager).pool_classes_by_scheme = classes


def _socks_manager(proxy: Proxy, options: dict[str, Any]) -> PoolManager:
    try:
        from urllib3.contrib import socks
    except ImportError:
        raise ProxySetupError("a SOCKS proxy needs the extra: pip install 'togetherpy[socks]'") from None

    class SocksConnection(Connection, socks.SOCKSConnection):  # pyright: ignore[reportIncompatibleMethodOverride]
        own_tcp = False

    class SecureSocksConnection(SecureConnection, socks.SOCKSHTTPSConnection):  # pyright: ignore[reportIncompatibleMethodOverride]
        own_tcp = False

    class Pool(Connections):
        ConnectionCls = cast(Any, SocksConnection)

    class SecurePool(SecureConnections):
        ConnectionCls = cast(Any, SecureSocksConnection)

    manager = socks.SOCKSProxyManager(proxy.url, *proxy.name_and_password(), **options)
    _use(manager, {"http": Pool, "https": SecurePool})
    return manager
