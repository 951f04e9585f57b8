"""text_deltas, get_final_response, current and accumulate: what streams are made into, over every client."""

import json
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from support.answers import COMPLETION, DONE, HELLO, SSE, STREAM_OK, chunk, chunked, event, head
from support.clients import failure
from support.scripted import ScriptedServer, close, request, send, until_gone

import togetherpy
from togetherpy.testing import LocalServer
from togetherpy.types import ChatCompletionChunk, ChatCompletionResponse, _model

Maker = Callable[..., Any]
VOLATILE = {"id": None, "created": None}


def streamed(*chunks: dict[str, Any]) -> list[Any]:
    """The script of a stream of these chunks."""
    return [request, send(SSE + chunked(b"".join(map(event, chunks)) + DONE))]


def choice(finish: str | None = None, index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"id": "s-1", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def call(index: Any = None, arguments: Any = None, **fields: Any) -> dict[str, Any]:
    name = fields.pop("name", None)
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return choice(tool_calls=[({} if index is None else {"index": index}) | fields | {"function": function}])


def final(client: Maker, *chunks: dict[str, Any]) -> ChatCompletionResponse:
    with ScriptedServer(streamed(*chunks)) as server:
        answer: ChatCompletionResponse = client(server).stream().final()
    return answer


# The text


def test_the_text_piece_by_piece(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK)]) as server:
        assert client(server).stream().texts() == ["Hello", " world"]


def test_the_text_of_the_first_choice_alone(client: Maker) -> None:
    chunks = [
        choice(reasoning="hm", content=""),
        chunk("other", index=1),
        chunk("a"),
        {"choices": []},
        {"choices": [{"index": 0, "text": "no delta"}]},
        {"choices": [{"delta": {"content": "no index"}}]},
        choice(content=["odd"]),
        call(0, "{}", name="f"),
    ]
    with ScriptedServer(streamed(*chunks)) as server:
        assert client(server).stream().texts() == ["a", "no delta", "no index"]


def test_leaving_the_text_early_closes_the_stream(client: Maker, kind: str) -> None:
    with ScriptedServer([request, send(SSE + chunked(event(chunk("a")), end=False)), until_gone]) as server:
        stream = client(server).stream()
        assert stream.next().id == "s-1"
        stream.close()
        server.wait_gone(0)
        failure(togetherpy.StreamInterruptedError, stream.texts)


HALF = rb'{"id": "s-1", "choices": [{"index": 0, "delta": {"content": "Hi\ud83d"}}]}'
STOP = b'{"id": "s-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}'
ENDS = {
    "the end": [event(HALF), DONE],
    "a reason and the end": [event(HALF), event(STOP), DONE],
    "a reason alone": [event(HALF), event(STOP)],
    "the reason beside it": [event(HALF.replace(b'"index"', b'"finish_reason": "length", "index"'))],
}


@pytest.mark.parametrize("end", ENDS)
def test_half_a_character_at_the_end(client: Maker, end: str) -> None:
    with ScriptedServer([request, send(SSE + chunked(b"".join(ENDS[end])))]) as server:
        stream = client(server).stream()
        assert "".join(stream.texts()) == "Hi\ufffd"
        assert stream.raw.current.text == "Hi\ufffd"
        assert client(server).stream().final().text == "Hi\ufffd"
        last = client(server).stream().read()[-1]
        assert (last.id, last.choices[0].delta.content) == ("s-1", "\ufffd")


def test_half_a_character_before_a_break(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(event(HALF), end=False)), close]) as server:
        stream = client(server).stream()
        error = failure(togetherpy.StreamInterruptedError, stream.read)
        assert error.partial.text == "Hi\ufffd"
        assert stream.raw.current.text == "Hi\ufffd"


def test_half_a_character_at_the_end_of_lines() -> None:
    assert togetherpy.accumulate([HALF]).text == "Hi\ufffd"
    assert togetherpy.accumulate([HALF, HALF]).text == "Hi\ufffdHi\ufffd"


# The whole


def test_the_whole_is_what_a_plain_call_brings(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        streamed, plain = caller.stream(n=2, seed=1).final(), caller.create(n=2, seed=1)
    assert type(streamed) is ChatCompletionResponse
    for one in plain.choices:
        one.message.tool_calls = None  # the service says [] for none, in plain answers
    assert msgspec.to_builtins(streamed) | VOLATILE == msgspec.to_builtins(plain) | VOLATILE


def test_the_rest_is_read_after_some_chunks(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK)]) as server:
        stream = client(server).stream()
        stream.next()
        for _ in range(2):
            assert stream.final().choices[0].message.content == "Hello world"


