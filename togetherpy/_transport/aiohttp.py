"""Request -> outcome for asyncio on aiohttp's client (optional extra), for thousands of connections.

In: a Request and its deadline. Out: Reply, Opened or Fault, the same as from the other transports.
The rule: one policy layer, which is not aiohttp's: its retries, redirects, cookies, netrc, proxies and timeouts are
off or set from our Config; its exceptions end here.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
from typing import Any

import aiohttp

from togetherpy._core.answer import BodyReader, TooLargeError, is_event_stream
from togetherpy._core.config import Config
from togetherpy._core.http1 import LostError, ProtocolError
from togetherpy._core.wire import Fault, Headers, Opened, Outcome, Phase, Reply, Request
from togetherpy._transport.aiohttp_session import Attempt, Session, current_attempt
from togetherpy._transport.calls import Call, Slots
from togetherpy._transport.reasons import (
    CLOSED,
    USED_AFTER_CLOSE,
    explain_connecting,
    explain_exchange,
    explain_no_slot,
)
from togetherpy._transport.surroundings import DRAIN_SECONDS, ProxySetupError
from togetherpy._transport.waiting import NEVER, running_loop, wait_for_slot


class AiohttpTransport:
    """Serves several loops, one after another or at the same time, with a session for each."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._server = config.origin.authority
        self._sessions: dict[asyncio.AbstractEventLoop, Session] = {}
        self._calls: set[Call] = set()
        self._closed = False
        self._pid = os.getpid()
        self.slots = Slots(config.max_connections)

    async def send(self, request: Request, deadline: float, connect: float, *, fresh: bool = False) -> Outcome:
        """Sends the request and reads its answer; of an accepted stream only the head.

        `deadline`: on the monotonic clock. `connect`: seconds for connecting. `fresh`: on a new connection.
        """
        if self._pid != os.getpid():
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
        exchange = _Exchange(self._config, call, self.slots, self._calls)
        if self._closed:  # the slot came from a call that `close` has just ended
            exchange.drop()
            return Fault("closed", "connecting", CLOSED)
        try:
            outcome = await exchange.run(await self._session(), request, deadline, connect, fresh)
        except ProxySetupError as error:
            outcome = Fault("proxy", "connecting", str(error), final=True)
        except BaseException:
            exchange.drop()
            raise
        if not isinstance(outcome, Opened):
            exchange.drop()
        return outcome

    async def _session(self) -> Session:
        """The session of the running loop."""
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            self._sessions = {loop: other for loop, other in self._sessions.items() if not loop.is_closed()}
            session = self._sessions[loop] = Session(self._config)
            await session.close_with_loop()
        return session

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
        """Ends the calls that run, from any thread (fault E16). Idempotent."""
        self._closed = True
        if self._pid == os.getpid():
            for call in list(self._calls):
                call.abort()

    async def aclose(self) -> None:
        """The same, and closes every connection."""
        self.close()
        running = asyncio.get_running_loop()
        for loop, session in list(self._sessions.items()):
            if loop is running:
                await session.close()
            elif not loop.is_closed():
                asyncio.run_coroutine_threadsafe(session.close(), loop)
        self._sessions = {}

    def _forget_parent(self) -> None:
        # A child must not write on its parent's connections (fault E8), nor close them in TLS's manner.
        _INHERITED.append(self._sessions)
        self._pid, self._sessions, self._calls = os.getpid(), {}, set()
        self.slots = Slots(self._config.max_connections)

    def __repr__(self) -> str:
        return f"<AiohttpTransport {self._server}>"


_INHERITED: list[object] = []
"""A forked child keeps its parent's sessions alive unused."""


