"""Sending and receiving on one socket that never blocks: what waits, what does not, and for how long."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from togetherpy._transport.sockets import poller, receive, receive_now, send_now, wait_for, wait_to_send

LARGE = bytes(range(256)) * 40_000


class Wired:
    """As much of a connection as is needed."""

    buffers = False

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0.0)
        self.sock, self.poller = sock, poller(sock)


@pytest.fixture(params=["poll", "no poll"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[Any, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        far.settimeout(20)
        conn = Wired(near)
        if request.param == "no poll":
            conn.poller = None
        yield conn, far


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def test_what_has_arrived(ends: tuple[Any, socket.socket]) -> None:
    conn, far = ends
    assert receive_now(conn) is None
    assert not wait_for(conn, 0)
    far.sendall(b"ab")
    assert wait_for(conn, 0)
    assert not wait_for(conn, -1)
    assert receive(conn, soon()) == b"ab"
    far.sendall(b"c")
    assert receive_now(conn) == b"c"
    far.close()
    assert receive_now(conn) == b""
    assert receive(conn, soon()) == b""


def test_what_does_not_arrive_in_time(ends: tuple[Any, socket.socket]) -> None:
    conn, far = ends
    for seconds in (0.05, 0.0, -1.0):
        with pytest.raises(TimeoutError):
            receive(conn, soon(seconds))
    far.sendall(b"late")
    assert receive(conn, float("inf")) == b"late"


def test_a_large_body_goes_as_it_is_taken(ends: tuple[Any, socket.socket]) -> None:
    conn, far = ends
    got: list[bytes] = []

    def take() -> None:
        received = b""
        while len(received) < len(LARGE):
            received += far.recv(1 << 20)
        got.append(received)

    taking = threading.Thread(target=take)
    taking.start()
    rest = send_now(conn, memoryview(LARGE))
    while rest:
        assert wait_to_send(conn, soon()) is None
        rest = send_now(conn, rest)
    taking.join(20)
    assert got == [LARGE]


def fill(conn: Any) -> None:
    rest = memoryview(LARGE)
    while len(left := send_now(conn, rest)) < len(rest):
        rest = left
    assert rest


def test_a_body_that_nobody_takes(ends: tuple[Any, socket.socket]) -> None:
    conn, _ = ends
    fill(conn)
    with pytest.raises(TimeoutError):
        wait_to_send(conn, soon(0.05))


def test_an_answer_that_begins_before_all_is_sent(ends: tuple[Any, socket.socket]) -> None:
    conn, far = ends
    fill(conn)
    far.sendall(b"HTTP/1.1 413")
    assert wait_to_send(conn, soon()) == b"HTTP/1.1 413"


def test_the_other_side_is_gone(ends: tuple[Any, socket.socket]) -> None:
    conn, far = ends
    far.close()
    with pytest.raises(OSError, match=r"pipe|reset"):
        send_now(conn, memoryview(LARGE))