def test_what_has_come_so_far(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(HELLO))]) as server:
        stream = client(server).stream()
        assert stream.raw.current is None
        seen: list[str] = []
        stream.each(lambda one: seen.append(stream.raw.current.choices[0].message.content))
        assert seen == ["Hello", "Hello world", "Hello world"]


def test_a_stream_without_chunks(client: Maker) -> None:
    assert final(client) == ChatCompletionResponse()


def test_several_choices(client: Maker) -> None:
    answer = final(client, chunk("a", index=1), chunk("b", "stop"), chunk("c", "length", index=1))
    found = [(one.index, one.message.content, one.finish_reason) for one in answer.choices]
    assert found == [(0, "b", "stop"), (1, "ac", "length")]


def test_reasoning(client: Maker) -> None:
    message = final(client, choice(reasoning="I th"), choice(reasoning="ink"), choice("stop", content="so"))
    assert message.choices[0].message.reasoning == "I think"
    assert message.choices[0].message.content == "so"


@pytest.mark.parametrize(
    "parts",
    [
        [{"tokens": ["a"], "token_logprobs": [-1.0]}, {"tokens": ["b"], "token_logprobs": [0]}],
        [-1.0, 0],
    ],
    ids=["object", "number"],
)
def test_log_probabilities(client: Maker, parts: list[Any]) -> None:
    chunks = [chunk("a"), chunk("b")]
    for one, part in zip(chunks, parts, strict=True):
        one["choices"][0]["logprobs"] = part
    logprobs = final(client, *chunks).choices[0].logprobs
    assert (logprobs.tokens, logprobs.token_logprobs) == (["a", "b"], [-1, 0])


@pytest.mark.parametrize("where", ["with content", "alone", "in a choice"])
def test_usage_from_any_chunk(client: Maker, where: str) -> None:
    usage = {"total_tokens": 5}
    chunks = [chunk("a"), chunk("b", "stop"), {"choices": [], "usage": usage if where == "alone" else None}]
    if where == "with content":
        chunks[0]["usage"] = usage
    elif where == "in a choice":
        chunks[1]["choices"][0]["usage"] = usage
    assert final(client, *chunks).usage.total_tokens == 5


ARGUMENTS = '{"city": "Zürich"}'
BEGIN = call(0, "", id="c1", type="function", name="f")
PARALLEL = [call(0, "1", id="c1", name="f"), call(1, "3", id="c2", name="g"), call(0, "2"), call(1, "4")]


@pytest.mark.parametrize(
    ("chunks", "calls"),
    [
        pytest.param([BEGIN, call(0, ARGUMENTS)], [("c1", "f", ARGUMENTS)], id="usual"),
        pytest.param([BEGIN, call(None, ARGUMENTS)], [("c1", "f", ARGUMENTS)], id="index missing"),
        pytest.param([BEGIN, call(0.0, ARGUMENTS)], [("c1", "f", ARGUMENTS)], id="index a float"),
        pytest.param([call(0, "", name="f"), call(0, ARGUMENTS)], [(None, "f", ARGUMENTS)], id="id missing"),
        pytest.param([BEGIN, *(call(0, one) for one in ARGUMENTS)], [("c1", "f", ARGUMENTS)], id="split anywhere"),
        pytest.param([call(0, {"a": 1}, id="c1", name="f")], [("c1", "f", '{"a":1}')], id="arguments a dict"),
        pytest.param(PARALLEL, [("c1", "f", "12"), ("c2", "g", "34")], id="parallel"),
        pytest.param(
            [one | {"choices": [one["choices"][0] | {"index": 0}]} for one in PARALLEL[:1]]
            + [call(0, "3", id="c2", name="g"), call(0, "4")],
            [("c1", "f", "1"), ("c2", "g", "34")],
            id="index repeated",
        ),
    ],
)
def test_tool_calls_put_together(client: Maker, chunks: list[Any], calls: list[Any]) -> None:
    message = final(client, *chunks, choice("tool_calls")).choices[0].message
    assert [(one.id, one.function.name, one.function.arguments) for one in message.tool_calls] == calls
    assert message.content is None


