"""Stream and AsyncStream: the ways to read them, to leave them and to look at them."""

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import HELLO, OK, SSE, STREAM_OK, chunk, chunked, event, head, text_of
from support.clients import ASYNC_KINDS, CALL, failure, make_raw
from support.scripted import ScriptedServer, repeat, request, send, until_gone, wait

import togetherpy
from togetherpy import StreamInterruptedError

Maker = Callable[..., Any]
FIRST = event(chunk("Hello"))
OPEN = [request, send(SSE + chunked(FIRST, end=False)), until_gone]
"""A stream that stays open after its first chunk."""
GOOD = [repeat(request, send(OK))]


def test_chunks_come_as_they_arrive(client: Maker) -> None:
    gate = threading.Event()
    script = [request, send(SSE + chunked(FIRST, end=False)), wait(gate), send(chunked(HELLO))]
    with ScriptedServer(script) as server:
        stream = client(server).stream()
        assert text_of([stream.next()]) == "Hello"
        gate.set()
        assert text_of(stream.read()) == "Hello world"


def test_head_comes_before_the_first_chunk(client: Maker) -> None:
    fields = {"x_request_id": "id-3", "x_Other": "a"}
    start = head(content_type="text/event-stream", transfer_encoding="chunked", **fields)
    with ScriptedServer([request, send(start), until_gone]) as server:
        stream = client(server).stream()
        assert (stream.response.status_code, stream.response.request_id) == (200, "id-3")
        assert stream.response.headers["X-OTHER"] == "a"
        assert stream.response.attempts == 1
        stream.close()
        server.wait_gone(0)


def test_next_to_the_end(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK), *GOOD]) as server:
        caller = client(server)
        stream = caller.stream()
        assert text_of([stream.next(), stream.next(), stream.next()]) == "Hello world"
        for _ in range(2):
            with pytest.raises((StopIteration, StopAsyncIteration)):
                stream.next()
        caller.create()
        assert server.connections == 1


def test_second_iteration_of_a_complete_stream_is_empty(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK)]) as server:
        stream = client(server).stream()
        assert len(stream.read()) == 3
        assert stream.read() == []
        stream.close()
        stream.close()


@pytest.mark.fault("E2")
@pytest.mark.parametrize("way", ["break", "exception", "close", "next and close"])
def test_leaving_early_closes_the_connection(client: Maker, way: str) -> None:
    with ScriptedServer(OPEN, GOOD) as server:
        caller = client(server, max_connections=1)
        stream = caller.stream()
        if way == "break":
            stream.each(lambda one: True)
        elif way == "exception":
            failure(ZeroDivisionError, lambda: stream.each(lambda one: 1 // 0))
        else:
            if way == "next and close":
                stream.next()
            stream.close()
        server.wait_gone(0)
        assert caller.create().id == "r-1"  # the only slot is free again


@pytest.mark.fault("E2")
@pytest.mark.parametrize("leave", ["break", "close"])
def test_reading_on_after_leaving(client: Maker, leave: str) -> None:
    with ScriptedServer([request, send(SSE + chunked(FIRST * 3, end=False)), until_gone]) as server:
        stream = client(server).stream()
        if leave == "break":
            stream.each(lambda one: True)
        else:
            stream.next()
            stream.close()
        error = failure(StreamInterruptedError, stream.read)
    assert "closed before its end" in str(error)
    assert error.partial.choices[0].message.content.startswith("Hello")


@pytest.mark.fault("B12", "E2")
def test_leaving_after_done_keeps_the_connection(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK), *GOOD]) as server:
        caller = client(server)
        stream = caller.stream()
        stream.read()
        stream.close()
        caller.create()
        assert server.connections == 1


@pytest.mark.fault("E3")
def test_forgotten_stream(client: Maker) -> None:
    with ScriptedServer(OPEN, GOOD) as server:
        caller = client(server, max_connections=1)
        stream = caller.stream()
        stream.next()
        held = [stream]
        del stream
        with pytest.warns(ResourceWarning, match="neither read to its end nor closed"):
            held.clear()
        server.wait_gone(0)
        assert caller.create().id == "r-1"


@pytest.mark.fault("E3")
def test_stream_that_was_read_or_closed_is_forgotten_in_silence(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK), *OPEN]) as server:
        caller = client(server)
        stream = caller.stream()
        stream.read()
        del stream
        stream = caller.stream()
        stream.close()
        del stream
        gc.collect()


@pytest.mark.fault("E4")
def test_error_status_gives_the_connection_back(client: Maker) -> None:
    refusal = head(400, content_length=2) + b"{}"
    with ScriptedServer([request, send(refusal), *GOOD]) as server:
        caller = client(server, max_connections=1)
        caller.fails(togetherpy.BadRequestError, stream=True)
        assert caller.create().id == "r-1"
        assert server.connections == 1


