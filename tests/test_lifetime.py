"""Connections, threads and processes over time, E1 to E18. Streams that are left (E2 to E4) are in test_stream.py."""

import asyncio
import contextlib
import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.answers import (
    COMPLETION,
    OK,
    SSE,
    STREAM_OK,
    answer,
    chunk,
    chunked,
    completion,
    error_body,
    event,
    text_of,
)
from support.clients import ASYNC_KINDS, CALL, KEY, KINDS, failure, make_raw
from support.leftovers import descriptors, eventually, free_slots, own_threads, waiting_calls
from support.scripted import (
    ScriptedServer,
    Step,
    close,
    do,
    repeat,
    request,
    reset,
    send,
    silent_port,
    until_gone,
    wait,
)

import togetherpy
from togetherpy import APIConnectionError, APIError, APITimeoutError, Timeout
from togetherpy._core import loop as loop_module

Maker = Callable[..., Any]
FIRST = SSE + chunked(event(chunk("Hello")), end=False)
GOOD: list[Step] = [repeat(request, send(OK))]
LIMIT = 20.0


def in_threads(count: int, job: Callable[[], Any]) -> Callable[[], list[Any]]:
    """Starts `job` in so many threads; the result waits for them and gives what they returned."""
    results: list[Any] = []
    threads = [threading.Thread(target=lambda: results.append(job()), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()

    def finish() -> list[Any]:
        for thread in threads:
            thread.join(LIMIT)
            assert not thread.is_alive()
        return results

    return finish


# Connections that were kept


@pytest.mark.fault("E1")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("last", [close, reset], ids=["close", "reset"])
@pytest.mark.parametrize("when", ["at once", "after the next request"])
def test_stale_connection_is_replaced_unseen(client: Maker, when: str, last: Step, stream: bool) -> None:
    good = STREAM_OK if stream else OK
    stale = [request, send(good), last] if when == "at once" else [request, send(good), request, last]
    with ScriptedServer(stale, [repeat(request, send(good))]) as server:
        caller = client(server, max_retries=0)

        def call() -> None:
            assert text_of(caller.chunks()) == "Hello world" if stream else caller.create().id == "r-1"

        call()
        if when == "at once":
            server.wait_gone(0)
        call()
        assert server.connections == 2
        call()
        assert server.connections == 2


def surplus(kept: threading.Event, said: threading.Event) -> list[Step]:
    """An answer, and when the connection is `kept`, another one that nobody asked for."""
    return [request, send(OK), wait(kept), send(answer(completion(id="wrong"))), do(said.set), until_gone]


@pytest.mark.fault("B25")
def test_bytes_that_nobody_asked_for_end_the_connection(client: Maker) -> None:
    """They came while the connection lay in the pool; taken for an answer, they would be the next call's."""
    kept, said = threading.Event(), threading.Event()
    with ScriptedServer(surplus(kept, said), GOOD) as server:
        caller = client(server, max_retries=0)
        caller.create()
        kept.set()
        assert said.wait(LIMIT)
        assert caller.create().id == "r-1"
        assert server.connections == 2


@pytest.mark.fault("B25")
def test_bytes_that_came_while_the_loop_was_busy() -> None:
    """The loop has not read them yet when the connection is used again."""
    kept, said = threading.Event(), threading.Event()

    async def main() -> str:
        async with togetherpy.AsyncTogether(api_key=KEY, base_url=server.base_url, max_retries=0) as client:
            await client.chat.completions.create(**CALL)
            kept.set()
            assert said.wait(LIMIT)
            return str((await client.chat.completions.create(**CALL)).id)

    with ScriptedServer(surplus(kept, said), GOOD) as server:
        assert asyncio.run(main()) == "r-1"
        assert server.connections == 2


@pytest.mark.fault("E1")
def test_stale_retry_is_not_counted(client: Maker) -> None:
    script = [request, send(answer(error_body(), 400))]
    with ScriptedServer([request, send(OK), request, close], script) as server:
        caller = client(server)
        caller.create()
        error = caller.fails(togetherpy.BadRequestError)
        assert (server.connections, error.attempts, error.maybe_billed) == (2, 1, False)


@pytest.mark.fault("E1")
def test_stale_retry_happens_once(client: Maker) -> None:
    with ScriptedServer([request, send(OK), request, close], [request, close]) as server:
        caller = client(server)
        caller.create()
        assert caller.fails(APIConnectionError).attempts == 1
        assert server.connections == 2


@pytest.mark.fault("E1")
@pytest.mark.parametrize("begun", [b"H", b"HTTP/1.1 200 OK\r\n"])
def test_begun_answer_is_no_stale_connection(client: Maker, begun: bytes) -> None:
    with ScriptedServer([request, send(OK), request, send(begun), close], GOOD) as server:
        caller = client(server)
        caller.create()
        assert caller.fails(APIConnectionError).maybe_billed
        assert server.connections == 1


@pytest.mark.fault("E1")
def test_silence_on_a_kept_connection_is_no_stale_connection(client: Maker) -> None:
    with ScriptedServer([request, send(OK), request, until_gone], GOOD) as server:
        caller = client(server, timeout=0.4)
        caller.create()
        caller.fails(APITimeoutError)
        assert server.connections == 1


@pytest.mark.fault("E1")
def test_new_connection_that_is_dropped_is_no_stale_one(client: Maker) -> None:
    with ScriptedServer([request, close], GOOD) as server:
        client(server).fails(APIConnectionError)
        assert server.connections == 1


@pytest.mark.fault("E15")
@pytest.mark.parametrize("jump", [56.0, -20.0])
@pytest.mark.parametrize("clock", ["monotonic", "time", "clock_gettime"])
def test_connection_idle_for_too_long_is_dropped(
    client: Maker, clock: str, jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen machine stops some of its clocks, and a restored one may set them back."""
    failed: list[Any] = []
    hooks = SimpleNamespace(on_retry=failed.append, on_error=failed.append)
    with ScriptedServer(GOOD) as server:
        caller = client(server, timeout=1000.0, hooks=hooks)
        caller.create()
        caller.create()
        assert server.connections == 1
        real = getattr(time, clock)
        monkeypatch.setattr(f"time.{clock}", lambda *number: real(*number) + jump)
        caller.create()
        assert not failed
        assert server.connections == 2
        server.wait_gone(0)


# Many callers


@pytest.mark.fault("E12")
def test_callers_queue_for_connections(client: Maker) -> None:
    gate = threading.Event()
    with ScriptedServer([repeat(request, wait(gate), send(OK))]) as server:
        caller = client(server, max_connections=2)
        finish = in_threads(8, caller.create)
        server.wait_requests(2)
        gate.set()
        assert len(finish()) == 8
        assert (server.connections, len(server.requests)) == (2, 8)


@pytest.mark.fault("E12")
def test_queueing_is_bounded_by_its_own_limit(client: Maker) -> None:
    with ScriptedServer([request, send(FIRST), until_gone], GOOD) as server:
        caller = client(server, max_connections=1)
        stream = caller.stream()
        stream.next()
        error = caller.fails(APITimeoutError, timeout=Timeout(queue=0.2), max_retries=2)
        assert server.connections == 1
        stream.close()
        assert caller.create(timeout=Timeout(queue=0.2)).id == "r-1"
    assert "max_connections" in str(error)
    assert "Timeout(queue=...)" in str(error)
    assert (error.phase, error.maybe_billed, error.attempts) == ("connecting", False, 1)


@pytest.mark.fault("E12")
def test_the_queue_is_no_part_of_the_timeout(client: Maker) -> None:
    held, waited = threading.Event(), threading.Event()
    with ScriptedServer([request, wait(held), send(OK), request, wait(waited), send(OK)]) as server:
        caller = client(server, max_connections=1)
        first = in_threads(1, caller.create)
        server.wait_requests(1)
        second = in_threads(1, lambda: caller.create(timeout=0.5).id)
        assert not waited.wait(0.8)  # longer than the second call's timeout
        held.set()
        server.wait_requests(2)
        waited.set()
        assert first()[0].id == "r-1"
        assert second() == ["r-1"]


@pytest.mark.fault("E12")
def test_a_body_is_encoded_when_its_turn_has_come(client: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    real = loop_module.encode_request

    def counted(*args: Any, **options: Any) -> Any:
        encoded.append(1)
        return real(*args, **options)

    monkeypatch.setattr(loop_module, "encode_request", counted)
    gate = threading.Event()
    with ScriptedServer([repeat(request, wait(gate), send(OK))]) as server:
        caller = client(server, max_connections=2)
        finish = in_threads(20, caller.create)
        server.wait_requests(2)
        eventually(lambda: waiting_calls(caller) == 18, lambda: waiting_calls(caller))
        assert (len(encoded), free_slots(caller)) == (2, 0)
        gate.set()
        assert len(finish()) == len(encoded) == 20


@pytest.mark.fault("E12")
def test_what_cannot_be_encoded_gives_its_turn_back(client: Maker) -> None:
    with ScriptedServer([repeat(request, send(OK))]) as server:
        caller = client(server, max_connections=1)
        for _ in range(3):
            caller.fails(TypeError, user=object())
        assert caller.create().id == "r-1"
        assert free_slots(caller) == 1


@pytest.mark.fault("E12")
def test_tasks_in_the_queue_hold_no_more_than_they_were_given() -> None:
    prompt, count = "x" * 200_000, 200
    gate = threading.Event()

    async def main() -> tuple[set[Any], int]:
        async with togetherpy.AsyncTogether(api_key=KEY, base_url=server.base_url, max_connections=4) as own:
            call: Any = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
            tracemalloc.start()
            tasks = [asyncio.ensure_future(own.chat.completions.create(**call)) for _ in range(count)]
            while len(server.requests) < 4:
                await asyncio.sleep(0.002)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            gate.set()
            return {answer.id for answer in await asyncio.gather(*tasks)}, peak

    with ScriptedServer([repeat(request, wait(gate), send(OK))]) as server:
        answers, peak = asyncio.run(main())
    assert answers == {"r-1"}
    assert peak < 0.25 * count * len(prompt)


@pytest.mark.fault("E12")
def test_ten_thousand_tasks_at_once() -> None:
    async def main() -> set[Any]:
        async with togetherpy.AsyncTogether(api_key=KEY, base_url=server.base_url) as own:
            return {
                answer.id
                for answer in await asyncio.gather(*(own.chat.completions.create(**CALL) for _ in range(10_000)))
            }

    with ScriptedServer(GOOD) as server:
        assert asyncio.run(main()) == {"r-1"}


@pytest.mark.fault("E12")
def test_many_calls_with_few_connections(client: Maker) -> None:
    with ScriptedServer(GOOD) as server:
        caller = client(server, max_connections=3)
        assert len(in_threads(60, caller.create)()) == 60
        assert server.connections <= 3


@pytest.mark.fault("E13")
def test_many_threads_on_one_client(client: Maker) -> None:
    def own(peer: Any) -> None:
        request(peer)
        number = next(one for one in reversed(peer.server.requests) if one.connection == peer.number)
        peer.sock.sendall(answer({"id": number.headers["x-number"], "choices": []}))

    with ScriptedServer([repeat(own)]) as server:
        caller = client(server)

        def calls() -> bool:
            name = str(threading.get_ident())
            return all(caller.create(extra_headers={"x-number": f"{name}-{i}"}).id == f"{name}-{i}" for i in range(10))

        assert in_threads(8, calls)() == [True] * 8
        assert server.connections <= 8


# Closing


@pytest.mark.fault("E16")
def test_close_ends_calls_and_streams(client: Maker) -> None:
    with ScriptedServer([request, until_gone], [request, send(FIRST), until_gone]) as server:
        caller = client(server, max_retries=2)
        waiting = in_threads(1, lambda: caller.fails(APIConnectionError))
        server.wait_requests(1)
        stream = caller.stream()
        stream.next()
        reading = in_threads(1, lambda: failure(APIError, stream.next))
        caller.close()
        (error,) = waiting()
        assert "closed" in str(error)
        assert not isinstance(error, TimeoutError)
        (error,) = reading()
        assert "closed" in str(error)
        assert error.partial.choices[0].message.content == "Hello"
        server.wait_gone(0)
        server.wait_gone(1)


@pytest.mark.fault("E16")
def test_close_ends_the_wait_for_a_retry(client: Maker) -> None:
    with ScriptedServer([request, send(answer(error_body(), 429, retry_after=100))]) as server:
        caller = client(server, timeout=600.0, max_retries=1)
        waiting = in_threads(1, lambda: caller.fails(APIError))
        server.wait_requests(1)
        caller.close()
        waiting()
        assert len(server.requests) == 1


@pytest.mark.fault("E16")
def test_close_ends_queueing(client: Maker) -> None:
    with ScriptedServer([request, until_gone]) as server:
        caller = client(server, max_connections=1)
        waiting = in_threads(3, lambda: caller.fails(APIConnectionError))
        server.wait_requests(1)
        caller.close()
        assert len(waiting()) == 3
        assert server.connections == 1


@pytest.mark.fault("E16")
def test_close_ends_connecting(client: Maker) -> None:
    with ScriptedServer([until_gone], scheme="https") as server:
        caller = client(server, timeout=Timeout(connect=LIMIT))
        waiting = in_threads(1, lambda: caller.fails(APIConnectionError))
        server.wait_connections(1)
        caller.close()
        assert "closed" in str(waiting()[0])
        server.wait_gone(0)


@pytest.mark.fault("E16")
def test_close_ends_a_proxys_connecting(client: Maker) -> None:
    with ScriptedServer([request, until_gone]) as proxy:
        caller = client(base_url="https://198.51.100.1/v1", proxy=proxy.base_url.removesuffix("/v1"))
        waiting = in_threads(1, lambda: caller.fails(APIConnectionError))
        proxy.wait_requests(1)
        caller.close()
        assert "closed" in str(waiting()[0])
        proxy.wait_gone(0)


@pytest.mark.fault("E16")
def test_close_closes_idle_connections(client: Maker) -> None:
    with ScriptedServer(GOOD) as server:
        caller = client(server)
        caller.create()
        caller.close()
        server.wait_gone(0)
        caller.close()


@pytest.mark.fault("E16")
@pytest.mark.parametrize("kind", KINDS[1:])
def test_close_closes_idle_connections_of_another_loop(client: Maker) -> None:
    with ScriptedServer(GOOD) as server:
        caller = client(server)
        caller.create()
        asyncio.run(caller.raw.aclose())
        server.wait_gone(0)


@pytest.mark.fault("E17")
@pytest.mark.parametrize("used", [False, True])
def test_use_after_close(client: Maker, used: bool) -> None:
    with ScriptedServer(GOOD) as server:
        caller = client(server, max_retries=2)
        if used:
            caller.create()
        caller.close()
        for stream in (False, True):
            error = caller.fails(APIConnectionError, stream=stream)
            assert "closed" in str(error)
            assert (error.attempts, error.maybe_billed) == (0, False)
        assert server.connections == int(used)


def test_options_share_connections_and_do_not_close_them(client: Maker) -> None:
    with ScriptedServer(GOOD) as server:
        caller = client(server)
        other = caller.with_options(timeout=5.0)
        caller.create()
        other.create()
        other.close()
        caller.create()
        assert server.connections == 1
        caller.close()
        other.fails(APIConnectionError)


# Interrupts


def interrupt(peer: Any) -> None:
    """Ctrl-C, in the main thread."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


INTERRUPTED = {
    "waiting": [request, interrupt, until_gone],
    "reading": [request, send(OK[:-5]), interrupt, until_gone],
    "stream": [request, send(FIRST), interrupt, until_gone],
}


@pytest.mark.fault("E5")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("when", INTERRUPTED)
def test_keyboard_interrupt(kind: str, when: str) -> None:
    stream = when == "stream"
    with ScriptedServer(INTERRUPTED[when], GOOD) as server:
        client = make_raw(kind, api_key=KEY, base_url=server.base_url, max_connections=1, max_retries=2)
        with contextlib.ExitStack() as stack:
            if kind == "sync":
                stack.callback(client.close)

                def call(stream: bool = False) -> Any:
                    answered = client.chat.completions.create(**CALL, stream=stream)
                    return list(answered) if stream else answered

            else:

                async def run(stream: bool) -> Any:
                    answered = await client.chat.completions.create(**CALL, stream=stream)
                    return [one async for one in answered] if stream else answered

                def call(stream: bool = False) -> Any:
                    return asyncio.run(run(stream))

                stack.callback(lambda: asyncio.run(client.aclose()))
            error = failure(KeyboardInterrupt, lambda: call(stream))
            del error
            gc.collect()
            server.wait_gone(0)
            assert call().id == "r-1"
            assert len(server.requests) == 2


# Cancellation


async def _start(client: Any, **params: Any) -> Any:
    return await client.chat.completions.create(**{**CALL, **params})


async def _read(client: Any) -> Any:
    return [one async for one in await _start(client, stream=True)]


async def _eventually(condition: Callable[[], bool]) -> None:
    """The loop goes on meanwhile; the limit only bounds a failure."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.002)


@pytest.mark.fault("E6")
@pytest.mark.parametrize("kind", ASYNC_KINDS)
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("at", ["headers", "body", "stream", "handshake"])
def test_cancellation(kind: str, at: str, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("togetherpy._transport.connecting.IDLE_SECONDS", 0.02)
    others = own_threads()
    scripts: dict[str, list[Step]] = {
        "headers": [request, until_gone],
        "body": [request, send(OK[:-5]), until_gone],
        "stream": [request, send(FIRST), until_gone],
        "handshake": [until_gone],
    }
    scheme = "https" if at == "handshake" else "http"

    async def main() -> None:
        client = make_raw(kind, api_key=KEY, base_url=server.base_url, max_connections=1, timeout=LIMIT, max_retries=2)
        task = asyncio.create_task(_read(client) if at == "stream" else _start(client))
        await asyncio.to_thread(server.wait_connections, 1)
        if at != "handshake":
            await asyncio.to_thread(server.wait_requests, 1)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(server.wait_gone, 0)
        if at != "handshake":
            assert (await _start(client)).id == "r-1"  # the only slot is free
            assert server.connections == 2
        await client.aclose()
        await _eventually(lambda: own_threads() <= others)

    with ScriptedServer(scripts[at], GOOD, scheme=scheme) as server:
        asyncio.run(main())


@pytest.mark.fault("E6")
@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_cancellation_while_queueing_and_connecting(kind: str) -> None:
    async def main() -> None:
        client = make_raw(kind, api_key=KEY, base_url=server.base_url, max_connections=1, timeout=LIMIT)
        holder = await _start(client, stream=True)
        await anext(holder)
        queued = [asyncio.create_task(_start(client)) for _ in range(3)]
        await asyncio.sleep(0)
        for task in queued[:2]:
            task.cancel()
        results = await asyncio.gather(*queued[:2], return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in results)
        await holder.close()
        assert (await queued[2]).id == "r-1"
        await client.aclose()
        with silent_port() as port:
            client = make_raw(kind, api_key=KEY, base_url=f"http://127.0.0.1:{port}", timeout=Timeout(connect=LIMIT))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await _start(client)
            await client.aclose()

    with ScriptedServer([request, send(FIRST), until_gone], GOOD) as server:
        asyncio.run(main())


@pytest.mark.fault("E6")
@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_two_hundred_cancelled_calls_leave_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("togetherpy._transport.connecting.IDLE_SECONDS", 0.05)
    others = own_threads()

    def sockets() -> int:
        return sum(name.startswith("socket:") for name in descriptors())

    async def main() -> None:
        client = make_raw(kind, api_key=KEY, base_url=server.base_url, max_connections=20, timeout=LIMIT)
        await _start(client)
        for moment in range(10):
            tasks = [asyncio.create_task(_read(client) if i % 2 else _start(client)) for i in range(20)]
            for _ in range(moment * 3):  # ever later in their course
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            for one in await asyncio.gather(*tasks, return_exceptions=True):
                assert not isinstance(one, Exception), one
        # All slots are free: so many streams can be open at once.
        streams = await asyncio.gather(*(_start(client, stream=True) for _ in range(20)))
        for stream in streams:
            await stream.close()
        await client.aclose()
        await _eventually(lambda: all(peer.gone.is_set() for peer in server.peers))

    def both(peer: Any) -> None:
        request(peer)
        last = next(one for one in reversed(server.requests) if one.connection == peer.number)
        peer.sock.sendall(STREAM_OK if b'"stream":true' in last.body else OK)

    with ScriptedServer([repeat(both)]) as server:
        asyncio.run(main())
        before = sockets()
        asyncio.run(main())
        assert sockets() == before
        asyncio.run(_eventually(lambda: own_threads() <= others))


# Event loops


@pytest.mark.fault("E7")
@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_one_client_over_several_loops(kind: str) -> None:
    with ScriptedServer(GOOD) as server:
        client = make_raw(kind, api_key=KEY, base_url=server.base_url)

        async def calls() -> None:
            for answered in await asyncio.gather(*(_start(client) for _ in range(3))):
                assert answered.choices[0].message.content == COMPLETION

        for _ in range(3):
            asyncio.run(calls())
        finish = in_threads(3, lambda: asyncio.run(calls()))
        assert finish() == [None] * 3
        asyncio.run(_close(client))


async def _close(client: Any) -> None:
    await client.aclose()


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_async_context_manager(kind: str) -> None:
    async def main() -> None:
        async with make_raw(kind, api_key=KEY, base_url=server.base_url) as client:
            await _start(client)
        with pytest.raises(APIConnectionError, match="closed"):
            await _start(client)

    with ScriptedServer(GOOD) as server:
        asyncio.run(main())
        server.wait_gone(0)


def test_sync_context_manager() -> None:
    with ScriptedServer(GOOD) as server:
        with make_raw("sync", api_key=KEY, base_url=server.base_url) as client:
            client.chat.completions.create(**CALL)
        server.wait_gone(0)
        with pytest.raises(APIConnectionError, match="closed"):
            client.chat.completions.create(**CALL)


# Processes

PROGRAM = """
import asyncio, os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads: what is tested is that it works
import togetherpy
kind, url = sys.argv[1:]
CALL = dict(model="m", messages=[dict(role="user", content="hi")])
if kind == "sync":
    client = togetherpy.Together(api_key="k", base_url=url, max_retries=0, timeout=20)
    def call(stream=False):
        answered = client.chat.completions.create(**CALL, stream=stream)
        return list(answered) if stream else answered
else:
    client = togetherpy.AsyncTogether(api_key="k", base_url=url, max_retries=0, timeout=20)
    async def run(stream):
        answered = await client.chat.completions.create(**CALL, stream=stream)
        return [one async for one in answered] if stream else answered
    def call(stream=False):
        return asyncio.run(run(stream))
"""


def run_program(kind: str, server: ScriptedServer, text: str) -> subprocess.Popen[str]:
    """A process that has a client `client` and a function `call`; it must end by itself, in silence."""
    return subprocess.Popen(
        [sys.executable, "-W", "default", "-c", PROGRAM + text, kind, server.base_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(togetherpy.__file__).parent.parent,
    )


def ends_quietly(process: subprocess.Popen[str], said: str) -> None:
    out, complaints = process.communicate(timeout=LIMIT)
    assert (out, complaints, process.returncode) == (said, "", 0)


FORKING = """
call()
child = os.fork()
if child:
    _, status = os.waitpid(child, 0)
for _ in range(2):
    call()
if not child:
    print("child", flush=True)
    os._exit(0)
call()
print("parent", status, flush=True)
"""


@pytest.mark.fault("E8")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_fork(kind: str) -> None:
    with ScriptedServer(GOOD) as server:
        ends_quietly(run_program(kind, server, FORKING), "child\nparent 0\n")
        by_connection = [sum(one.connection == number for one in server.requests) for number in range(3)]
        assert len(server.requests) == 6
        assert sorted(by_connection) == [0, 2, 4]


FORKING_AWAY = """
async def main():
    global client
    await run(False)
    child = os.fork()
    if not child:
        {leaving}
        for _ in range(3):
            await asyncio.sleep(0)
        os._exit(0)
    os.waitpid(child, 0)
    await run(False)
    await client.close()
asyncio.run(main())
"""


@pytest.mark.fault("E8")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("leaving", ["client = None; __import__('gc').collect()", "await client.close()"])
def test_fork_and_leave(leaving: str) -> None:
    """The child's copy of an idle connection shares the parent's event loop with it, as far as the system knows."""
    with ScriptedServer(GOOD) as server:
        ends_quietly(run_program("async", server, FORKING_AWAY.replace("{leaving}", leaving)), "")
        assert server.connections == 1


FORKING_IN_A_STREAM = """
stream = client.chat.completions.create(**CALL, stream=True)
next(stream)
child = os.fork()
if child == 0:
    stream.close()
    del stream
    client.close()
    os._exit(0)
os.waitpid(child, 0)
print("child ended", flush=True)
print(len(list(stream)))
"""


FORKING_IN_AN_ASYNC_STREAM = """
async def main():
    stream = await client.chat.completions.create(**CALL, stream=True)
    chunks = aiter(stream)
    await anext(chunks)
    waiting = asyncio.ensure_future(anext(chunks))
    await asyncio.sleep(0)
    child = os.fork()
    if child == 0:
        await stream.close()
        await client.close()
        for _ in range(3):
            await asyncio.sleep(0)
        os._exit(0)
    os.waitpid(child, 0)
    print("child ended", flush=True)
    await waiting
    print(len([one async for one in chunks]) + 1)
    await client.close()
asyncio.run(main())
"""


@pytest.mark.fault("E8")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_fork_with_a_stream_open(kind: str) -> None:
    gate = threading.Event()
    script = [request, send(FIRST), wait(gate), send(chunked(event(chunk("", "stop")) + event("[DONE]")))]
    with ScriptedServer(script) as server:
        process = run_program(kind, server, FORKING_IN_A_STREAM if kind == "sync" else FORKING_IN_AN_ASYNC_STREAM)
        assert process.stdout is not None
        assert process.stdout.readline() == "child ended\n"
        gate.set()
        ends_quietly(process, "1\n")


AT_EXIT = """
for stream in (False, True):
    threading.Thread(target=call, args=(stream,), daemon=True).start()
sys.stdin.readline()
"""


@pytest.mark.fault("E18")
def test_interpreter_exit_with_calls_in_flight(kind: str) -> None:
    with ScriptedServer([request, until_gone], [request, until_gone]) as server:
        process = run_program(kind, server, AT_EXIT)
        server.wait_requests(2)
        _, complaints = process.communicate("go\n", timeout=LIMIT)
        assert process.returncode == 0
        assert "Traceback" not in complaints, complaints


ABANDONED = """
def first():
    answered = client.chat.completions.create(**CALL, stream=True)
    return next(answered)
async def first_async():
    answered = await client.chat.completions.create(**CALL, stream=True)
    return await anext(answered)
warnings.simplefilter("ignore", ResourceWarning)
first() if kind == "sync" else asyncio.run(first_async())
call()
print("done")
"""


@pytest.mark.fault("E3", "E18")
def test_interpreter_exit_with_an_open_client(kind: str) -> None:
    with ScriptedServer([request, send(FIRST), until_gone], GOOD) as server:
        process = run_program(kind, server, ABANDONED)
        out, complaints = process.communicate(timeout=LIMIT)
        assert (out, process.returncode) == ("done\n", 0)
        assert "Traceback" not in complaints, complaints
        assert "Error" not in complaints, complaints


# Copies


@pytest.mark.fault("E9")
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_have_the_configuration_and_their_own_connections(client: Maker, duplicate: Any) -> None:
    with ScriptedServer(GOOD) as server:
        caller = client(server, max_retries=7, default_headers={"x-own": "1"}, timeout=Timeout(total=9.0))
        caller.create()
        other = type(caller)(duplicate(caller.raw), *([caller.kind] if caller.kind != "sync" else []))
        other.create()
        assert server.connections == 2
        assert server.requests[1].headers["x-own"] == "1"
        assert server.requests[1].headers["authorization"] == f"Bearer {KEY}"
        assert (other.raw.max_retries, other.raw.timeout.total) == (7, 9.0)
        caller.close()
        other.create()
        other.end()


@pytest.mark.fault("E9")
def test_key_from_the_environment_is_read_again(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)
    pickled = pickle.dumps(make_raw(kind))
    monkeypatch.delenv("TOGETHER_API_KEY")
    with pytest.raises(togetherpy.AuthenticationError):
        pickle.loads(pickled)


@pytest.mark.fault("E10")
def test_exceptions_that_were_raised_pickle(client: Maker) -> None:
    cases: list[tuple[list[Step], bool]] = [
        ([request, close], False),
        ([request, send(answer(error_body("m", code="c", param="p"), 429, retry_after=1, x_request_id="i"))], False),
        ([request, send(answer(b"[1]"))], False),
        ([request, send(FIRST), close], True),
    ]
    for script, stream in cases:
        with ScriptedServer(script) as server:
            error = client(server).fails(APIError, stream=stream)
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.args) == (type(error), str(error), error.args)
        for name, value in vars(error).items():
            other = getattr(again, name)
            assert other == value or dict(other) == dict(value), name
