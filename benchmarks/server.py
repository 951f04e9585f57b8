"""A server of prebuilt bytes, in a process of its own, so that only the client's work is measured.

In: POST /<scenario>/... over HTTP/1.1 kept alive, on one port plain, on another under TLS. Out: what `scenarios` says
for that name; 404 for an unknown one.
Rule: nothing is computed while a client waits: no parsing beyond the request's end, no encoding, one send a segment.

`python -m benchmarks.server FOLDER` writes the certificate of its authority to FOLDER, prints its two ports (0 for no
TLS, where trustme is not installed) on the first line and stops when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.fixtures import SEED
from benchmarks.scenarios import Scenario, scenario

ROOT = Path(__file__).resolve().parent.parent
BLOCK = 256 * 1024  # a longer segment is written in blocks, as fast as the client takes them
AUTHORITY = "authority.pem"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


@dataclass(frozen=True)
class Served:
    """Where the server is."""

    http: str
    https: str  # empty: no TLS
    authority: str  # the file of the certificate that the server's is signed with


class Connection(asyncio.Protocol):
    """One client's connection: reads requests to their end, answers each before it reads the next."""

    transport: asyncio.Transport

    def __init__(self, random: Random) -> None:
        self.random = random
        self.head = bytearray()
        self.left = 0  # bytes of the request's body that are still to come
        self.name = ""
        self.rest: Iterator[bytes] = iter(())  # what is left of an answer that the client is slow to take
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self.left:
            self.left -= len(data)
        else:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            self.name = self.head[: self.head.index(b"\r\n")].split(b"/")[1].decode("latin-1")
            self.left = _content_length(bytes(self.head[:end]).lower()) - (len(self.head) - end - 4)
            self.head.clear()
        if self.left <= 0:
            self.answer()

    def answer(self) -> None:
        try:
            what = scenario(self.name)
        except (KeyError, TypeError, ValueError):
            self.transport.write(NOT_FOUND)
            return
        loop = asyncio.get_running_loop()
        if what.delay:
            self.timer = loop.call_later(what.delay, self.send, what, 0)
        elif len(what.segments[0]) > BLOCK:
            whole = memoryview(what.segments[0])
            self.rest = (bytes(whole[at : at + BLOCK]) for at in range(0, len(whole), BLOCK))
            self.resume_writing()
        else:
            self.send(what, 0)

    def send(self, what: Scenario, at: int) -> None:
        self.transport.write(what.segments[at])
        at += 1
        if at < len(what.segments):
            pause = what.pace * self.random.uniform(1 - what.jitter, 1 + what.jitter) if what.jitter else what.pace
            self.timer = asyncio.get_running_loop().call_later(pause, self.send, what, at)

    def pause_writing(self) -> None:
        pass  # resume_writing sees the buffer itself

    def resume_writing(self) -> None:
        for block in self.rest:
            self.transport.write(block)
            if self.transport.get_write_buffer_size() > BLOCK:
                return


def _content_length(head: bytes) -> int:
    at = head.find(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def _certified(folder: str) -> ssl.SSLContext | None:
    """A context with a certificate for this server, whose authority's is written to `folder`."""
    try:
        import trustme
    except ModuleNotFoundError:
        return None
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(Path(folder, AUTHORITY)))
    return context


async def _serve(folder: str) -> None:
    random = Random(SEED)
    loop = asyncio.get_running_loop()
    tls = _certified(folder)
    servers = [
        await loop.create_server(lambda: Connection(random), "127.0.0.1", 0, backlog=2048, ssl=context)
        for context in ([None, tls] if tls else [None])
    ]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    print(ports[0], ports[1] if tls else 0, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    for server in servers:
        server.close()


@contextlib.contextmanager
def running() -> Iterator[Served]:
    """The server in a process of its own, for the length of a `with`: gives its addresses."""
    command = [
        sys.executable,
        "-P",
        "-c",
        f"import sys; sys.path.append({str(ROOT)!r}); import benchmarks.server as s; s.main()",
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([*command, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            plain, tls = map(int, process.stdout.readline().split())
            https = f"https://127.0.0.1:{tls}" if tls else ""
            yield Served(f"http://127.0.0.1:{plain}", https, str(Path(folder, AUTHORITY)))
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()


def main() -> None:
    gc.freeze()
    asyncio.run(_serve(sys.argv[1]))


if __name__ == "__main__":
    main()
