"""The pool against the urllib3 that is installed: .ci/run has the newest that is allowed, and once the lowest."""

import ast
import http.client
import inspect
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from support.answers import OK
from support.scripted import ScriptedServer, request, send
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager, ProxyManager
from urllib3.util.ssltransport import SSLTransport

import togetherpy
from togetherpy._core.config import Secret, make_config
from togetherpy._transport import pool
from togetherpy._transport.pool import Connection, Route, make_route
from togetherpy._transport.slots import Handle

ROOT = Path(togetherpy.__file__).parent
PRIVATE: dict[str, tuple[tuple[type, ...], Callable[..., Any]]] = {
    "_new_conn": ((HTTPConnection, HTTPConnectionPool), lambda self: None),
    "_tunnel": ((HTTPConnection,), lambda self: None),
}
"""Methods whose names are private: the classes of urllib3's that have them, and how they are called."""


def names(source: str) -> Iterator[str]:
    """The private names that a source uses as attributes or defines as methods."""
    for node in ast.walk(ast.parse(source)):
        name = getattr(node, "attr", None) or (node.name if isinstance(node, ast.FunctionDef) else "")
        if re.match("_[a-z]", name):
            yield name


def stored(source: str) -> Iterator[str]:
    """The names that a source sets on objects: its own attributes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def methods(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


THEIRS = {
    name
    for module in (urllib3.connection, urllib3.connectionpool, urllib3.poolmanager, http.client)
    for name in names(inspect.getsource(module))
}


@pytest.mark.parametrize("name", PRIVATE)
def test_private_method_is_there_and_takes_what_it_is_given(name: str) -> None:
    owners, call = PRIVATE[name]
    for owner in owners:
        theirs = inspect.signature(getattr(owner, name))
        theirs.bind(*inspect.signature(call).parameters)


def test_a_pool_makes_its_queue_by_the_public_name() -> None:
    made = HTTPConnectionPool("127.0.0.1", maxsize=2)
    assert {"put", "get", "qsize"} <= set(dir(made.QueueCls))
    way = route("http://127.0.0.1:1")
    idle: Any = way.connections.pool
    assert (type(idle), idle.qsize(), len(idle)) == (way.connections.QueueCls, 0, 0)
    way.connections.close()
    assert way.connections.pool is None


def test_private_attribute_is_there() -> None:
    connection = HTTPConnection("Server.Example.")
    assert connection._dns_host == "Server.Example."
    assert connection.host == "Server.Example"


def test_private_names_stand_in_one_module_and_its_docstring() -> None:
    assert {"_get_conn", "_prepare_proxy", "_dns_host", "_connect_tls_proxy"} < THEIRS
    source = (ROOT / "_transport/pool.py").read_text("utf-8")
    used = (set(names(source)) & THEIRS) - set(stored(source))
    assert used == {*PRIVATE, "_dns_host"}
    for name in used:
        assert pool.__doc__ is not None
        assert name in pool.__doc__


def test_private_names_stand_in_subclasses() -> None:
    tree = ast.parse((ROOT / "_transport/pool.py").read_text("utf-8"))
    others = [node for node in tree.body if not (isinstance(node, ast.ClassDef) and node.bases)]
    used = {name for node in others for name in names(ast.unparse(node))}
    assert not used & {*PRIVATE, "_dns_host"}


def test_no_other_module_uses_private_names() -> None:
    others = {path: path.read_text("utf-8") for path in ROOT.rglob("*.py") if path != ROOT / "_transport/pool.py"}
    own = {name for source in others.values() for name in (*methods(source), *stored(source))}
    for path, source in others.items():
        assert not (set(names(source)) & THEIRS) - own, path


def test_public_names_are_as_they_are_used() -> None:
    inspect.signature(HTTPConnection.set_tunnel).bind(None, "host", 443, {}, "https")
    for name in ("sslobj", "incoming", "outgoing", "socket"):
        assert f"self.{name} = " in inspect.getsource(SSLTransport.__init__)
    manager = ProxyManager("https://proxy.example", proxy_ssl_context=ssl.create_default_context())
    for one in (PoolManager(), manager):
        assert set(one.pool_classes_by_scheme) == {"http", "https"}
    assert HTTPSConnectionPool.ConnectionCls is HTTPSConnection


# What we do with it


def route(base_url: str, **options: Any) -> Route:
    return make_route(make_config(lambda _: None, api_key=Secret("key-key"), base_url=base_url, **options))


def opened(way: Route) -> Connection:
    conn = way.connections.take()
    assert conn.is_closed
    conn.open(Handle(), float("inf"), way.connections)
    return conn


def test_a_connection_is_opened_once_and_taken_again() -> None:
    with ScriptedServer([request, send(OK)]) as server:
        way = route(server.base_url)
        conn = opened(way)
        assert conn.handle is conn.sock
        way.connections.give_back(conn)
        assert way.connections.take() is conn
        assert conn.usable(None)
        conn.close()
        way.connections.give_back(conn)
        assert way.connections.take().is_closed
        server.wait_connections(1)
        assert server.connections == 1
        way.connections.close()


def test_a_connection_that_the_server_closed_is_found_closed() -> None:
    with ScriptedServer([]) as server:
        way = route(server.base_url)
        conn = opened(way)
        server.wait_gone(0)
        conn.sock.settimeout(20)
        assert conn.sock.recv(1, socket.MSG_PEEK) == b""
        way.connections.give_back(conn)
        assert not way.connections.take().usable(None)
        conn.close()


@pytest.mark.parametrize(
    ("base_url", "proxy", "tunnels", "prefix", "target"),
    [
        ("http://server.example", None, False, "", ("http", "server.example", 80)),
        ("https://server.example", None, False, "", ("https", "server.example", 443)),
        ("http://server.example", "http://p:1", False, "http://server.example", ("http", "p", 1)),
        ("http://server.example", "https://p:1", False, "http://server.example", ("https", "p", 1)),
        ("https://server.example", "http://p:1", True, "", ("https", "server.example", 443)),
        ("https://server.example", "https://p:1", True, "", ("https", "server.example", 443)),
        ("https://[::1]:8", "https://p:1", True, "", ("https", "::1", 8)),
        ("https://server.example", "socks5://p:1", False, "", ("https", "server.example", 443)),
    ],
)
def test_routes(base_url: str, proxy: str | None, tunnels: bool, prefix: str, target: tuple[str, str, int]) -> None:
    way = route(base_url, proxy=None if proxy is None else Secret(proxy))
    connections = way.connections
    assert (connections.scheme, connections.host, connections.port) == target
    assert connections.tunnels == tunnels
    assert way.prefix == prefix
    assert way.proxy == (None if proxy is None else "p:1")
    assert bool(way.hint) == (base_url.startswith("http:") and proxy != "https://p:1")
