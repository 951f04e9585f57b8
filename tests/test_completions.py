"""client.completions: the text that follows a prompt, whole and streamed, from every kind of server."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import DONE, SSE, answer, chunked, event
from support.scripted import ScriptedServer, request, send

import togetherpy
from togetherpy import (
    APIResponse,
    APIResponseError,
    APIStreamResponse,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    StreamInterruptedError,
)
from togetherpy.testing import LocalServer
from togetherpy.types.chat_completions import ChatCompletionResponse
from togetherpy.types.common import LogprobsPart
from togetherpy.types.completions import CompletionChoicesData, CompletionChunk, CompletionResponse, CompletionToken

Maker = Callable[..., Any]
ASK: dict[str, Any] = {"model": "m", "prompt": "The capital of France is"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
WHOLE: dict[str, Any] = {
    "id": "c-1",
    "object": "text.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "text": " Paris", "finish_reason": "stop", "seed": 2**63 + 1, "logprobs": None}],
    "prompt": [],
    "usage": USAGE,
}


def create(caller: Any, **params: Any) -> Any:
    return caller.area("completions").create(**{**ASK, **params})


def stream(caller: Any, **params: Any) -> Any:
    return caller.opened(create(caller, stream=True, **params))


def old(text: str, finish: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
    """A chunk of servers of the older protocol: no delta."""
    choice = {"index": index, "text": text, "logprobs": None, "finish_reason": finish, **fields}
    return {"id": "c-1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}


def new(text: str, /, finish: str | None = None, logprob: float = 0, **choice: Any) -> dict[str, Any]:
    """A chunk as the API document has it: the token, the reason and the seed beside the choices."""
    token = {"id": 7, "text": text, "logprob": logprob, "special": False}
    one = {"index": 0, "text": text, "delta": {"role": "assistant", "content": text, "token_id": 7}, **choice}
    said = {"id": "c-1", "object": "completion.chunk", "created": 1, "token": token, "choices": [one], "usage": None}
    return {**said, "finish_reason": finish, "seed": 5 if finish else None}


def streamed(*chunks: Any, end: bytes = DONE) -> list[Any]:
    return [request, send(SSE + chunked(*map(event, chunks), end))]


def test_a_plain_answer(client: Maker) -> None:
    with LocalServer() as server:
        found = create(client(server), max_tokens=9)
        sent = server.requests[-1]
    (only,) = found.choices
    assert (type(found), type(only)) == (CompletionResponse, CompletionChoicesData)
    assert "The capital of France is" in only.text or only.finish_reason == "length"
    assert (found.object, found.prompt, only.message, only.logprobs) == ("text.completion", [], None, None)
    assert found.usage.completion_tokens == 9
    assert (sent.method, sent.path, sent.json) == ("POST", "/v1/completions", {**ASK, "max_tokens": 9})


def test_a_stream_says_the_same(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        whole = create(caller, seed=3)
        text = whole.choices[0].text
        assert "".join(stream(caller, seed=3).texts()) == text
        chunks = stream(caller, seed=3).read()
        final = stream(caller, seed=3).final()
        assert server.requests[-1].json == {**ASK, "seed": 3, "stream": True}
        assert server.requests[-1].headers["accept"] == "text/event-stream"
    assert {isinstance(one, CompletionChunk) for one in chunks} == {True}
    assert "".join(one.choices[0].text for one in chunks if one.choices) == text
    assert type(final) is CompletionResponse
    assert type(final.choices[0]) is CompletionChoicesData
    assert (final.choices[0].text, final.choices[0].seed, final.choices[0].message) == (text, 3, None)
    assert (final.usage, final.object, final.model) == (whole.usage, "text.completion", "m")
    assert final.choices[0].logprobs is None


@pytest.mark.parametrize("count", [1, 3])
def test_logprobs(client: Maker, count: int) -> None:
    with LocalServer() as server:
        caller = client(server)
        plain = create(caller, logprobs=count, seed=1).choices[0].logprobs
        whole = stream(caller, logprobs=count, seed=1).final().choices[0].logprobs
    assert isinstance(plain, LogprobsPart)
    assert (whole.tokens, whole.token_logprobs) == (plain.tokens, plain.token_logprobs)
    assert count == 1 or whole.top_logprobs == plain.top_logprobs


def test_echo(client: Maker) -> None:
    with LocalServer() as server:
        (part,) = create(client(server), echo=True, logprobs=1).prompt
    assert part.text == ASK["prompt"]
    assert "".join(part.logprobs.tokens) == ASK["prompt"]


def test_nothing_but_the_echo(client: Maker) -> None:
    with LocalServer() as server:
        answer = create(client(server), echo=True, logprobs=1, max_tokens=0)
    assert "".join(answer.prompt[0].logprobs.tokens) == ASK["prompt"]
    assert [(one.text, one.finish_reason) for one in answer.choices] == [("", "length")]
    assert answer.usage.completion_tokens == 0


def test_several_answers(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        whole = create(caller, n=3, seed=1)
        final = stream(caller, n=3, seed=1).final()
        texts = "".join(stream(caller, n=3, seed=1).texts())
    assert len({one.text for one in whole.choices}) > 1
    assert [(one.index, one.text) for one in final.choices] == [(one.index, one.text) for one in whole.choices]
    assert texts == whole.choices[0].text


@pytest.mark.parametrize("make", [old, new])
@pytest.mark.parametrize("count", [2, 30])  # fewer and more than are looked at one by one
def test_chunks_of_every_kind_of_server(client: Maker, make: Any, count: int) -> None:
    chunks = [*(make(f"{number} ") for number in range(count)), make("", "length"), {"choices": [], "usage": USAGE}]
    expected = "".join(f"{number} " for number in range(count))
    with ScriptedServer(*[streamed(*chunks)] * 2) as server:
        caller = client(server)
        assert "".join(stream(caller).texts()) == expected
        final = stream(caller).final()
    (only,) = final.choices
    assert (only.text, only.finish_reason, only.logprobs) == (expected, "length", None)
    assert (only.seed, final.usage.total_tokens) == (5 if make is new else None, 3)


def test_a_stream_without_an_end_mark_is_over_with_its_reason(client: Maker) -> None:
    with ScriptedServer(*[streamed(chunk, end=b"") for chunk in (old("a", "stop"), new("a", "stop"))]) as server:
        caller = client(server, max_connections=1)
        for _ in range(2):
            assert stream(caller).final().choices[0].text == "a"


def test_one_that_breaks_off_hands_over_what_came(client: Maker) -> None:
    with ScriptedServer(streamed(old("half"), end=b"")) as server:
        opened = stream(client(server))
        with pytest.raises(StreamInterruptedError) as failed:
            opened.read()
    assert type(failed.value.partial) is CompletionResponse
    assert failed.value.partial.choices[0].text == "half"  # type: ignore[index]
    assert pickle.loads(pickle.dumps(failed.value)).partial == failed.value.partial


def test_the_text_is_in_either_place(client: Maker) -> None:
    chunks: list[Any] = [
        new("a", delta={"role": "assistant", "content": None}),
        new("b", text=None),
        new("c", text=None, delta=None),
        new("d", delta=None),
        new("e", delta="odd"),
        {"object": "completion.chunk", "choices": ["odd", None]},
        new("", "stop"),
    ]
    with ScriptedServer(*[streamed(*chunks)] * 2) as server:
        caller = client(server)
        assert stream(caller).texts() == ["a", "b", "d", "e"]
        assert stream(caller).final().choices[0].text == "abde"


def test_the_logprob_of_the_only_token(client: Maker) -> None:
    with ScriptedServer(streamed(new("a", logprob=-0.5), new("b", "stop", logprob=-1.5))) as server:
        part = stream(client(server)).final().choices[0].logprobs
    assert (part.tokens, part.token_logprobs, part.token_ids) == (["a", "b"], [-0.5, -1.5], [7, 7])


def test_logprobs_of_older_servers(client: Maker) -> None:
    def part(token: str) -> dict[str, Any]:
        return {"tokens": [token], "token_logprobs": [-1.0], "top_logprobs": [{token: -1.0}], "text_offset": [0]}

    chunks = [old("a", logprobs=part("a")), old("b", "stop", logprobs=part("b"))]
    with ScriptedServer(streamed(*chunks)) as server:
        found = stream(client(server)).final().choices[0].logprobs
    assert (found.tokens, found.token_logprobs, found.top_logprobs) == (
        ["a", "b"],
        [-1.0, -1.0],
        [{"a": -1.0}, {"b": -1.0}],
    )


def test_several_prompts_have_answers_each(client: Maker) -> None:
    chunks = [old("a", "stop", 0), old("b", "stop", 1)]
    with ScriptedServer(streamed(*chunks, end=b""), streamed(chunks[0], end=b"")) as server:
        caller = client(server)
        assert [one.text for one in stream(caller, prompt=["p", "q"]).final().choices] == ["a", "b"]
        with pytest.raises(StreamInterruptedError):
            stream(caller, prompt=["p", "q"]).read()


def test_unknown_fields_are_kept(client: Maker) -> None:
    body = {**WHOLE, "new": 1, "choices": [{**WHOLE["choices"][0], "more": [2]}]}
    chunks = [{**new("a"), "new": 1}, new("b", "stop", more=2)]
    with ScriptedServer([request, send(answer(body))], streamed(*chunks)) as server:
        caller = client(server)
        found = create(caller)
        final = stream(caller).final()
    assert (found.new, found.choices[0].more, found.choices[0].seed) == (1, [2], 2**63 + 1)
    assert (final.new, final.choices[0].more) == (1, 2)


def test_a_token_of_a_chunk(client: Maker) -> None:
    with ScriptedServer(streamed(new("a", "stop"))) as server:
        (first,) = stream(client(server)).read()
    assert first.token == CompletionToken(id=7, text="a", logprob=0, special=False)
    assert first.seed == 5


@pytest.mark.parametrize(
    ("params", "expected", "said"),
    [
        ({"prompt": None}, TypeError, "needs prompt"),
        ({"messages": [{"role": "user", "content": "hi"}]}, TypeError, "client.chat.completions.create"),
        ({"prompt": b"x"}, TypeError, "prompt must be a str, not bytes"),
        ({"prompt": "\ud800"}, ValueError, "prompt"),
        ({"model": None}, TypeError, "needs model"),
        ({"stream": "yes"}, TypeError, "stream must be a bool"),
        ({"max_tokens": "9"}, TypeError, "max_tokens must be a number"),
        ({"n": 1.5}, TypeError, "n must be an int"),
        ({"api_key": "k"}, TypeError, "api_key"),
    ],
)
def test_what_cannot_be_sent(client: Maker, params: dict[str, Any], expected: type[Exception], said: str) -> None:
    with pytest.raises(expected, match=said):
        create(client(base_url="http://127.0.0.1:9/v1"), **params)


def test_names_and_values_as_chats_have_them(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        create(caller, stop="x", suffix="after", logit_bias=None, extra_body={"more": 1})
        assert server.requests[-1].json == {**ASK, "stop": ["x"], "suffix": "after", "more": 1}
        with pytest.warns(UserWarning, match="max_tokens"):
            create(caller, max_tokesn=5)
        with pytest.warns(UserWarning, match="repetition_penalty works against"):
            create(caller, repetition_penalty=1.1, presence_penalty=1)


def test_errors(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        for streaming in (False, True):
            with pytest.raises(NotFoundError):
                create(caller, model="no-such", stream=streaming)
            with pytest.raises(BadRequestError, match="max_tokens"):
                create(caller, max_tokens=0, stream=streaming)


def test_an_error_in_a_200(client: Maker) -> None:
    said = {"error": {"message": "m", "code": 500}}
    with ScriptedServer([request, send(answer(said))], streamed(old("a"), said)) as server:
        caller = client(server)
        with pytest.raises(InternalServerError):
            create(caller)
        opened = stream(caller)
        with pytest.raises(InternalServerError) as failed:
            opened.read()
    assert failed.value.partial.choices[0].text == "a"  # type: ignore[union-attr, index]


@pytest.mark.parametrize("body", [{}, {"choices": None}, [], "x", b"<html>", b""])
def test_what_is_no_answer(client: Maker, body: Any) -> None:
    with ScriptedServer([request, send(answer(body))]) as server, pytest.raises(APIResponseError):
        create(client(server))


def test_a_stream_that_nobody_asked_for(client: Maker) -> None:
    script = streamed(old("a"), old("b", "stop"))
    with ScriptedServer(script) as server, pytest.raises(APIResponseError, match="use stream=True") as failed:
        create(client(server))
    assert type(failed.value.partial) is CompletionResponse
    assert failed.value.partial.choices[0].text == "ab"  # type: ignore[index]


def test_a_whole_answer_where_a_stream_was_asked_for(client: Maker) -> None:
    with ScriptedServer([request, send(answer(WHOLE))]) as server, pytest.raises(APIResponseError) as failed:
        create(client(server), stream=True)
    assert failed.value.partial.choices[0].text == " Paris"  # type: ignore[union-attr, index]


def test_odd_fields_are_kept(client: Maker) -> None:
    body = {**WHOLE, "created": "now", "choices": [{"text": 5}, None, {"text": "b", "finish_reason": "new_word"}]}
    with ScriptedServer([request, send(answer(body))]) as server:
        found = create(client(server))
    assert (found.created, found.choices[0].text, found.choices[1], found.choices[2].text) == ("now", 5, None, "b")
    assert found.choices[2].finish_reason == "new_word"


def test_raw_answers(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        raw = caller.area("completions").with_raw_response
        found = raw.create(**ASK)
        assert type(found) is APIResponse
        assert found.json()["choices"][0]["text"] == found.parse().choices[0].text
        opened = raw.create(**ASK, stream=True)
        assert type(opened) is APIStreamResponse
        assert "".join(caller.opened(opened.parse()).texts())


def test_retries_and_hooks_are_those_of_every_call(client: Maker) -> None:
    seen: list[Any] = []

    class Seen:
        content = True

        def on_request(self, event: Any) -> None:
            seen.append(event)

        def on_retry(self, event: Any) -> None:
            seen.append(event)

        def on_response(self, event: Any) -> None:
            seen.append(event)

        def on_stream_end(self, event: Any) -> None:
            seen.append(event)

    steps = [request, send(answer({}, 503)), request, send(answer(WHOLE)), *streamed(old("a", "stop"))]
    with ScriptedServer(steps) as server:
        caller = client(server, max_retries=1, hooks=Seen())
        create(caller)
        stream(caller).read()
    asked, retried, answered, _, ended = seen
    assert (asked.endpoint, asked.operation, asked.messages) == ("completions", "text_completion", None)
    assert (retried.reason, answered.finish_reasons, answered.usage.total_tokens) == ("503", ("stop",), 3)
    assert (answered.answer.choices[0].text, answered.messages) == (" Paris", None)
    assert (ended.complete, ended.finish_reasons, type(ended.answer)) == (True, ("stop",), CompletionResponse)


class TestAccumulate:
    @pytest.mark.parametrize("make", [old, new])
    def test_chunks_dicts_and_lines(self, client: Maker, make: Any) -> None:
        chunks = [make("a"), make("b"), make("", "stop")]
        with ScriptedServer(*[streamed(*chunks)] * 2) as server:
            caller = client(server)
            kept, final = stream(caller).read(), stream(caller).final()
        for given in (kept, chunks, [event(one) for one in chunks], [event(one).decode() for one in chunks]):
            found = togetherpy.accumulate(given)
            assert type(found) is CompletionResponse
            assert found.choices == final.choices
            assert found.choices[0].text == "ab"  # type: ignore[index]

    def test_text_without_a_kind(self) -> None:
        found = togetherpy.accumulate([{"choices": [{"index": 0, "text": "a"}]}])
        assert (type(found), found.choices[0].text) == (CompletionResponse, "a")  # type: ignore[index]

    def test_chats_are_chats(self) -> None:
        found = togetherpy.accumulate([{"choices": [{"index": 0, "text": "a", "delta": {"content": "a"}}]}])
        assert type(found) is ChatCompletionResponse
        assert type(togetherpy.accumulate([])) is ChatCompletionResponse
