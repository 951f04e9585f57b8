"""Waiting for a socket on an event loop: for each arrival once, and for nobody when nobody waits."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import pytest

from togetherpy._transport.readiness import Readiness


class Loop(asyncio.SelectorEventLoop):
    """Remembers what it watches."""

    def __init__(self) -> None:
        super().__init__()
        self.watched: set[int] = set()
        self.added = 0

    def add_reader(self, fd: int, callback: Callable[..., object], *args: object) -> None:  # type: ignore[override]
        if isinstance(fd, int) and callback.__qualname__.startswith("Readiness"):
            self.watched.add(fd)
            self.added += 1
        super().add_reader(fd, callback, *args)  # type: ignore[arg-type]

    def remove_reader(self, fd: int) -> bool:  # type: ignore[override]
        self.watched.discard(fd)
        return super().remove_reader(fd)


Body = Callable[[Readiness, socket.socket, list[bytes], Loop], Awaitable[None]]


def run(body: Body) -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    got: list[bytes] = []

    def read() -> bool:
        try:
            got.append(near.recv(100))
        except BlockingIOError:
            return False
        return True

    loop = Loop()
    with near, far, asyncio.Runner(loop_factory=lambda: loop) as runner:

        async def main() -> None:
            await body(Readiness(loop, near.fileno(), read), far, got, loop)

        runner.run(main())
    assert not loop.watched


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def test_arrivals() -> None:
    async def body(ready: Readiness, far: socket.socket, got: list[bytes], loop: Loop) -> None:
        for number in range(20):
            far.sendall(b"%d" % number)
            assert await ready.wait(soon())
        assert got == [b"%d" % number for number in range(20)]
        assert loop.added == 1  # the loop is told once, not for every wait
        far.close()
        assert await ready.wait(soon())
        assert got[-1] == b""
        ready.stop()

    run(body)


def test_the_deadline() -> None:
    async def body(ready: Readiness, far: socket.socket, got: list[bytes], loop: Loop) -> None:
        for seconds in (0.02, 0.0, -1.0):
            assert not await ready.wait(soon(seconds))
        waiting = asyncio.ensure_future(ready.wait(float("inf")))
        await asyncio.sleep(0)
        far.sendall(b"x")
        assert await waiting
        ready.stop()

    run(body)


def test_nobody_waits() -> None:
    async def body(ready: Readiness, far: socket.socket, got: list[bytes], loop: Loop) -> None:
        far.sendall(b"x")
        assert await ready.wait(soon())
        far.sendall(b"y")
        while loop.watched:  # the loop finds out that nobody asked for it
            await asyncio.sleep(0)
        assert got == [b"x"]
        assert await ready.wait(soon())
        assert got == [b"x", b"y"]
        assert loop.added == 2
        ready.stop()

    run(body)


def test_what_is_stopped_ends_its_wait() -> None:
    async def body(ready: Readiness, far: socket.socket, got: list[bytes], loop: Loop) -> None:
        waiting = ready.wait(soon())
        loop.call_soon(ready.stop)
        assert not await waiting

    run(body)


def test_a_loop_that_cannot_watch_sockets_says_so() -> None:
    async def body(ready: Readiness, far: socket.socket, got: list[bytes], loop: Loop) -> None:
        def refuse(*_: object) -> None:
            raise NotImplementedError

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "add_reader", refuse)
            with pytest.raises(NotImplementedError):
                ready.wait(soon())

    run(body)
