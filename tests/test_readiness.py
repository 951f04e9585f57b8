"""Waiting for a socket on an event loop: for each arrival once, and for nobody when nobody waits."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from togetherpy._transport.readiness import Readiness


class Loop(asyncio.SelectorEventLoop):
    """Counts how often it is told to watch a socket for our sake."""

    def __init__(self) -> None:
        super().__init__()
        self.watches = False
        self.added = 0

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        if callback.__qualname__.startswith("Readiness"):
            self.watches = True
            self.added += 1
        super().add_reader(fd, callback, *args)

    def remove_reader(self, fd: Any) -> bool:  # type: ignore[override]
        self.watches = False
        return super().remove_reader(fd)


def run(body: Callable[[Readiness, socket.socket, Loop], Awaitable[None]]) -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    loop = Loop()
    with near, far, asyncio.Runner(loop_factory=lambda: loop) as runner:

        async def main() -> None:
            ready = Readiness(loop, SimpleNamespace(sock=near))  # type: ignore[arg-type]
            await body(ready, far, loop)
            ready.stop()
            assert not loop.watches

        runner.run(main())


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def test_arrivals() -> None:
    async def body(ready: Readiness, far: socket.socket, loop: Loop) -> None:
        for number in range(20):
            far.sendall(b"%d" % number)
            assert await ready.wait(soon()) == b"%d" % number
        assert loop.added == 1  # the loop is told once, not for every wait
        far.close()
        assert await ready.wait(soon()) == b""

    run(body)


def test_the_deadline() -> None:
    async def body(ready: Readiness, far: socket.socket, loop: Loop) -> None:
        for seconds in (0.02, 0.0, -1.0):
            with pytest.raises(TimeoutError):
                await ready.wait(soon(seconds))
        far.sendall(b"x")
        assert await ready.wait(float("inf")) == b"x"

    run(body)


def test_nobody_waits() -> None:
    async def body(ready: Readiness, far: socket.socket, loop: Loop) -> None:
        far.sendall(b"x")
        assert await ready.wait(soon()) == b"x"
        far.sendall(b"y")
        while loop.watches:  # the loop finds out that nobody asked for it
            await asyncio.sleep(0)
        assert await ready.wait(soon()) == b"y"
        assert loop.added == 2

    run(body)


def test_leave_to_send() -> None:
    async def body(ready: Readiness, far: socket.socket, loop: Loop) -> None:
        assert await ready.wait(soon(), to_send=True) is None
        far.sendall(b"an answer")
        assert await ready.wait(soon()) == b"an answer"

    run(body)


def test_what_is_stopped_ends_its_wait() -> None:
    async def body(ready: Readiness, far: socket.socket, loop: Loop) -> None:
        waiting = ready.wait(soon())
        loop.call_soon(ready.stop)
        with pytest.raises(OSError, match="given back"):
            await waiting

    run(body)


def test_a_loop_that_cannot_watch_sockets_says_so() -> None:
    async def body(ready: Readiness, far: socket.socket, loop: Loop) -> None:
        def refuse(*_: object) -> None:
            raise NotImplementedError

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "add_reader", refuse)
            with pytest.raises(NotImplementedError):
                ready.wait(soon())

    run(body)
