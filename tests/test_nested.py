"""TLS inside TLS over a pair of sockets: what waits, what does not, and what ends."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from urllib3.util.ssltransport import SSLTransport

from togetherpy._transport.nested import NestedTLS

SIZE = 3_000_000


def server_transport(outer: ssl.SSLSocket, context: ssl.SSLContext) -> Any:
    """What urllib3 has for a client's side only."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    sslobj = context.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            sslobj.do_handshake()
        except ssl.SSLWantReadError:
            outer.sendall(outgoing.read())
            incoming.write(outer.recv(65536))
        else:
            outer.sendall(outgoing.read())
            return SimpleNamespace(socket=outer, sslobj=sslobj, incoming=incoming, outgoing=outgoing)


@pytest.fixture
def ends() -> Iterator[tuple[NestedTLS, NestedTLS]]:
    """Client and server, connected."""
    authority = trustme.CA()
    here, there = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(here)
    authority.issue_cert("localhost").configure_cert(there)
    near, far = socket.socketpair()
    made: list[NestedTLS] = []

    def serve() -> None:
        made.append(NestedTLS(server_transport(there.wrap_socket(far, server_side=True), there)))

    server = threading.Thread(target=serve)
    server.start()
    outer = here.wrap_socket(near, server_hostname="localhost")
    client = NestedTLS(SSLTransport(outer, here, server_hostname="localhost"))
    server.join(20)
    for end in (client, made[0]):
        end.settimeout(20)
    yield client, made[0]
    client.close()
    made[0].close()


def receive_all(end: NestedTLS, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += end.recv(65536)
    return received


def test_what_does_not_go_at_once_is_not_lost(ends: tuple[NestedTLS, NestedTLS]) -> None:
    client, server = ends
    data = bytes(range(256)) * (SIZE // 256)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(receive_all(server, len(data))))
    client.settimeout(0.0)
    rest, refused = memoryview(data), 0
    while rest:
        try:
            rest = rest[client.send(rest) :]
        except ssl.SSLWantWriteError:
            refused += 1
            if not reader.is_alive():
                reader.start()
    reader.join(20)
    assert refused
    assert got == [data]


def test_nothing_has_come(ends: tuple[NestedTLS, NestedTLS]) -> None:
    client, _ = ends
    client.settimeout(0.0)
    with pytest.raises(ssl.SSLWantReadError):
        client.recv(100)
    client.settimeout(0.01)
    with pytest.raises(TimeoutError):
        client.recv(100)


def test_what_came_is_told_though_the_descriptor_is_quiet(ends: tuple[NestedTLS, NestedTLS]) -> None:
    client, server = ends
    for _ in range(50):
        server.send(b"x")
    assert client.recv(1) == b"x"
    received = 1
    while received < 50:
        received += len(client.recv(100))
    assert client.pending() == 0
    # Two records of the inner TLS in one of the outer.
    parts = []
    for _ in range(2):
        server.tls.write(b"yy")
        parts.append(server._outgoing.read())
    server.outer.sendall(b"".join(parts))
    assert client.recv(2) == b"yy"
    assert client.pending() > 0
    client.settimeout(0.0)
    assert client.recv(2) == b"yy"


def test_a_record_that_never_becomes_whole_is_not_waited_for_without_end(ends: tuple[NestedTLS, NestedTLS]) -> None:
    client, server = ends
    server.tls.write(b"x" * 10_000)
    record = server._outgoing.read()
    over = threading.Event()

    def drip() -> None:
        for byte in record:
            server.outer.sendall(bytes([byte]))
            if over.wait(0.02):
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(100)
    over.set()
    dripping.join(20)


@pytest.mark.parametrize("how", ["the proxy", "the connection"])
def test_the_end(ends: tuple[NestedTLS, NestedTLS], how: str) -> None:
    client, server = ends
    server.send(b"last")

    def goodbye() -> None:
        with contextlib.suppress(OSError):  # the other side does not say it
            server.outer.unwrap()

    ending = threading.Thread(target=goodbye if how == "the proxy" else server.close)
    ending.start()
    assert client.recv(100) == b"last"
    assert client.recv(100) == b""
    assert client.recv(100) == b""
    client.close()
    ending.join(20)