def test_what_a_failed_stream_had_brought(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(event(chunk(COMPLETION)), end=False))]) as server:
        stream = client(server).stream()
        error = failure(togetherpy.StreamInterruptedError, stream.final)
    assert error.partial.choices[0].message.content == COMPLETION
    assert stream.raw.current == error.partial


# From a file

CHUNKS = [chunk("Hel"), chunk("lo", "stop"), {"choices": [], "usage": {"total_tokens": 3}}]


def decoded() -> list[ChatCompletionChunk]:
    return [msgspec.convert(one, ChatCompletionChunk) for one in CHUNKS]


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(decoded, id="objects"),
        pytest.param(lambda: iter(decoded()), id="an iterator"),
        pytest.param(CHUNKS, id="dicts"),
        pytest.param([json.dumps(one) for one in CHUNKS], id="text"),
        pytest.param([json.dumps(one).encode() + b"\n" for one in CHUNKS], id="lines"),
        pytest.param(
            b"".join([b": ping\n\n", *map(event, CHUNKS), DONE]).splitlines(keepends=True), id="a recorded stream"
        ),
    ],
)
def test_chunks_from_anywhere(chunks: Any) -> None:
    answer = togetherpy.accumulate(chunks() if callable(chunks) else chunks)
    assert answer.choices is not None
    assert answer.choices[0].message.content == "Hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 3


def test_chunks_of_a_file(tmp_path: Any) -> None:
    path = tmp_path / "chunks.jsonl"
    path.write_text("\n".join(map(json.dumps, CHUNKS)), encoding="utf-8")
    with path.open(encoding="utf-8") as lines:
        assert togetherpy.accumulate(lines).choices[0].message.content == "Hello"


def test_no_chunks() -> None:
    assert togetherpy.accumulate([]) == ChatCompletionResponse()


@pytest.mark.parametrize("one", ["{}", b"{}", {}, [5], [None]])
def test_what_is_no_iterable_of_chunks(one: Any) -> None:
    with pytest.raises(TypeError, match="accumulate"):
        togetherpy.accumulate(one)


def test_a_line_that_is_no_json() -> None:
    with pytest.raises(ValueError, match=r"."):
        togetherpy.accumulate(["{not json"])


def test_a_hundred_thousand_chunks() -> None:
    """That they cost the same each is measured by the benchmark accumulate-100k."""
    text = [msgspec.convert(chunk("word "), ChatCompletionChunk)] * 50_000
    calls = [msgspec.convert(call(0, "argument"), ChatCompletionChunk)] * 50_000
    message = togetherpy.accumulate(text + calls).choices[0].message
    assert message.content == "word " * 50_000
    assert message.tool_calls[0].function.arguments == "argument" * 50_000


# Characters, parts and messages

PARTS = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]


def raw_stream(*events: bytes) -> list[Any]:
    data = b"".join(b"data: " + one + b"\n\n" for one in events)
    return [request, send(SSE + chunked(data + DONE))]


def saying(content: bytes) -> bytes:
    return b'{"id": "s-1", "choices": [{"index": 0, "delta": {"content": "%s"}}]}' % content


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([rb"a\ud83d", rb"\ude00", b"b"], "a\U0001f600b"),
        ([rb"a\ud83d", b"b", rb"\ude00"], "a\ufffdb\ufffd"),
        ([b"caf\xc3", b"ok", b"\xff"], "caf\ufffdok\ufffd"),
    ],
    ids=["a pair cut in two", "halves", "no UTF-8"],
)
def test_characters(client: Maker, pieces: list[bytes], text: str) -> None:
    with ScriptedServer(raw_stream(*map(saying, pieces)), raw_stream(*map(saying, pieces))) as server:
        caller = client(server)
        assert caller.stream().final().choices[0].message.content == text
        assert "".join(caller.stream().texts()) == text


def test_bytes_that_are_no_utf8_are_logged_once(client: Maker, monkeypatch: Any, caplog: Any) -> None:
    monkeypatch.setattr(_model, "_logged", [])
    body = b'{"id": "r", "choices": [{"index": 0, "message": {"role": "assistant", "content": "caf\xc3"}}]}'
    plain = head(content_length=len(body), content_type="application/json") + body
    with ScriptedServer([request, send(plain), request, send(plain)]) as server:
        caller = client(server)
        for _ in range(2):
            assert caller.create().choices[0].message.content == "caf\ufffd"
    assert [record.message for record in caplog.records if "UTF-8" in record.message] == [
        "an answer holds bytes that are no UTF-8; they are read as U+FFFD, and this is not said again"
    ]