def test_one_request_each(client: Maker) -> None:
    with ScriptedServer([repeat(request, send(STREAM_OK))]) as server:
        caller = client(server)
        for _ in range(3):
            caller.chunks()
        assert len(server.requests) == 3


def test_repr_shows_state_and_request_id(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK), *OPEN]) as server:
        caller = client(server)
        stream = caller.stream()
        assert "open 200" in repr(stream.raw)
        stream.read()
        assert "complete 200 request_id=None" in repr(stream.raw)
        stream = caller.stream()
        stream.close()
        assert "closed 200" in repr(stream.raw)


def test_context_manager_sync() -> None:
    with ScriptedServer(OPEN) as server, make_raw("sync", api_key="k", base_url=server.base_url) as client:
        with client.chat.completions.create(**CALL, stream=True) as stream:
            assert next(stream).choices[0].delta.content == "Hello"
        server.wait_gone(0)


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_context_manager_async(kind: str) -> None:
    async def main() -> None:
        async with make_raw(kind, api_key="k", base_url=server.base_url) as client:
            async with await client.chat.completions.create(**CALL, stream=True) as stream:
                assert (await anext(stream)).choices[0].delta.content == "Hello"
            stream = await client.chat.completions.create(**CALL, stream=True)
            chunks = aiter(stream)
            assert (await anext(chunks)).choices[0].delta.content == "Hello"
            await stream.aclose()
            with pytest.raises(StreamInterruptedError):
                await anext(chunks)

    with ScriptedServer(OPEN) as server:
        asyncio.run(main())
        server.wait_gone(0)
        server.wait_gone(1)


def test_one_iterator_may_be_left_and_taken_up() -> None:
    with (
        ScriptedServer([request, send(STREAM_OK)]) as server,
        make_raw("sync", api_key="k", base_url=server.base_url) as c,
    ):
        chunks = iter(c.chat.completions.create(**CALL, stream=True))
        for one in chunks:
            assert one.choices[0].delta.content == "Hello"
            break
        assert text_of(list(chunks)) == " world"


# Two readers


@pytest.mark.fault("E20")
def test_two_threads_that_read_one_stream() -> None:
    gate, waiting = threading.Event(), threading.Event()
    script = [request, send(SSE + chunked(FIRST, end=False)), wait(gate), send(chunked(HELLO))]
    with ScriptedServer(script) as server, make_raw("sync", api_key="k", base_url=server.base_url) as client:
        stream = client.chat.completions.create(**CALL, stream=True)
        read = stream._read_alone

        def waits() -> bool:
            waiting.set()
            return read()

        next(stream)
        stream._read_alone = waits
        got: list[Any] = []
        first = threading.Thread(target=lambda: got.extend(stream))
        first.start()
        assert waiting.wait(10)
        for read_on in (lambda: next(stream), lambda: list(stream), stream.get_final_response):
            with pytest.raises(RuntimeError, match="another thread is reading this stream"):
                read_on()
        gate.set()
        first.join(10)
        assert text_of(got) == "Hello world"


@pytest.mark.fault("E20")
@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_two_tasks_that_read_one_stream(kind: str) -> None:
    gate = threading.Event()

    async def main() -> None:
        async with make_raw(kind, api_key="k", base_url=server.base_url) as client:
            stream = await client.chat.completions.create(**CALL, stream=True)

            async def read() -> list[Any]:
                return [one async for one in stream]

            await anext(stream)
            first = asyncio.create_task(read())
            while not stream._reading:
                await asyncio.sleep(0)
            for read_on in (read, stream.__anext__, stream.get_final_response):
                with pytest.raises(RuntimeError, match="another task is reading this stream"):
                    await read_on()
            gc.collect()  # what the others began with is left, and the stream is not
            gate.set()
            assert text_of(await first) == "Hello world"

    script = [request, send(SSE + chunked(FIRST, end=False)), wait(gate), send(chunked(HELLO))]
    with ScriptedServer(script) as server:
        asyncio.run(main())


@pytest.mark.parametrize("whole", [True, False], ids=["all has come", "some has come"])
def test_a_loop_after_a_break_says_that_the_stream_is_closed(client: Maker, whole: bool) -> None:
    body = SSE + (chunked(HELLO) if whole else chunked(FIRST * 3, end=False))
    with ScriptedServer([request, send(body), until_gone]) as server:
        stream = client(server).stream()
        stream.each(lambda one: True)
        seen: list[Any] = []
        error = failure(StreamInterruptedError, lambda: stream.each(seen.append))
        assert not seen
        assert "closed before its end" in str(error)
        failure(StreamInterruptedError, stream.next)
        failure(StreamInterruptedError, stream.final)
        assert error.partial.choices[0].message.content == "Hello"
