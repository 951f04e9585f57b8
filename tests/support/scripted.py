"""A socket server that follows scripts: it misbehaves exactly as a test says, and remembers what it was asked.

A script is a list of steps for one connection, each a function of its `Peer`:

    with ScriptedServer([request, send(OK), request, reset], [request, send(OK)]) as server: ...

The first connection follows the first script, and so on; further connections follow the last one. After its last step a
connection is closed. A client that goes away ends its script without an error.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

LIMIT = 20.0
"""Seconds after which a step gives up: a safety net, which no passing test comes near."""

Step = Callable[["Peer"], None]


class GoneError(Exception):
    """The client went away."""


class Recorded:
    """One request, as it was received."""

    def __init__(self, head: bytes, body: bytes, connection: int) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = first.split(" ")
        pairs = [line.partition(":") for line in lines if line]
        self.fields = [(name.lower(), value.strip()) for name, _, value in pairs]
        self.headers = dict(self.fields)
        self.body = body
        self.connection = connection
        """The number of the connection that it came over, from 0."""


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, number: int, server: "ScriptedServer") -> None:
        self.sock, self.number, self.server = sock, number, server
        self.gone = threading.Event()
        """The connection is over, from whichever side."""
        self.finished = False
        """The script was followed to its end: the client did not leave before."""
        self._buffer = b""

    def receive(self) -> bytes:
        try:
            data = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError):
            data = b""
        if not data:
            raise GoneError
        return data

    def read_until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            self._buffer += self.receive()
        found, _, self._buffer = self._buffer.partition(end)
        return found + end

    def read_exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._buffer += self.receive()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found


# Steps


def request(peer: Peer) -> None:
    """Receives one whole request and records it."""
    head = peer.read_until(b"\r\n\r\n").removesuffix(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    body = peer.read_exactly(int(lengths[0])) if lengths else b""
    peer.server.add(Recorded(head, body, peer.number))


def send(*pieces: bytes) -> Step:
    """Sends each piece by a write of its own."""

    def step(peer: Peer) -> None:
        for piece in pieces:
            peer.sock.sendall(piece)

    return step


def drip(data: bytes, every: float) -> Step:
    """Sends byte by byte, with `every` seconds between two, over and over until the client goes."""

    def step(peer: Peer) -> None:
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            for byte in data:
                peer.sock.sendall(bytes([byte]))
                if peer.server.over.wait(every):
                    raise GoneError

    return step


def flood(data: bytes) -> Step:
    """Sends as fast as the client takes it, until it goes."""

    def step(peer: Peer) -> None:
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            peer.sock.sendall(data)

    return step


def flood_until_stuck(data: bytes, most: int, stuck: threading.Event) -> Step:
    """Sends as fast as the client takes it, `most` bytes, until it takes no more for a while."""

    def step(peer: Peer) -> None:
        peer.sock.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            for _ in range(most // len(data)):
                peer.sock.sendall(data)
            raise AssertionError("the client never stopped the server")
        peer.sock.settimeout(LIMIT)
        stuck.set()

    return step


def wait(event: threading.Event) -> Step:
    """Goes on when the test says so."""

    def step(peer: Peer) -> None:
        assert event.wait(LIMIT), "the test never let the script go on"

    return step


def do(action: Callable[[], Any]) -> Step:
    """Calls something of the test: an event's `set`, for one."""
    return lambda peer: action() and None


def until_gone(peer: Peer) -> None:
    """Says no more, and waits for the client to close the connection or for the end of the test: a stall."""
    while True:
        peer.receive()


def half_close(peer: Peer) -> None:
    """No more from here, but the client may go on sending."""
    try:
        peer.sock.shutdown(socket.SHUT_WR)
    except OSError:  # not connected any more: the client had enough already
        raise GoneError from None


def close(peer: Peer) -> None:
    """The end of the script, by a FIN (or by an RST, when not everything has been read)."""
    peer.sock.close()
    raise GoneError


def reset(peer: Peer) -> None:
    """The end of the script, by an RST, also when everything has been read."""
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.sock.close()
    raise GoneError


def tls(context: ssl.SSLContext) -> Step:
    """The server's side of a TLS handshake."""

    def step(peer: Peer) -> None:
        try:
            peer.sock = context.wrap_socket(peer.sock, server_side=True)
        except (ssl.SSLError, OSError):
            raise GoneError from None

    return step


def repeat(*steps: Step) -> Step:
    """The same steps again and again, until the client goes."""

    def step(peer: Peer) -> None:
        while True:
            for one in steps:
                one(peer)

    return step


class ScriptedServer:
    """Listens on 127.0.0.1 and follows its scripts, a thread for each connection."""

    host = "127.0.0.1"

    def __init__(self, *scripts: list[Step], scheme: str = "http", receive_buffer: int | None = None) -> None:
        """`receive_buffer`: bytes that the system takes for a script which does not read."""
        self.over = threading.Event()
        self.requests: list[Recorded] = []
        self.peers: list[Peer] = []
        self._scripts = scripts
        self._scheme = scheme
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []
        self._listener = socket.create_server((self.host, 0), backlog=512)
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    @property
    def base_url(self) -> str:
        return f"{self._scheme}://{self.host}:{self.port}/v1"

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return len(self.peers)

    def add(self, recorded: Recorded) -> None:
        with self._changed:
            self.requests.append(recorded)
            self._changed.notify_all()

    def wait_requests(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, LIMIT), f"{len(self.requests)} requests"

    def wait_connections(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.peers) >= count, LIMIT), f"{len(self.peers)} connections"

    def wait_gone(self, connection: int) -> None:
        """Until the connection of that number (from 0) is over."""
        self.wait_connections(connection + 1)
        assert self.peers[connection].gone.wait(LIMIT), f"connection {connection} is still open"

    def wait_hung_up(self, connection: int) -> None:
        """The same, and it was the client that ended it, in the middle of the script: no server was waited for."""
        self.wait_gone(connection)
        assert not self.peers[connection].finished, "the script came to its end"

    def close(self) -> None:
        self.over.set()
        # Closing alone does not wake a thread that is in accept() or recv().
        for sock in (self._listener, *(peer.sock for peer in self.peers)):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(LIMIT)
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if error is None and self._errors:
            raise self._errors[0]

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, name="scripted", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(LIMIT)
            with self._changed:
                peer = Peer(sock, len(self.peers), self)
                self.peers.append(peer)
                self._changed.notify_all()
            self._start(self._follow, peer, self._scripts[min(peer.number, len(self._scripts) - 1)])

    def _follow(self, peer: Peer, script: list[Step]) -> None:
        try:
            for step in script:
                step(peer)
            peer.finished = True
        except (GoneError, ConnectionError, ssl.SSLError):
            pass
        except BaseException as error:
            if not self.over.is_set():
                self._errors.append(error)
        finally:
            with contextlib.suppress(OSError):
                peer.sock.close()
            peer.gone.set()


@contextlib.contextmanager
def refusing_port() -> Any:
    """A port that refuses connections, and that nobody else can take meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextlib.contextmanager
def silent_port() -> Any:
    """A port on which connecting neither succeeds nor fails: its queue is full, and it drops what else comes."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
