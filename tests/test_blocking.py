"""The blocking driver: who wakes it, and the body of a stream between threads. E2, E16."""

import threading
from typing import Any

import pytest
from support.answers import DONE, OK, SSE, chunk, chunked, event
from support.clients import CALL, KEY, make_raw
from support.leftovers import own_threads
from support.scripted import ScriptedServer, repeat, request, send, until_gone

from togetherpy import APIError, Timeout

FIRST = SSE + chunked(event(chunk("Hello")), end=False)
WHOLE = SSE + chunked(event(chunk("Hello")), event(chunk("", "stop")), DONE)


def make(server: Any, **options: Any) -> Any:
    return make_raw("sync", api_key=KEY, base_url=server.base_url, max_retries=0, **options)


def test_a_numeric_address_needs_no_thread() -> None:
    before = own_threads()
    with ScriptedServer([repeat(request, send(OK))]) as server, make(server) as client:
        assert client.chat.completions.create(**CALL).id == "r-1"
        assert own_threads() <= before  # another test's may have ended meanwhile


@pytest.mark.fault("E16")
def test_a_stream_that_another_thread_closes_gives_its_slot_back() -> None:
    scripts = [request, send(FIRST), until_gone], [request, send(OK)]
    with ScriptedServer(*scripts) as server, make(server, max_connections=1) as client:
        stream = client.chat.completions.create(**CALL, stream=True)
        next(stream)
        ended: list[BaseException] = []

        def read() -> None:
            try:
                next(stream)
            except (APIError, StopIteration) as error:
                ended.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        stream.close()
        thread.join(20)
        assert len(ended) == 1
        assert client.chat.completions.create(**CALL, timeout=Timeout(queue=10)).id == "r-1"


@pytest.mark.fault("B12")
def test_a_stream_read_to_its_end_keeps_its_connection() -> None:
    with ScriptedServer([repeat(request, send(WHOLE))]) as server, make(server, max_connections=1) as client:
        for _ in range(3):
            assert len(list(client.chat.completions.create(**CALL, stream=True))) == 2
        assert server.connections == 1
