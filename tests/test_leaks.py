"""Thousands of calls that end in every way, and nothing left of them: memory, descriptors, threads, slots (E2 to E6).

A round is calls of every way. The first round makes what is kept for good (pools, caches, the interpreter's own
counters); what the third one leaves and the second one has not left already is a leak.
"""

import asyncio
import functools
import gc
import threading
import types
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import answer, chunk, completion, error_body, text_of
from support.clients import CALL, failure, make
from support.leftovers import descriptors, eventually, free_slots, own_threads

from togetherpy import APIError
from togetherpy.testing import LocalServer

CONNECTIONS = 10
FINISHED, OTHERS = 700, 170
"""Calls of a round: plain ones that succeed, and those of each other way."""
GROWTH = OTHERS // 2
"""Objects; one that each call of one way leaves would make twice as many."""


def endless(server: LocalServer, times: int | None) -> None:
    """The next answers (None: all) are streams that go on until they are left."""
    server.reply(events=[chunk("Hello"), chunk(" world")], pace=60.0, times=times)


def finished(caller: Any, server: LocalServer) -> None:
    server.reply(body=completion(), times=FINISHED)
    for _ in range(FINISHED):
        caller.create()


def read_to_the_end(caller: Any, server: LocalServer) -> None:
    server.reply(events=[chunk("Hello"), chunk(" world"), chunk("", "stop")], times=OTHERS)
    for _ in range(OTHERS):
        assert text_of(caller.chunks()) == "Hello world"


def left_early(caller: Any, server: LocalServer) -> None:
    endless(server, OTHERS)
    for _ in range(OTHERS):
        caller.stream().each(lambda one: True)


def forgotten(caller: Any, server: LocalServer) -> None:
    endless(server, OTHERS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(OTHERS):
            caller.stream().next()
        # A loop may hold the last one until its next turn.
        eventually(lambda: len(caught) >= OTHERS, lambda: len(caught))
    assert {warning.category for warning in caught} == {ResourceWarning}
    assert len(caught) == OTHERS


def refused(caller: Any, server: LocalServer) -> None:
    server.reply(status=500, body=error_body(), times=OTHERS)
    for number in range(OTHERS):
        params = {"stream": number % 2 == 0}
        assert failure(APIError, functools.partial(caller.create, **params)).http_status == 500


def cut(caller: Any, server: LocalServer) -> None:
    for how in (True, "reset"):
        server.reply(raw=answer()[:-9], cut=how, times=OTHERS // 4)
        for _ in range(OTHERS // 4):
            failure(APIError, caller.create)
        server.reply(events=[chunk("Hello")], done=False, cut=how, times=OTHERS // 4)
        for _ in range(OTHERS // 4):
            failure(APIError, caller.chunks)


def cancelled(caller: Any, server: LocalServer) -> None:
    async def read() -> None:
        async for _ in await caller.raw.chat.completions.create(**CALL, stream=True):
            pass

    async def some(count: int, turns: int) -> None:
        plain = (caller.raw.chat.completions.create(**CALL) for _ in range(count // 2))
        tasks = [asyncio.ensure_future(one) for one in (*plain, *(read() for _ in range(count // 2)))]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        for one in await asyncio.gather(*tasks, return_exceptions=True):
            assert one is None or not isinstance(one, Exception), one

    for number in range(OTHERS // CONNECTIONS):  # ever later in their course, and some while queueing
        caller.loop.run(some(CONNECTIONS + number % 3 * 4, number * 2))


Way = Callable[[Any, LocalServer], None]
WAYS: list[Way] = [finished, read_to_the_end, left_early, forgotten, refused, cut]


@pytest.fixture
def short_lived_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("togetherpy._transport.connecting.IDLE_SECONDS", 0.05)


@pytest.mark.fault("E2", "E3", "E4", "E6")
def test_nothing_is_left(kind: str, clean_environment: None, short_lived_workers: None) -> None:
    ways = WAYS if kind == "sync" else [*WAYS, cancelled]
    with LocalServer(record=False) as server:
        before, threads = descriptors(), own_threads()
        caller = make(kind, base_url=server.base_url, max_connections=CONNECTIONS)
        try:
            for _ in range(2):
                _play(caller, server, ways, threads)
            kinds = _kinds()
            _play(caller, server, ways, threads)
            # A loop that has just run may keep its last task until its next turn.
            eventually(lambda: (_kinds() - kinds).total() < GROWTH, lambda: (_kinds() - kinds).most_common(20))
        finally:
            caller.end()
        eventually(lambda: len(descriptors()) == len(before), lambda: (sorted(before), sorted(descriptors())))


def _play(caller: Any, server: LocalServer, ways: list[Way], threads: set[threading.Thread]) -> None:
    for way in ways:
        way(caller, server)
        eventually(lambda: free_slots(caller) == CONNECTIONS, lambda: ("slots", free_slots(caller)))
    _drop_connections(caller, server)
    eventually(lambda: free_slots(caller) == CONNECTIONS, lambda: ("slots", free_slots(caller)))
    eventually(lambda: own_threads() <= threads, own_threads)


def _drop_connections(caller: Any, server: LocalServer) -> None:
    """Takes every connection for a stream, the idle ones too, and leaves the streams: now there is none."""
    endless(server, None)  # calls that were cancelled may still reach the server, and be answered
    for one in [caller.stream() for _ in range(CONNECTIONS)]:
        one.close()
    eventually(lambda: server.open_connections == 0, lambda: ("connections", server.open_connections))
    server.reset()


def _kinds() -> Counter[str]:
    """Objects alive, by type. Not blocks of memory: what measures coverage takes more of them with each new line."""
    gc.collect()
    return Counter(type(one).__qualname__ for one in gc.get_objects() if not _of_coverage(one))


def _of_coverage(one: object) -> bool:
    """Whether it is one of the four methods that the measuring of coverage keeps for every thread there ever was."""
    return isinstance(one, types.MethodType) and type(one.__self__).__module__ == "coverage.collector"
