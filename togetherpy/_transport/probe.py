"""The way to a server one step at a time, taken by the very functions that a call takes it by.

In: a Config. Out: what each step brought and how long it took, or the Fault that a call would end with.
The rule: nothing here knows how to connect. Steps are the connections' own, and a stage that they enter is noted, so
that what is found holds for calls. Every step is bounded. Without a call nothing is sent but a CONNECT to the proxy.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from typing import Any, TypeVar, cast

import msgspec

from togetherpy._core.config import Config
from togetherpy._core.wire import Fault
from togetherpy._transport.blocking import BlockingTransport
from togetherpy._transport.certificates import Certificate, Secured, look_at_refused, secured
from togetherpy._transport.connecting import Opening, Workers
from togetherpy._transport.faults import explain_connecting, proxy_status
from togetherpy._transport.pool import Connection, Connections, Route
from togetherpy._transport.proxies import find_proxy
from togetherpy._transport.route import SetupError
from togetherpy._transport.slots import Handle, Turn

T = TypeVar("T")

Marks = list[tuple[str, float]]
"""What began when, on the monotonic clock: the stages of a Connection; then "request", "answer" and, when the last of
it has come, "use"."""

OPENSSL = ssl.OPENSSL_VERSION
URLLIB3 = version("urllib3")

_PART_OF = {
    "use": "client",
    "name look-up": "dns",
    "connection": "tcp",
    "TLS handshake with the proxy": "proxy",
    "proxy CONNECT": "proxy",
    "TLS handshake": "tls",
    "request": "first_byte",
    "answer": "rest",
}


def parts(marks: Marks, end: float) -> dict[str, float]:
    """The seconds of each part that there was, of client, dns, tcp, proxy, tls, first_byte, rest, in this order."""
    found: dict[str, float] = {}
    for (stage, begun), (_, over) in pairwise([*marks, ("", end)]):
        found[_PART_OF[stage]] = found.get(_PART_OF[stage], 0.0) + over - begun
    return {part: found[part] for part in dict.fromkeys(_PART_OF.values()) if part in found}


class _Watched:
    """A connected socket that notes the first byte to go, and the first and the last to come."""

    def __init__(self, sock: Any, marks: Marks) -> None:
        self._sock, self._marks = sock, marks

    def send(self, data: Any) -> int:
        if self._marks[-1][0] != "request":
            self._marks.append(("request", time.monotonic()))
        sent: int = self._sock.send(data)
        return sent

    def recv(self, size: int) -> bytes:
        data: bytes = self._sock.recv(size)
        now, last = time.monotonic(), self._marks.pop()
        self._marks += [last, ("answer", now), ("use", now)] if last[0] == "request" else [("use", now)]
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Noting(Connection):
    """Before a class of connections: notes each stage as it is entered."""

    marks: Marks

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "stage":
            self.marks.append((value, time.monotonic()))
        super().__setattr__(name, value)

    def open(self, call: Handle, deadline: float, pool: Connections) -> None:
        super().open(call, deadline, pool)
        cast(Any, self).sock = _Watched(self.sock, self.marks)


class NotingTransport(BlockingTransport):
    """What calls are sent by, and when each of their parts began. For one call at a time."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.marks: Marks = []

    def way(self) -> Route:
        """The way to the server, whose connections note their stages."""
        if self.route is None:
            connections: Any = super().way().connections
            kind: type[Connection] = connections.ConnectionCls
            connections.ConnectionCls = type("NotingConnection", (_Noting, kind), {"marks": self.marks})
        return super().way()


class Address(msgspec.Struct, frozen=True):
    """One address of the server or its proxy, and what connecting to it came to."""

    family: str
    """IPv4 or IPv6"""
    text: str
    """host:port"""
    seconds: float
    fault: Fault | None
    """None: it answers."""
    error: str | None
    """The system's words for why it does not."""


class Way(msgspec.Struct, frozen=True):
    """A connection that was opened, or how far that got."""

    parts: dict[str, float]
    stage: str
    """The last that was entered."""
    fault: Fault | None
    proxy_status: int | None
    """With which the proxy refused to pass on."""
    verify_code: int | None
    """OpenSSL's number for why the certificate was not accepted."""
    secured: Secured | None


