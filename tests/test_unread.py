"""with_streaming_response: answers whose bodies are unread."""

import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import COMPLETION, HELLO, OK, SSE, STREAM_OK, answer, chunked, completion, error_body, text_of
from support.clients import CALL, failure
from support.scripted import ScriptedServer, request, send, until_gone, wait

import togetherpy
from togetherpy._core.pieces import Lines, Sized
from togetherpy.testing import LocalServer
from togetherpy.types import ChatCompletionResponse

Maker = Callable[..., Any]


def opened(caller: Any, body: Callable[[Any], Any], method: str = "create", **params: Any) -> Any:
    """Runs `body` with an open answer, in either kind of client; what it returns is awaited in an asynchronous one."""
    opening = getattr(caller.raw.chat.completions.with_streaming_response, method)(**{**CALL, **params})
    if caller.kind == "sync":
        with opening as response:
            return body(response)

    async def run() -> Any:
        async with opening as response:
            return await body(response)

    return caller.loop.run(run())


def whole(name: str, **params: Any) -> Callable[[Any], Any]:
    """A body that asks for the whole by this method, or takes all that this iterator gives."""

    def body(response: Any) -> Any:
        found = getattr(response, name)(**params)
        if hasattr(found, "__aiter__"):
            return listed(found)
        return found if hasattr(found, "__await__") or not hasattr(found, "__next__") else list(found)

    return body


async def listed(each: Any) -> list[Any]:
    return [one async for one in each]


TEXT = json.dumps(completion("Grüße"), ensure_ascii=False)


@pytest.mark.parametrize(
    ("method", "expected"),
    [("read", TEXT.encode()), ("text", TEXT), ("json", json.loads(TEXT)), ("iter_lines", [TEXT])],
)
def test_the_whole(client: Maker, method: str, expected: Any) -> None:
    with ScriptedServer([request, send(answer(TEXT.encode())), request, send(OK)]) as server:
        caller = client(server)
        assert opened(caller, whole(method)) == expected
        caller.create()  # on the same connection
    assert server.connections == 1


def test_pieces(client: Maker) -> None:
    with ScriptedServer([request, send(answer(TEXT.encode()))] * 1, [request, send(answer(TEXT.encode()))]) as server:
        caller = client(server)
        pieces = opened(caller, whole("iter_bytes", chunk_size=7))
        assert b"".join(pieces) == TEXT.encode()
        assert {len(piece) for piece in pieces[:-1]} == {7}
        # A character may lie across two pieces.
        assert "".join(opened(caller, whole("iter_text", chunk_size=1))) == TEXT


def test_what_is_known_before_the_body(client: Maker) -> None:
    gate = threading.Event()
    head, _, body = answer(completion(), x_request_id="id-3").partition(b"\r\n\r\n")
    with ScriptedServer([request, send(head + b"\r\n\r\n"), wait(gate), send(body)]) as server:
        caller = client(server)

        def see(response: Any) -> Any:
            assert (response.status_code, response.request_id, response.retries_taken) == (200, "id-3", 0)
            assert response.headers["X-Request-Id"] == "id-3"
            assert response.http_request.method == "POST"
            assert not hasattr(response, "nonsense")
            gate.set()
            return response.parse()

        parsed = opened(caller, see)
    assert type(parsed) is ChatCompletionResponse
    assert parsed.choices[0].message.content == COMPLETION


def test_parse_after_read_and_twice(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        caller = client(server)

        def both(response: Any) -> Any:
            if caller.kind == "sync":
                return response.read(), response.parse(), response.parse(), list(response.iter_bytes())
            return gathered(response)

        async def gathered(response: Any) -> Any:
            read = await response.read()
            return read, await response.parse(), await response.parse(), await listed(response.iter_bytes())

        read, first, second, again = opened(caller, both)
    assert first is second
    assert (json.loads(read), again) == (completion(), [read])


def test_lines_of_a_stream(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK)]) as server:
        lines = opened(client(server), whole("iter_lines"), stream=True)
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    assert json.loads(data[0])["object"] == "chat.completion.chunk"


