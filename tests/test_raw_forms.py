"""Raw answers as programs for the official package read them."""

import inspect
import pickle
from collections.abc import Callable
from typing import Any

from support.answers import COMPLETION, HELLO, OK, SSE, STREAM_OK, answer, chunked, completion, error_body
from support.clients import KEY, failure
from support.scripted import ScriptedServer, request, send, until_gone

import togetherpy
from togetherpy.testing import LocalServer
from togetherpy.types import ChatCompletionResponse
from togetherpy.types._awaitable import awaitable

Maker = Callable[..., Any]


async def awaited(value: Any) -> Any:
    return await value


def test_what_a_raw_answer_tells(client: Maker) -> None:
    busy = answer(error_body(), 503, retry_after_ms=1)
    with ScriptedServer([request, send(busy), request, send(OK)]) as server:
        raw = client(server, max_retries=1, default_query={"k": KEY}).raw_response()
    assert (raw.attempts, raw.retries_taken) == (2, 1)
    assert raw.read() == raw.content == raw.text().encode()
    assert raw.json() == completion()
    assert (raw.http_request.method, raw.http_request.url) == (
        "POST",
        f"{server.base_url}/chat/completions?k=***",
    )
    raw.close()  # nothing is open


def test_what_an_async_client_gives_may_be_awaited(client: Maker, kind: str) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        caller = client(server)
        raw = caller.raw_response()
    if kind == "sync":
        assert not any(map(inspect.isawaitable, (raw.parse(), raw.json(), raw.text(), raw.read())))
        return
    for value in (raw.parse(), raw.json(), raw.text(), raw.read()):
        assert caller.loop.run(awaited(value)) is value
    assert raw.parse() is raw.parse()
    parsed = raw.parse()
    assert isinstance(parsed, ChatCompletionResponse)
    assert parsed.choices[0].message.content == COMPLETION
    assert parsed.to_dict() == raw.json() == completion()
    stored = pickle.loads(pickle.dumps(raw)).parse()
    assert stored == parsed
    assert type(pickle.loads(pickle.dumps(parsed))) is ChatCompletionResponse
    assert type(pickle.loads(pickle.dumps(raw.json()))) is dict


def test_lists_and_streams_may_be_awaited_too(client: Maker, kind: str) -> None:
    with LocalServer() as server:
        caller = client(server)
        raw = caller.area("models.with_raw_response").list()
        stream = caller.raw_response(stream=True)
        if kind == "async":
            assert caller.loop.run(awaited(raw.parse())) == raw.parse()
            assert caller.loop.run(awaited(stream.parse())) is stream.parse()
        assert isinstance(raw.parse(), list)
        caller.opened(stream.parse()).close()


def test_what_cannot_be_awaited_is_as_it_is() -> None:
    value = object()
    assert awaitable(value) is value
    assert awaitable(None) is None
    text = awaitable("x")
    assert awaitable(text) is text


def test_a_stream_is_closed_by_its_head(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(HELLO[:20], end=False)), until_gone]) as server:
        caller = client(server)
        stream = caller.stream()
        closing = stream.response.close()
        server.wait_gone(0)
        assert inspect.isawaitable(closing)
        assert "closed" in repr(stream.raw)
        error = failure(togetherpy.StreamInterruptedError, stream.read)
        assert "closed before its end" in str(error)


def test_a_head_keeps_no_stream_alive(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK)]) as server:
        stream = client(server).stream()
        head = stream.response
        stream.read()
        del stream
        head.close()
        assert head.http_request.url.endswith("/chat/completions")
