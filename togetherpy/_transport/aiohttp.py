"""Request -> outcome for asyncio on aiohttp's connections (optional extra), for thousands of them.

In: a Request and its deadline. Out: Reply, Opened or Fault, the same as from the other transports.
The rule: aiohttp connects, by the loop alone: no thread but for name look-ups. What is sent and read is ours, and so
are retries and time limits; its exceptions end here.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from typing import Any, cast

import aiohttp
from aiohttp.connector import Connection

from togetherpy._core.config import Config
from togetherpy._core.wire import Fault, Outcome, Phase, Request
from togetherpy._transport import fork as process
from togetherpy._transport.aiohttp_connections import Connecting, Connections, WireProtocol
from togetherpy._transport.answer import Answer
from togetherpy._transport.answering import finish
from togetherpy._transport.faults import (
    CLOSED,
    USED_AFTER_CLOSE,
    explain_connecting,
    explain_exchange,
    explain_no_slot,
)
from togetherpy._transport.route import ProxySetupError
from togetherpy._transport.slots import Call, Slots
from togetherpy._transport.sockets import ONE_SEND, request_bytes
from togetherpy._transport.waiting import NEVER, running_loop, wait_for_slot


class AiohttpTransport:
    """Serves several loops, one after another or at the same time, with connections for each."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._server = config.origin.authority
        self._loops: dict[asyncio.AbstractEventLoop, Connections] = {}
        self._calls: set[Call] = set()
        self._closed = False
        self._lock = threading.Lock()
        """Held while `_loops` is changed or gone through; loops run in threads of their own."""
        self._pid = process.pid
        self.slots = Slots(config.max_connections)

    async def send(self, request: Request, deadline: float, connect: float, *, fresh: bool = False) -> Outcome:
        """Sends the request and reads its answer; of an accepted stream only the head.

        `deadline`: on the monotonic clock. `connect`: seconds for connecting. `fresh`: on a new connection.
        """
        if self._pid != process.pid:
            self._forget_parent()
        if self._closed:
            return Fault("closed", "connecting", USED_AFTER_CLOSE)
        call = Call()
        self._calls.add(call)
        if not await wait_for_slot(self.slots, call, deadline - time.monotonic(), self._calls.discard):
            self._calls.discard(call)
            if call.aborted:
                return Fault("closed", "connecting", CLOSED)
            return explain_no_slot(self._server, self._config.max_connections)
        wire = _Wire(self._config, call, self.slots, self._calls)
        if self._closed:  # the slot came from a call that `close` has just ended
            wire.end(reusable=False)
            return Fault("closed", "connecting", CLOSED)
        try:
            connections = await self._connections()
            until = min(deadline, time.monotonic() + connect)
            outcome = (
                await wire.open(connections, until, fresh=fresh)
                or await wire.send(request, connections, deadline)
                or await finish(wire, request, deadline)
            )
        except ProxySetupError as error:
            outcome = Fault("proxy", "connecting", str(error), final=True)
        except BaseException:
            wire.abandon()  # CancelledError above all (fault E6)
            raise
        if isinstance(outcome, Fault):
            wire.end(reusable=False)
        return outcome

    async def _connections(self) -> Connections:
        """Those of the running loop."""
        loop = asyncio.get_running_loop()
        connections = self._loops.get(loop)
        if connections is None:
            connections = Connections(self._config)
            with self._lock:
                for other in [other for other in self._loops if other.is_closed()]:
                    del self._loops[other]
                self._loops[loop] = connections
            await connections.close_with_loop()
        return connections

    async def sleep(self, seconds: float) -> None:
        """Waits between attempts; ends early when the transport is closed."""
        call = Call()
        self._calls.add(call)
        try:
            if not self._closed:
                await wait_for_slot(NEVER, call, seconds, self._calls.discard)
        finally:
            self._calls.discard(call)

    def close(self) -> None:
        """Ends the calls that run and closes the idle connections, from any thread (fault E16). Idempotent."""
        self._closed = True
        if self._pid == process.pid:
            for call in list(self._calls):
                call.abort()
            with self._lock:
                loops = list(self._loops.items())
            for loop, connections in loops:
                with contextlib.suppress(RuntimeError):  # closed, and with it the connections
                    loop.call_soon_threadsafe(connections.drop_idle)

    async def aclose(self) -> None:
        """The same, and closes every connection."""
        self.close()
        if self._pid != process.pid:
            return
        with self._lock:
            connections = self._loops.pop(asyncio.get_running_loop(), None)
        if connections is not None:
            await connections.close()

    def _forget_parent(self) -> None:
        # A child must not write on its parent's connections (fault E8), nor close them in TLS's manner.
        self._pid, self._loops, self._calls = process.pid, {}, set()
        self._lock = threading.Lock()
        self.slots = Slots(self._config.max_connections)

    def __repr__(self) -> str:
        return f"<AiohttpTransport {self._server}>"


_PIECE = 256 * 1024
"""Bytes of a large body that are handed to the loop at a time."""