class Probe:
    """The way to the server of a configuration. `seconds`: the most that a step may take."""

    def __init__(self, config: Config, seconds: float) -> None:
        """Raises SetupError: the proxy's URL cannot be understood."""
        self.config, self.seconds = config, seconds
        self.proxy = find_proxy(config)
        self.server = config.origin.authority
        self._workers = Workers()
        first = self.proxy or config.origin
        self.hop: str = first.authority
        """host:port that is connected to: the proxy's, where there is one."""
        self._first = Connection(first.host, first.port)
        self._found: list[Any] = []

    def _explain(self, error: Exception, stage: str) -> Fault:
        return explain_connecting(error, stage, self.server, self.proxy.authority if self.proxy else None)

    def look_up(self) -> list[str] | Fault:
        """The addresses behind the name."""
        (found,) = self._bounded([self._first.look_up])
        if isinstance(found, Exception):
            return self._explain(found, "name look-up")
        self._found = found
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    def connect(self) -> list[Address]:
        """Connects to each address that was found, to all at the same time, and hangs up."""
        return cast("list[Address]", self._bounded([partial(self._try, one) for one in self._found]))

    def _try(self, found: Any) -> Address:
        conn = Connection(self._first.host, self._first.port)
        conn.call, conn.deadline = Handle(), time.monotonic() + self.seconds
        begun, fault, words = time.monotonic(), None, None
        try:
            conn.connect_any([found]).close()
        except Exception as error:
            fault = self._explain(error, "connection")
            words = "no answer" if isinstance(error, TimeoutError) else getattr(error, "strerror", None) or str(error)
        host, port = found[4][:2]
        version6 = found[0] == socket.AF_INET6
        return Address(
            family="IPv6" if version6 else "IPv4",
            text=f"[{host}]:{port}" if version6 else f"{host}:{port}",
            seconds=time.monotonic() - begun,
            fault=fault,
            error=words,
        )

    def open(self) -> Way:
        """Opens a connection as a call does, through the proxy and TLS, and hangs up."""
        transport = NotingTransport(self.config)
        try:
            transport.way()
        except SetupError as error:
            fault = Fault(error.kind, "connecting", str(error), final=True)
            return Way({}, "connection", fault, None, None, None)
        conn, failure = self._open(transport)
        seen = None if failure is not None else secured(conn.sock)
        if failure is None:
            conn.close()
        return Way(
            parts=parts(transport.marks, time.monotonic()),
            stage=conn.stage,
            fault=None if failure is None else self._explain(failure, conn.stage),
            proxy_status=proxy_status(failure),
            verify_code=getattr(failure, "verify_code", None),
            secured=seen,
        )

    def refused_certificate(self) -> Certificate | None:
        """What is in a certificate that was not accepted. None where that cannot be found out safely: a proxy under TLS
        would be told its password before anybody knows who it is."""

        def peer_certificate(context: ssl.SSLContext, binary: bool) -> Any:
            conn, error = self._open(NotingTransport(msgspec.structs.replace(self.config, ssl_context=context)))
            if error is not None:
                raise OSError from error
            try:
                return cast(Any, conn.sock).getpeercert(binary)
            finally:
                conn.close()

        if self.proxy is not None and self.proxy.scheme == "https":
            return None
        return look_at_refused(peer_certificate)

    def _open(self, transport: NotingTransport) -> tuple[Connection, Exception | None]:
        connections = transport.way().connections
        conn, turn = connections.take(), Turn()
        opening = Opening(conn, connections, time.monotonic() + self.seconds, turn.come)
        if self._workers.submit(opening.run):
            turn.wait(self.seconds)
        else:
            opening.run()
        try:
            return opening.result(), None
        except Exception as error:
            return conn, error

    def _bounded(self, works: list[Callable[[], T]]) -> list[T | Exception]:
        """What each of the functions gives or raises, all called at the same time; a TimeoutError of one that lasts."""
        outcomes: list[T | Exception] = [TimeoutError() for _ in works]
        turns = [self._begin(work, outcomes, place) for place, work in enumerate(works)]
        end = time.monotonic() + self.seconds
        for turn in turns:
            turn.wait(end - time.monotonic() + 0.1)  # who keeps to the same time by himself is to say so himself
        return list(outcomes)

    def _begin(self, work: Callable[[], T], outcomes: list[T | Exception], place: int) -> Turn:
        turn = Turn()

        def job() -> None:
            try:
                outcomes[place] = work()
            except Exception as error:
                outcomes[place] = error
            turn.come()

        if not self._workers.submit(job):
            job()
        return turn