class _Exchange:
    """One attempt and, if it is accepted as a stream, its unread body: an AsyncBody. Lives in its loop's thread."""

    def __init__(self, config: Config, call: Call, slots: Slots, calls: set[Call]) -> None:
        self._server = config.origin.authority
        self._scheme = config.origin.scheme
        self._call, self._slots, self._calls = call, slots, calls
        self._loop = asyncio.get_running_loop()
        self._pid = os.getpid()
        self._body = BodyReader(config.max_response_bytes)
        self._response: aiohttp.ClientResponse | None = None
        self._task: asyncio.Task[Any] | None = None
        """The task that `close()` must cancel to end the attempt; None when it is not in `run`."""
        self._attempt = Attempt(fresh=False)
        self._over = False
        self._ended = False
        """We have cancelled the task ourselves."""
        call.wake_by(self._wake)

    async def run(self, session: Session, request: Request, deadline: float, connect: float, fresh: bool) -> Outcome:
        """The whole of the attempt; the caller drops the exchange unless a stream was opened."""
        self._attempt.fresh = fresh
        token = current_attempt.set(self._attempt)
        task = self._task = asyncio.current_task()
        cancelling = task.cancelling() if task is not None else 0
        seconds = deadline - time.monotonic()
        try:
            async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                return await self._post(session, request, min(connect, seconds))
        except asyncio.CancelledError as error:
            if task is not None and self._ended and task.uncancel() <= cancelling:
                return self._fault(OSError(), "sent", None)
            # aiohttp's frames hold the key among their local variables (fault G5).
            raise error.with_traceback(None) from None
        except (aiohttp.ClientError, OSError, ValueError, TooLargeError) as error:
            proxy = session.proxy.name if session.proxy is not None else None
            return self._fault(error, "sent" if self._attempt.connected else "connecting", proxy)
        finally:
            self._task = None
            current_attempt.reset(token)

    async def _post(self, session: Session, request: Request, connect: float) -> Outcome:
        response = self._response = await session.post(request, connect)
        headers = _headers_of(response)
        if response.status < 200:
            raise ProtocolError("it switches to another protocol")
        if headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise ProtocolError("it uses a transfer coding that was not offered")
        body = self._body
        body.begin(headers)
        if request.stream and is_event_stream(response.status, headers):
            body.lift_limit()
            return Opened(response.status, headers, self)
        pieces: list[bytes] = []
        while (piece := body.take()) != b"":
            if piece is None:
                await self._fill(response)
            else:
                pieces.append(piece)
        return Reply(response.status, headers, pieces[0] if len(pieces) == 1 else b"".join(pieces))

    async def _fill(self, response: aiohttp.ClientResponse) -> None:
        content = response.content
        try:
            data = await content.readany()
        except (aiohttp.ClientError, OSError, ValueError):
            # What came before the failure was paid for, and aiohttp does not hand it out any more.
            data = content._read_nowait(-1)  # pyright: ignore[reportPrivateUsage]
            if not data:
                raise
        if data:
            self._body.give(data)
        else:
            self._body.ended = True

    async def read(self, seconds: float) -> bytes | Fault:
        """Body bytes as soon as there are some; b"" at a proper end. Waits `seconds` at most."""
        response = self._response
        if self._pid != os.getpid():
            return Fault("closed", "committed", "A stream cannot be read in a forked child.")
        if response is None or self._over:
            return Fault("closed", "committed", CLOSED)
        try:
            data = self._body.take()
            if data is None:
                async with asyncio.timeout(None if math.isinf(seconds) else seconds):
                    while data is None:
                        await self._fill(response)
                        data = self._body.take()
        except (aiohttp.ClientError, OSError, ValueError, TooLargeError) as error:
            fault = self._fault(error, "committed", None)
            self.drop()
            return fault
        except BaseException:
            self.drop()  # CancelledError above all (fault E6)
            raise
        if not data:
            self.drop()
        return data

    async def aclose(self, *, drained: bool) -> None:
        """Gives the connection back (`drained`: the end of the stream was seen) or drops it. Idempotent."""
        response = self._response
        try:
            if drained and not self._over and response is not None:
                with contextlib.suppress(aiohttp.ClientError, OSError, ValueError):
                    async with asyncio.timeout(DRAIN_SECONDS):
                        while self._body.skim() is None:
                            await self._fill(response)
        finally:
            self.drop()

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""
        self._call.abort()

    def drop(self) -> None:
        """Ends the attempt. A connection whose answer came whole has gone back already; another one is closed."""
        if self._response is not None and self._pid == os.getpid():
            self._response.close()
        if not self._over:
            self._over = True
            self._call.wake_by(None)
            self._calls.discard(self._call)
            self._slots.release()

    def _wake(self) -> None:
        """`Call.abort`, from any thread."""
        if running_loop() is self._loop:
            self._end()
            return
        try:
            self._loop.call_soon_threadsafe(self._end)
        except RuntimeError:
            self.drop()  # the loop has been closed, and nothing runs on it any more

    def _end(self) -> None:
        if self._over:
            return
        if self._task is not None:
            if not self._ended:
                self._ended = True
                self._task.cancel()
        else:
            self.drop()

    def _fault(self, error: Exception, phase: Phase, proxy: str | None) -> Fault:
        """What `error` means at this point of the attempt."""
        if self._call.aborted or self._over:
            return Fault("closed", phase, CLOSED)
        plain = _plain(error)
        if phase == "connecting":
            stage = self._attempt.stage(secure=self._scheme == "https", proxied=proxy is not None)
            return explain_connecting(plain, stage, self._server, proxy)
        received = self._attempt.protocol is not None and self._attempt.protocol.received
        return explain_exchange(plain, phase, self._server, reused=self._attempt.reused, received=received)


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
    if isinstance(error, aiohttp.ClientResponseError):
        return ProtocolError("its head is malformed")
    if isinstance(error, aiohttp.ClientError):
        return LostError()
    return error


def _headers_of(response: aiohttp.ClientResponse) -> Headers:
    fields: dict[str, str] = {}
    for name, value in response.headers.items():
        name = name.lower()
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return Headers(fields)