def test_a_stream_that_is_parsed(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK), request, send(OK)]) as server:
        caller = client(server)

        def chunks(response: Any) -> Any:
            if caller.kind == "sync":
                return list(response.parse())
            return later(response)

        async def later(response: Any) -> Any:
            return await listed(await response.parse())

        assert text_of(opened(caller, chunks, stream=True)) == "Hello world"
        caller.create()
    assert server.connections == 1


def test_leaving_it_early_drops_the_connection(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(HELLO[:20], end=False)), until_gone]) as server:
        caller = client(server)

        def nothing(response: Any) -> Any:
            assert response.status_code == 200
            return None if caller.kind == "sync" else response.aclose()

        opened(caller, nothing, stream=True)
        server.wait_gone(0)


def test_refusals_are_raised_when_it_is_opened(client: Maker, no_waits: None) -> None:
    steps = [request, send(answer(error_body(), 503)), request, send(answer(error_body("gone"), 404))]
    with ScriptedServer(steps) as server:
        caller = client(server, max_retries=1)
        error = failure(togetherpy.NotFoundError, lambda: opened(caller, whole("read")))
    assert error.attempts == 2


def test_what_parse_makes_of_a_bad_body(client: Maker) -> None:
    with ScriptedServer([request, send(answer(error_body("inside")))]) as server:
        caller = client(server)
        error = failure(togetherpy.APIStatusError, lambda: opened(caller, whole("parse")))
    assert "inside" in str(error)
    assert error.response.http_request == error.request
    assert error.request.url.endswith("/chat/completions")


class City(togetherpy.BaseModel):
    name: str


def test_structured_output(client: Maker) -> None:
    with ScriptedServer([request, send(answer(completion('{"name": "Bern"}')))]) as server:
        caller = client(server)
        parsed = opened(caller, whole("parse"), method="parse", response_format=City)
    assert parsed.choices[0].message.parsed.name == "Bern"


def test_of_the_whole_client(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        raw = caller.area("with_raw_response.chat.completions").create(**CALL)
        assert raw.parse().choices
        assert caller.area("with_raw_response.models").list().status_code == 200
        opening = caller.raw.with_streaming_response.models.list()
        if caller.kind == "sync":
            with opening as response:
                assert isinstance(response.parse(), list)
        else:

            async def run() -> None:
                async with opening as response:
                    assert isinstance(await response.parse(), list)

            caller.loop.run(run())
        for form in (caller.raw.with_raw_response, caller.raw.with_streaming_response):
            assert "models" in dir(form)
            with pytest.raises(AttributeError):
                _ = form.chat.completions.map
            with pytest.raises(AttributeError):
                _ = form.nonsense
        assert not caller.raw.is_closed()


def test_with_of_the_wrong_kind(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        opening = caller.raw.models.with_streaming_response.list()

        async def enter() -> None:
            async with opening:
                pass

        def enter_plainly() -> None:
            with opening:
                pass

        wrong = (lambda: run_alone(enter())) if caller.kind == "sync" else enter_plainly
        assert "with" in str(failure(TypeError, wrong))


def test_an_answer_that_is_not_opened(client: Maker) -> None:
    opening = client(base_url="http://127.0.0.1:9/v1").raw.models.with_streaming_response.list()
    with pytest.raises(AttributeError, match=r"to take read of: `with client\.\.\. as response` opens it"):
        _ = opening.read


def run_alone(coroutine: Any) -> Any:
    import asyncio

    return asyncio.run(coroutine)


@pytest.mark.parametrize("cuts", [[1], [2], [3], [5], [1, 2, 3], list(range(12))])
def test_lines(cuts: list[int]) -> None:
    text, lines = "a\rb\r\nc\n\nd\r", Lines()
    places = [0, *[cut for cut in cuts if cut < len(text)], len(text)]
    found: list[str] = []
    for start, end in itertools.pairwise(places):
        found += lines.feed(text[start:end])
    assert [*found, *lines.rest()] == ["a", "b", "c", "", "d"]


def test_sizes() -> None:
    sized = Sized(3)
    assert [*sized.feed(b"ab"), *sized.feed(b"cdefgh"), *sized.rest(), *sized.rest()][:3] == [b"abc", b"def", b"gh"]
    with pytest.raises(ValueError, match="chunk_size must be at least 1"):
        Sized(0)
