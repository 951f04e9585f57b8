"""Floor on an event loop: an asyncio protocol per connection, idle connections in a list.

In: the bytes of an answer as the loop delivers them. Out: structs, read in the very callback that delivered the bytes.
Rule: as the blocking floor's; a call wakes its task once, at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from benchmarks.ask import Reader, Tally
from benchmarks.contenders._floor import Body, Events, address, request, tls
from benchmarks.contenders._shapes import Completion, decode_completion


class Connection(asyncio.Protocol):
    transport: asyncio.Transport
    body: Body
    see: Callable[[bytes], object]
    done: asyncio.Future[None]

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, data: bytes, see: Callable[[bytes], object]) -> asyncio.Future[None]:
        self.body, self.see = Body(), see
        self.done = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return self.done

    def data_received(self, data: bytes) -> None:
        self.see(self.body.feed(data))
        if self.body.ended:
            self.done.set_result(None)


class Pool:
    def __init__(self, url: str) -> None:
        self.host, self.port, self.head = address(url)
        self.tls = tls(url)
        self.idle: list[Connection] = []

    async def call(self, ask: dict[str, Any], see: Callable[[bytes], object]) -> None:
        if self.idle:
            connection = self.idle.pop()
        else:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(Connection, self.host, self.port, ssl=self.tls)
        await connection.ask(request(self.head, ask), see)
        self.idle.append(connection)

    async def answer(self, ask: dict[str, Any]) -> Completion:
        parts: list[bytes] = []
        await self.call(ask, parts.append)
        return decode_completion(b"".join(parts))

    async def stream(self, ask: dict[str, Any]) -> Tally:
        reader, events = Reader(), Events()

        def see(data: bytes) -> None:
            for chunk in events.feed(data):
                reader.see(chunk)

        await self.call(ask | {"stream": True}, see)
        return reader.tally()

    def close(self) -> None:
        for connection in self.idle:
            connection.transport.close()
