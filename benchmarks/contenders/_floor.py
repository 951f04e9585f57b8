"""Blocking floor, and the two readers that both floors share.

In: the bytes of an answer as they arrive. Out: structs with the same fields as togetherpy's own types.
Rule: right for any split of the bytes, and nothing more. No status is looked at, nothing is timed, retried, encrypted.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator
from typing import Any

from benchmarks.ask import KEY
from benchmarks.contenders._shapes import Chunk, Completion, decode_chunk, decode_completion, encode

READ = 65_536


class Body:
    """Bytes as they arrive -> the bytes of one answer's body, without head and chunked coding."""

    __slots__ = ("ended", "in_head", "rest")

    def __init__(self) -> None:
        self.rest = b""
        self.in_head, self.ended = True, False

    def feed(self, data: bytes) -> bytes:
        data = self.rest + data if self.rest else data
        at = 0
        if self.in_head:
            at = data.find(b"\r\n\r\n") + 4
            if at == 3:
                self.rest = data
                return b""
            self.in_head = False
        parts: list[bytes] = []
        while (line := data.find(b"\r\n", at)) >= 0:
            size = int(data[at:line], 16)
            end = line + 2 + size
            if end + 2 > len(data):
                break
            if not size:
                self.ended = True
                break
            parts.append(data[line + 2 : end])
            at = end + 2
        self.rest = data[at:]
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Events:
    """A body's bytes as they arrive -> the chunks of the events that they complete."""

    __slots__ = ("rest",)

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[Chunk]:
        *events, self.rest = (self.rest + data if self.rest else data).split(b"\n\n")
        for event in events:
            if event != b"data: [DONE]":
                yield decode_chunk(event[6:])


def address(url: str) -> tuple[str, int, bytes]:
    """Host, port and the part of each request that comes before its length."""
    authority, _, name = url.partition("://")[2].partition("/")
    host, port = authority.split(":")
    head = (
        f"POST /{name}/v1/chat/completions HTTP/1.1\r\nHost: {authority}\r\nAuthorization: Bearer {KEY}\r\n"
        "Accept: */*\r\nContent-Type: application/json\r\nContent-Length: "
    )
    return host, int(port), head.encode()


@functools.cache
def tls(url: str) -> Any:
    """The context for https, None for http."""
    if url.startswith("http://"):
        return None
    import ssl

    return ssl.create_default_context()


def request(head: bytes, ask: dict[str, Any]) -> bytes:
    data = encode(ask)
    return b"%b%d\r\n\r\n%b" % (head, len(data), data)


class Socket:
    """One socket, one call at a time."""

    def __init__(self, url: str) -> None:
        host, port, self.head = address(url)
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if (context := tls(url)) is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname=host)

    def body(self, ask: dict[str, Any]) -> Iterator[bytes]:
        self.socket.sendall(request(self.head, ask))
        body = Body()
        while not body.ended:
            yield body.feed(self.socket.recv(READ))

    def answer(self, ask: dict[str, Any]) -> Completion:
        return decode_completion(b"".join(self.body(ask)))

    def stream(self, ask: dict[str, Any]) -> Iterator[Chunk]:
        events = Events()
        for data in self.body(ask | {"stream": True}):
            yield from events.feed(data)