class _Wire:
    """One attempt on a connection of aiohttp's: a Wire. Lives in its loop's thread."""

    def __init__(self, config: Config, call: Call, slots: Slots, calls: set[Call]) -> None:
        self._server = config.origin.authority
        self._secure = config.origin.scheme == "https"
        self._call, self._slots, self._calls = call, slots, calls
        self._loop = asyncio.get_running_loop()
        self._pid = process.pid
        self._connection: Connection | None = None
        self._protocol: WireProtocol | None = None
        self._reused = False
        self._cut_short = False
        """The answer came before the request was sent whole: nothing can follow it."""
        self._task: asyncio.Task[Any] | None = None
        """The task that is connecting, which ends when it is cancelled."""
        self._cancelled = False
        """We have cancelled it ourselves."""
        self.answer = Answer(config.max_response_bytes)
        self.ended = False
        """The connection and its slot have been given back."""
        call.wake_by(self._wake)

    async def open(self, connections: Connections, until: float, *, fresh: bool) -> Fault | None:
        """Gets a connection, a new one if it is to be `fresh`. `until`: on the monotonic clock."""
        connection = None if fresh else await connections.idle()
        self._reused = connection is not None
        if connection is None:
            new = await self._connect(connections, until - time.monotonic())
            if isinstance(new, Fault):
                return new
            connection = new
        protocol = cast(WireProtocol, connection.protocol)
        protocol.begin()
        self._connection, self._protocol = connection, protocol
        return None

    async def _connect(self, connections: Connections, seconds: float) -> Connection | Fault:
        progress = Connecting()
        task = self._task = asyncio.current_task()
        cancelling = task.cancelling() if task is not None else 0
        proxy = connections.proxy.name if connections.proxy is not None else None
        try:
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                return await connections.connect(progress)
        except asyncio.CancelledError as error:
            if task is not None and self._cancelled and task.uncancel() <= cancelling:
                return self.fault(OSError(), "connecting")
            # aiohttp's frames hold the proxy's password among their local variables (fault G5).
            raise error.with_traceback(None) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if self._call.aborted:
                return self.fault(OSError(), "connecting")
            stage = progress.stage(secure=self._secure, proxied=proxy is not None)
            return explain_connecting(_plain(error), stage, self._server, proxy)
        finally:
            self._task = None

    async def send(self, request: Request, connections: Connections, deadline: float) -> Fault | None:
        """Sends the request, a large one no faster than it goes."""
        protocol = self._protocol
        if protocol is None:
            return self.fault(OSError(), "sent")
        protocol.write(memoryview(request_bytes(request, connections.prefix, connections.fields)))
        body = memoryview(request.body)
        for start in range(ONE_SEND, len(body), _PIECE):
            if not await protocol.room(deadline):
                return self.fault(TimeoutError(), "sent")
            if protocol.answered:
                self._cut_short = True
                break
            protocol.write(body[start : start + _PIECE])
        return None

    def wait(self, deadline: float) -> asyncio.Future[bool]:
        """True when it is worth while to ask what has arrived, False at the deadline; one waiter at a time.

        Raises:
            OSError: the connection was given back.
        """
        return self._held().wait(deadline)

    def arrived(self) -> bytes | None:
        """What has arrived; b"" when the server closed its side, None when nothing has.

        Raises:
            OSError: the connection is gone.
        """
        return self._held().arrived()

    def _held(self) -> WireProtocol:
        if self._protocol is None or self.ended:
            raise OSError("the connection was given back")
        return self._protocol

    def fault(self, error: Exception, phase: Phase) -> Fault:
        """What `error` means at this point of the attempt."""
        if self._call.aborted or self.ended:
            return Fault("closed", phase, CLOSED)
        return explain_exchange(error, phase, self._server, reused=self._reused, received=self.answer.received)

    def end(self, *, reusable: bool) -> None:
        """Gives everything back; a connection that is not `reusable` is closed first. Idempotent."""
        if self.ended:
            return
        self.ended = True
        self._call.wake_by(None)
        self._calls.discard(self._call)
        connection, protocol = self._connection, self._protocol
        if connection is not None and protocol is not None:
            if self._pid != process.pid:
                process.inherited.append(connection)
            elif reusable and not (self._call.aborted or self._cut_short) and protocol.rest():
                connection.release()
            else:
                with contextlib.suppress(RuntimeError):  # the loop has been closed
                    protocol.drop()
                with contextlib.suppress(RuntimeError):
                    connection.close()
        self._slots.release()

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""
        self._call.abort()

    def _wake(self) -> None:
        """`Call.abort`, from any thread."""
        if running_loop() is self._loop:
            self._stop()
            return
        try:
            self._loop.call_soon_threadsafe(self._stop)
        except RuntimeError:
            self.end(reusable=False)  # the loop has been closed, and nothing runs on it any more

    def _stop(self) -> None:
        if self._task is None:
            self.end(reusable=False)
        elif not self._cancelled:
            self._cancelled = True
            self._task.cancel()


def _plain(error: Exception) -> Exception:
    """An exception of aiohttp's as that of the layer below, which our reasons know."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return OSError(f"Tunnel connection failed: {error.status}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error
    if isinstance(error, (aiohttp.ServerTimeoutError, TimeoutError)):
        return TimeoutError()
    return error
