"""Connections that event loops watch from one call to the next: several loops, and the ends of each. E6, E7, E16."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from support.answers import OK
from support.clients import CALL, KEY, Loop, make_raw
from support.scripted import ScriptedServer, close, do, repeat, request, send, until_gone

GOOD = [repeat(request, send(OK))]


@pytest.fixture
def loops() -> Iterator[tuple[Loop, Loop]]:
    first, second = Loop(), Loop()
    yield first, second
    first.stop()
    second.stop()


async def call(client: Any) -> str:
    return str((await client.chat.completions.create(**CALL)).id)


async def registered() -> int:
    selector: Any = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    return len(selector.get_map())


def make(server: Any, **options: Any) -> Any:
    return make_raw("async", api_key=KEY, base_url=server.base_url, **options)


@pytest.mark.fault("E7")
def test_a_connection_is_watched_by_one_loop_at_a_time(loops: tuple[Loop, Loop]) -> None:
    first, second = loops
    with ScriptedServer(GOOD) as server:
        client = make(server)
        before = first.run(registered()), second.run(registered())
        assert [first.run(call(client)), first.run(call(client))] == ["r-1", "r-1"]
        assert server.connections == 1
        assert first.run(registered()) == before[0] + 1
        assert second.run(call(client)) == "r-1"
        server.wait_gone(0)
        assert (first.run(registered()), second.run(registered())) == (before[0], before[1] + 1)
        assert second.run(call(client)) == "r-1"
        assert server.connections == 2
        first.run(client.aclose())  # the other loop's thread closes what it watches
        server.wait_gone(1)
        assert second.run(registered()) == before[1]


@pytest.mark.fault("E7", "E15")
def test_a_connection_outlives_its_loop() -> None:
    with ScriptedServer(GOOD) as server:
        client = make(server)
        for _ in range(3):
            assert asyncio.run(call(client)) == "r-1"
        assert server.connections == 1
        client.close()


@pytest.mark.fault("E1")
def test_a_watched_connection_that_the_server_closes_is_let_go(loops: tuple[Loop, Loop]) -> None:
    loop, _ = loops
    with ScriptedServer([request, send(OK), close], GOOD) as server:
        client = make(server, max_retries=0)
        before = loop.run(registered())
        assert loop.run(call(client)) == "r-1"
        server.wait_gone(0)
        assert loop.run(call(client)) == "r-1"
        assert loop.run(registered()) == before + 1
        loop.run(client.aclose())
        assert loop.run(registered()) == before


def test_descriptors_that_are_used_again_are_nobody_elses(loops: tuple[Loop, Loop]) -> None:
    """A closed connection's number is the next one's: the loop must not take the one for the other."""
    loop, _ = loops
    with ScriptedServer(*[[request, send(OK), until_gone]] * 12) as server:

        async def many() -> set[str]:
            ids: set[str] = set()
            for _ in range(4):
                async with make(server) as client:
                    ids |= set(await asyncio.gather(*(call(client) for _ in range(3))))
            return ids

        assert loop.run(many()) == {"r-1"}
        assert server.connections == 12


def test_a_client_that_is_forgotten_leaves_its_loop(loops: tuple[Loop, Loop]) -> None:
    loop, _ = loops
    with ScriptedServer(GOOD) as server:
        before = loop.run(registered())
        loop.run(call(make(server)))
        gc.collect()
        server.wait_gone(0)
        assert loop.run(registered()) == before


def test_what_comes_when_nobody_waits_is_not_told_again_and_again(loops: tuple[Loop, Loop]) -> None:
    loop, _ = loops
    with ScriptedServer([request, send(OK + b"more"), do(lambda: None), until_gone], GOOD) as server:
        client = make(server)
        assert [loop.run(call(client)), loop.run(call(client))] == ["r-1", "r-1"]
        assert server.connections == 2
        loop.run(client.aclose())
