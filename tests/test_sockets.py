"""Sending and receiving on one socket: what waits, what does not, and how seldom its timeout is set."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from togetherpy._transport.sockets import receive, receive_now, send, send_now

LARGE = bytes(range(256)) * 40_000


class Counting(socket.socket):
    """Counts how often its timeout is set."""

    set = 0

    def settimeout(self, value: float | None) -> None:
        self.set += 1
        super().settimeout(value)


class Wired:
    """As much of a connection as is needed."""

    def __init__(self, sock: Counting) -> None:
        self.sock, self.armed = sock, -1.0


@pytest.fixture
def ends() -> Iterator[tuple[Any, socket.socket]]:
    near, far = socket.socketpair()
    with Counting(fileno=near.detach()) as sock, far:
        far.settimeout(20)
        yield Wired(sock), far


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def test_what_has_arrived(ends: tuple[Any, socket.socket]) -> None:
    conn, far = ends
    assert receive_now(conn) is None
    far.sendall(b"ab")
    assert receive(conn, soon()) == b"ab"
    far.sendall(b"c")
    assert receive_now(conn) == b"c"
    far.close()
    assert receive_now(conn) == b""
    assert receive(conn, soon()) == b""


def test_what_does_not_arrive_in_time(ends: tuple[Any, socket.socket]) -> None:
    conn, far = ends
    with pytest.raises(TimeoutError):
        receive(conn, soon(0.05))
    with pytest.raises(TimeoutError):
        receive(conn, soon(-1))
    far.sendall(b"late")
    assert receive(conn, float("inf")) == b"late"


def test_the_timeout_is_set_once_for_many(ends: tuple[Any, socket.socket]) -> None:
    conn, far = ends
    deadline = soon(60)
    for _ in range(50):
        far.sendall(b"x")
        assert receive(conn, deadline) == b"x"
        assert send(conn, memoryview(b"y"), deadline) is None
    assert conn.sock.set == 1
    receive_now(conn)
    receive_now(conn)
    assert conn.sock.set == 2


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
    assert send(conn, memoryview(LARGE), soon()) is None
    taking.join(20)
    assert got == [LARGE]


def test_a_body_that_nobody_takes(ends: tuple[Any, socket.socket]) -> None:
    conn, _ = ends
    rest = send_now(conn, memoryview(LARGE))
    assert 0 < len(rest) < len(LARGE)
    with pytest.raises(TimeoutError):
        send(conn, rest, soon(0.05))


def test_an_answer_that_begins_before_all_is_sent(ends: tuple[Any, socket.socket]) -> None:
    conn, far = ends
    far.sendall(b"HTTP/1.1 413")
    assert send(conn, memoryview(LARGE), soon()) == b"HTTP/1.1 413"


def test_the_other_side_is_gone(ends: tuple[Any, socket.socket]) -> None:
    conn, far = ends
    far.close()
    with pytest.raises(OSError, match=r"pipe|reset"):
        send(conn, memoryview(LARGE), soon())
