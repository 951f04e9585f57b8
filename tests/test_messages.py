"""What failures say: which limit ran out, after how many attempts, for which request; in whole sentences."""

import asyncio
import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import DONE, OK, SSE, answer, chunk, chunked, error_body, event
from support.clients import CALL, failure
from support.scripted import Peer, ScriptedServer, Step, close, repeat, request, send, until_gone

from togetherpy import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AsyncTogether,
    InternalServerError,
    RateLimitError,
    StreamInterruptedError,
    StreamTimeoutError,
    Timeout,
)

Maker = Callable[..., Any]
FIRST = event(chunk("Hello"))


def pause(seconds: float) -> Step:
    """Silence for at least so long."""

    def step(peer: Peer) -> None:
        peer.server.over.wait(seconds)

    return step


def whole_sentences(text: str) -> bool:
    return re.search(r"[.!?]$", text) is not None and ".." not in text.replace("...", "") and ". ." not in text


@pytest.mark.fault("B1")
@pytest.mark.parametrize("stream", [False, True])
def test_the_limit_that_ran_out(client: Maker, stream: bool) -> None:
    with ScriptedServer([request, close], [request, until_gone]) as server:
        error = client(server, timeout=0.4, max_retries=3).fails(APITimeoutError, stream=stream)
    assert "timeout=0.4 s ran out. 2 attempts were made." in str(error)
    assert whole_sentences(str(error))


@pytest.mark.fault("B8")
def test_the_limit_of_a_silence(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(FIRST, end=False)), until_gone]) as server:
        error = client(server, timeout=Timeout(30, stream_idle=0.2)).fails(StreamTimeoutError, stream=True)
    assert "Timeout(stream_idle=0.2) ran out" in str(error)
    assert whole_sentences(str(error))


@pytest.mark.fault("B8")
@pytest.mark.parametrize("to", [None, dict])
def test_the_first_event_may_take_as_long_as_the_call(client: Maker, to: Any) -> None:
    slow = [request, send(SSE, chunked(b": ping\n\n", end=False)), pause(0.5), send(chunked(FIRST + DONE))]
    with ScriptedServer(slow) as server:
        assert len(client(server, timeout=Timeout(30, stream_idle=0.1)).chunks(response_type=to)) == 1


@pytest.mark.fault("B8", "B9")
def test_the_first_event_may_not_take_longer(client: Maker) -> None:
    pings = repeat(send(chunked(b": ping\n\n", end=False)), pause(0.05))
    with ScriptedServer([request, send(SSE), pings]) as server:
        error = client(server, timeout=Timeout(0.4, stream_idle=30)).fails(StreamTimeoutError, stream=True)
    assert "timeout=0.4 s ran out" in str(error)
    assert error.partial is None


@pytest.mark.fault("C6")
def test_a_wait_above_the_limit(client: Maker) -> None:
    with ScriptedServer([request, send(answer(error_body("Slow down!"), 429, retry_after=600))]) as server:
        error = client(server, max_retries=2).fails(RateLimitError)
    assert "Slow down! Send fewer requests at a time. The server asks to wait 600 s, above the limit of 120 s." in str(
        error
    )
    assert "max_retries" not in str(error)


@pytest.mark.fault("F3")
def test_a_wait_beyond_the_deadline(client: Maker) -> None:
    with ScriptedServer([request, send(answer(error_body(), 429, retry_after=20))]) as server:
        error = client(server, max_retries=2, timeout=5.0).fails(RateLimitError)
    assert "The server asks to wait 20 s, longer than timeout=... leaves." in str(error)


def test_the_attempts_and_the_request(client: Maker) -> None:
    slow = answer(error_body("Slow down", id=None), 429, retry_after_ms=1, x_request_id="id-7")
    with ScriptedServer([repeat(request, send(slow))]) as server:
        error = client(server, max_retries=2).fails(RateLimitError)
    assert str(error) == error.message
    assert str(error) == (
        "Error code: 429 - Slow down. Send fewer requests at a time. A higher max_retries would try more often. "
        "3 attempts were made. Request id: id-7."
    )
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (str(again), again.args) == (str(error), error.args)


@pytest.mark.fault("F1")
def test_the_quota(client: Maker) -> None:
    with ScriptedServer([repeat(request, send(answer(error_body("down"), 500)))]) as server:
        error = client(server, max_retries=2, retry_quota=0).fails(InternalServerError)
    assert "retry_quota is used up." in str(error)


@pytest.mark.parametrize(
    "script",
    [
        [request, close],
        [request, send(answer(error_body("ends with a stop."), 400))],
        [request, send(answer(error_body("ends without"), 400))],
        [request, send(answer(b"", 500))],
        [request, send(answer(b"<html>No</html>"))],
        [request, send(answer({"detail": "It rains."}))],
        [request, send(answer({"error": "It rains."}))],
        [request, send(answer(b"nonsense"))],
        [request, send(b"nonsense\r\n\r\n")],
        [request, send(answer(b"", 302, location="https://other.example/"))],
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_sentences_end_with_one_full_stop(client: Maker, script: list[Step], stream: bool) -> None:
    with ScriptedServer(script) as server:
        error = client(server).fails(APIError, stream=stream)
    assert whole_sentences(str(error)), str(error)


@pytest.mark.fault("B4")
def test_a_broken_stream_names_its_request(client: Maker) -> None:
    head_of_it = SSE.replace(b"\r\n\r\n", b"\r\nx-request-id: id-8\r\n\r\n")
    with ScriptedServer([request, send(head_of_it + chunked(FIRST, end=False))]) as server:
        stream = client(server).stream()
        error = failure(StreamInterruptedError, stream.read)
    assert str(error).endswith("What came is in .partial. Request id: id-8.")
    assert whole_sentences(str(error))


@pytest.mark.fault("E6")
def test_a_cancelled_read_is_called_that() -> None:
    async def main(base_url: str) -> APIError:
        async with AsyncTogether(api_key="k" * 20, base_url=base_url) as client:
            stream = await client.chat.completions.create(stream=True, **CALL)
            assert (await anext(stream)).choices
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(stream), 0.05)
            with pytest.raises(StreamInterruptedError) as raised:
                await anext(stream)
            return raised.value

    with ScriptedServer([request, send(SSE + chunked(FIRST, end=False)), until_gone]) as server:
        error = asyncio.run(main(server.base_url))
    assert "cancelled" in str(error)
    assert "closed" not in str(error)
    assert error.partial is not None


def test_a_connection_that_took_too_long_names_its_limit(client: Maker) -> None:
    with ScriptedServer([until_gone]) as server:
        base_url = server.base_url.replace("http:", "https:")
        error = client(base_url=base_url, timeout=Timeout(30, connect=0.2)).fails(APIConnectionError)
    assert "Timeout(connect=0.2) ran out." in str(error)


@pytest.mark.fault("E12")
def test_a_queue_that_took_too_long_names_its_limit(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(FIRST, end=False)), until_gone]) as server:
        caller = client(server, max_connections=1, timeout=Timeout(0.2, queue=0.4))
        stream = caller.stream()
        stream.next()
        error = caller.fails(APITimeoutError)
        stream.close()
    assert "Timeout(queue=0.4) ran out." in str(error)
    assert whole_sentences(str(error))


def test_a_good_answer_after_all(client: Maker) -> None:
    slow = answer(error_body("Slow down"), 429, retry_after_ms=1)
    with ScriptedServer([request, send(slow), request, send(OK)]) as server:
        assert client(server, max_retries=1).create().id == "r-1"