def test_content_in_parts(client: Maker) -> None:
    chunks = [choice(content=PARTS), choice("stop", content="b")]
    with ScriptedServer(streamed(*chunks), streamed(*chunks)) as server:
        caller = client(server)
        message = caller.stream().final().choices[0].message
        assert (message.content, message.reasoning) == ("ab", "hm")
        assert caller.stream().texts() == ["a", "b"]


@pytest.mark.parametrize("indexes", [(0, 1, 2), (1, 1, 1), ("a", "b", "c"), (None, None, None)], ids=str)
def test_text_under_any_index(client: Maker, indexes: Any) -> None:
    chunks = [choice(content=text, index=index) for index, text in zip(indexes, "abc", strict=True)]
    with ScriptedServer(streamed(*chunks), streamed(*chunks)) as server:
        caller = client(server)
        assert caller.stream().texts() == ["a", "b", "c"]
        (only,) = caller.stream().final().choices
        assert only.message.content == "abc"


def test_unknown_fields_of_a_long_stream(client: Maker) -> None:
    """Whether a stream has any is known of the first chunks, and may change after hundreds."""
    texts = [choice(content="a")] * 300
    odd = choice(content="b", refusal="no") | {"citations": ["u"]}
    for chunks in ([*texts, odd, *texts, odd], [odd, *texts], [odd] * 200):
        answer = final(client, *chunks)
        count = chunks.count(odd)
        assert answer.choices[0].message.content == "".join("b" if one is odd else "a" for one in chunks)
        assert answer.choices[0].message.refusal == "no" * count
        assert answer.citations == ["u"]


SIGNED = {"google": {"thought_signature": "s"}}


def test_a_message_goes_back_as_it_came(client: Maker) -> None:
    chunks = [
        choice(content="", reasoning_details=[{"index": 0, "text": "h"}]),
        choice(reasoning_details=[{"index": 0, "text": "m"}]),
        call(0, {"a": 1}, id="c1", name="f", extra_content=SIGNED),
        call(1, None, id="c2", name="g"),
        choice("tool_calls"),
    ]
    with LocalServer() as server:
        caller = client(server)
        with ScriptedServer(streamed(*chunks)) as other:
            streamed_message = client(other).stream().final().choices[0].message
        plain = json.loads(streamed_message.to_json())
        plain["tool_calls"][0]["function"]["arguments"] = {"a": 1}
        del plain["tool_calls"][1]["function"]["arguments"]
        server.reply(body={"id": "r", "choices": [{"index": 0, "message": plain}]})
        plain_message = caller.create().choices[0].message
        for one in (streamed_message, plain_message, plain, pickle.loads(pickle.dumps(plain_message))):
            caller.create(messages=[{"role": "user", "content": "hi"}, one])
            sent = server.requests[-1].json["messages"][1]
            assert sent["reasoning_details"] == [{"index": 0, "text": "hm"}]
            first, second = sent["tool_calls"]
            assert first["extra_content"] == SIGNED
            assert (first["type"], json.loads(first["function"]["arguments"])) == ("function", {"a": 1})
            assert (second["type"], second["function"]) == ("function", {"name": "g", "arguments": "{}"})


def test_run_tools_sends_a_message_back_as_it_came() -> None:
    def f(a: int = 0) -> str:
        """Says so."""
        return "so"

    one = {"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}, "extra_content": SIGNED}
    message = {"role": "assistant", "content": None, "reasoning_details": [{"text": "hm"}], "tool_calls": one}
    with LocalServer() as server, togetherpy.Together(api_key="k", base_url=server.base_url) as client:
        server.reply(body={"id": "r", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})
        client.chat.completions.run_tools(model="m", messages=[{"role": "user", "content": "hi"}], tools=[f])
        sent = server.requests[-1].json["messages"]
    assert sent[1]["reasoning_details"] == [{"text": "hm"}]
    assert sent[1]["tool_calls"] == [
        one | {"type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
    ]
    assert sent[2] == {"role": "tool", "tool_call_id": "c1", "content": "so"}
