"""Answers that do not fit their types: the type all the same, misfits as they came."""

import json
import logging
import math
from typing import Any

import msgspec
import pytest

from togetherpy._core import lenient
from togetherpy._core.decode import decode_json
from togetherpy._core.lenient import decode_leniently
from togetherpy.types.chat_completions import (
    ChatCompletionChoicesChunk,
    ChatCompletionChoicesData,
    ChatCompletionChunk,
    ChatCompletionMessage,
    ChatCompletionResponse,
)
from togetherpy.types.common import DeltaContent, FinishReason, LogprobsPart, TokenLogprob, ToolCalls, UsageData

RESPONSE = msgspec.json.Decoder(ChatCompletionResponse)
CHUNK = msgspec.json.Decoder(ChatCompletionChunk)


@pytest.fixture(autouse=True)
def nothing_logged_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lenient, "_MISFITS_LOGGED", set())


def at(value: Any, path: str) -> Any:
    """`at(response, "choices.0.message.content")`"""
    for step in path.split("."):
        value = value[int(step)] if step.isdigit() else getattr(value, step)
    return value


def answer(**fields: Any) -> dict[str, Any]:
    return {"id": "x", "created": 7, "choices": [choice(content="hi")]} | fields


def choice(**message: Any) -> dict[str, Any]:
    return {"index": 0, "finish_reason": "stop", "message": {"role": "assistant"} | message}


def with_choice(**fields: Any) -> dict[str, Any]:
    return answer(choices=[choice(content="hi") | fields])


def with_message(**fields: Any) -> dict[str, Any]:
    return answer(choices=[choice(**({"content": "hi"} | fields))])


def call(**fields: Any) -> dict[str, Any]:
    return with_message(tool_calls=[{"id": "c", "function": {"name": "f", "arguments": "{}"}} | fields])


PARTS = [{"type": "text", "text": "hi"}]

# The body, the place of what does not fit (None: everything does), and what stands there.
ANSWERS: dict[str, tuple[Any, str | None, Any]] = {
    "id null": (answer(id=None), "id", None),
    "id int": (answer(id=5), "id", 5),
    "id object": (answer(id={"a": 1}), "id", {"a": 1}),
    "object int": (answer(object=5), "object", 5),
    "object list": (answer(object=["x"]), "object", ["x"]),
    "object unknown": (answer(object="chat.completion.done"), "object", "chat.completion.done"),
    "object empty": (answer(object=""), "object", ""),
    "created text": (answer(created="now"), "created", "now"),
    "created digits": (answer(created="7"), "created", "7"),
    "created float": (answer(created=7.5), "created", 7.5),
    "created whole float": (answer(created=7.0), "created", 7.0),
    "created bool": (answer(created=True), "created", True),
    "created beyond 64 bits": (answer(created=2**70), "created", 2**70),
    "model null": (answer(model=None), "model", None),
    "model int": (answer(model=5), "model", 5),
    "choices object": (answer(choices={"0": {}}), "choices", {"0": {}}),
    "choices text": (answer(choices="none"), "choices", "none"),
    "choices null": (answer(choices=None), "choices", None),
    "choice null": (answer(choices=[None, choice(content="b")]), "choices.0", None),
    "choice text": (answer(choices=["hi"]), "choices.0", "hi"),
    "choice list": (answer(choices=[[1]]), "choices.0", [1]),
    "prompt text": (answer(prompt="hi"), "prompt", "hi"),
    "prompt part text": (answer(prompt=["hi"]), "prompt.0", "hi"),
    "prompt part null": (answer(prompt=[None]), "prompt.0", None),
    "usage list": (answer(usage=[1]), "usage", [1]),
    "usage text": (answer(usage="free"), "usage", "free"),
    "usage number as text": (answer(usage={"total_tokens": "3"}), "usage.total_tokens", "3"),
    "usage float": (answer(usage={"total_tokens": 3.5}), "usage.total_tokens", 3.5),
    "usage null inside": (answer(usage={"total_tokens": None}), "usage.total_tokens", None),
    "usage details number": (answer(usage={"prompt_tokens_details": 4}), "usage.prompt_tokens_details", 4),
    "cache_hit_rate text": (answer(usage={"cache_hit_rate": "80%"}), "usage.cache_hit_rate", "80%"),
    "warnings text": (answer(warnings="careful"), "warnings", "careful"),
    "warnings of texts": (answer(warnings=["careful"]), "warnings.0", "careful"),
    "metadata list": (answer(metadata=[1]), "metadata", [1]),
    "system_fingerprint int": (answer(system_fingerprint=1), "system_fingerprint", 1),
    "prompt_token_ids of texts": (answer(prompt_token_ids=["1"]), "prompt_token_ids.0", "1"),
    "kv_transfer_params": (answer(kv_transfer_params=[{}]), "kv_transfer_params", [{}]),
    "index text": (with_choice(index="0"), "choices.0.index", "0"),
    "index float": (with_choice(index=0.5), "choices.0.index", 0.5),
    "seed beyond 64 bits": (with_choice(seed=2**64 + 1), "choices.0.seed", 2**64 + 1),
    "seed float": (with_choice(seed=1.3e19), "choices.0.seed", 1.3e19),
    "seed text": (with_choice(seed="1.48e19"), "choices.0.seed", "1.48e19"),
    "finish_reason int": (with_choice(finish_reason=1), "choices.0.finish_reason", 1),
    "finish_reason object": (with_choice(finish_reason={"a": 1}), "choices.0.finish_reason", {"a": 1}),
    "finish_reason unknown": (with_choice(finish_reason="end_turn"), "choices.0.finish_reason", "end_turn"),
    "message text": (with_choice(message="hi"), "choices.0.message", "hi"),
    "message list": (with_choice(message=["hi"]), "choices.0.message", ["hi"]),
    "message null": (with_choice(message=None), "choices.0.message", None),
    "logprobs number": (with_choice(logprobs=-0.5), "choices.0.logprobs", -0.5),
    "logprobs text": (with_choice(logprobs="none"), "choices.0.logprobs", "none"),
    "stop_reason float": (with_choice(stop_reason=1.5), "choices.0.stop_reason", 1.5),
    "token_ids object": (with_choice(token_ids={}), "choices.0.token_ids", {}),
    "role int": (with_message(role=1), "choices.0.message.role", 1),
    "role unknown": (with_message(role="developer"), "choices.0.message.role", "developer"),
    "content parts": (with_message(content=PARTS), "choices.0.message.content", PARTS),
    "content number": (with_message(content=5), "choices.0.message.content", 5),
    "content object": (with_message(content={"text": "hi"}), "choices.0.message.content", {"text": "hi"}),
    "reasoning list": (with_message(reasoning=["a"]), "choices.0.message.reasoning", ["a"]),
    "tool_calls other object": (with_message(tool_calls={"a": 1}), "choices.0.message.tool_calls", {"a": 1}),
    "tool call null": (with_message(tool_calls=[None]), "choices.0.message.tool_calls.0", None),
    "tool call text": (with_message(tool_calls=["f()"]), "choices.0.message.tool_calls.0", "f()"),
    "tool call id int": (call(id=0), "choices.0.message.tool_calls.0.id", 0),
    "tool call index text": (call(index="0"), "choices.0.message.tool_calls.0.index", "0"),
    "function text": (call(function="f"), "choices.0.message.tool_calls.0.function", "f"),
    "function null": (call(function=None), "choices.0.message.tool_calls.0.function", None),
    "arguments object": (
        call(function={"name": "f", "arguments": {"x": [1, None]}}),
        "choices.0.message.tool_calls.0.function.arguments",
        {"x": [1, None]},
    ),
    "arguments null": (
        call(function={"name": "f", "arguments": None}),
        "choices.0.message.tool_calls.0.function.arguments",
        None,
    ),
    "function name int": (call(function={"name": 1}), "choices.0.message.tool_calls.0.function.name", 1),
    "tokens text": (with_choice(logprobs={"tokens": "hi"}), "choices.0.logprobs.tokens", "hi"),
    "token number": (with_choice(logprobs={"tokens": ["a", 1]}), "choices.0.logprobs.tokens.1", 1),
    "token_logprobs texts": (
        with_choice(logprobs={"token_logprobs": ["-inf", -1, 0, None]}),
        "choices.0.logprobs.token_logprobs.0",
        "-inf",
    ),
    "token_ids texts": (with_choice(logprobs={"token_ids": ["1", 2]}), "choices.0.logprobs.token_ids.0", "1"),
    "logprob content text": (with_choice(logprobs={"content": "hi"}), "choices.0.logprobs.content", "hi"),
    "logprob content logprob text": (
        with_choice(logprobs={"content": [{"token": "a", "logprob": "-1", "top_logprobs": [{"token": 5}]}]}),
        "choices.0.logprobs.content.0.top_logprobs.0.token",
        5,
    ),
}


@pytest.mark.parametrize(("body", "path", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_odd_answers(body: dict[str, Any], path: str, expected: Any) -> None:
    value = decode_json(RESPONSE, json.dumps(body).encode())
    assert type(value) is ChatCompletionResponse
    found = at(value, path)
    assert found == expected
    if expected is not None:
        assert found is not None
    # What fits is typed all the same.
    if path != "id":
        assert value.id == "x"
    if path != "created":
        assert value.created == 7
    if path.startswith("choices.0."):
        assert type(value.choices[0]) is ChatCompletionChoicesData
        if not path.startswith(("choices.0.message", "choices.0.finish")):
            assert value.choices[0].message == ChatCompletionMessage(role="assistant", content="hi")
            assert value.choices[0].finish_reason is FinishReason.StopSequence
    # And nothing is lost on the way out.
    assert value.to_dict() == without_nulls(body)
    assert json.loads(value.to_json()) == without_nulls(body)


def without_nulls(value: Any) -> Any:
    """Known fields that are null are absent; a null in a list, or inside of what is kept raw, stays."""
    if isinstance(value, dict):
        raw = {"arguments", "metadata"}
        return {key: item if key in raw else without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def test_the_table_is_long_enough() -> None:
    assert len(ANSWERS) + len(CHUNKS) >= 60


def chunk(**fields: Any) -> dict[str, Any]:
    return {"id": "x", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hi"}}]} | fields


def chunk_choice(**fields: Any) -> dict[str, Any]:
    return chunk(choices=[{"index": 0, "delta": {"content": "hi"}} | fields])


CHUNKS: dict[str, tuple[Any, str, Any]] = {
    "id null": (chunk(id=None), "id", None),
    "id int": (chunk(id=1), "id", 1),
    "choices object": (chunk(choices={}), "choices", {}),
    "choice null": (chunk(choices=[None]), "choices.0", None),
    "delta text": (chunk_choice(delta="hi"), "choices.0.delta", "hi"),
    "delta list": (chunk_choice(delta=[]), "choices.0.delta", []),
    "delta null": (chunk_choice(delta=None), "choices.0.delta", None),
    "content parts": (chunk_choice(delta={"content": PARTS}), "choices.0.delta.content", PARTS),
    "token_id text": (chunk_choice(delta={"token_id": "5"}), "choices.0.delta.token_id", "5"),
    "logprobs text": (chunk_choice(logprobs="-0.5"), "choices.0.logprobs", "-0.5"),
    "logprobs list": (chunk_choice(logprobs=[-0.5]), "choices.0.logprobs", [-0.5]),
    "logprobs bool": (chunk_choice(logprobs=True), "choices.0.logprobs", True),
    "index float": (
        chunk_choice(delta={"tool_calls": [{"index": 0.5}]}),
        "choices.0.delta.tool_calls.0.index",
        0.5,
    ),
    "usage text in a choice": (chunk_choice(usage="1"), "choices.0.usage", "1"),
    "finish_reason bool": (chunk_choice(finish_reason=True), "choices.0.finish_reason", True),
    "top finish_reason int": (chunk(finish_reason=1), "finish_reason", 1),
}


@pytest.mark.parametrize(("body", "path", "expected"), CHUNKS.values(), ids=CHUNKS)
def test_odd_chunks(body: dict[str, Any], path: str, expected: Any) -> None:
    value = decode_json(CHUNK, json.dumps(body).encode())
    assert type(value) is ChatCompletionChunk
    assert at(value, path) == expected
    assert value.to_dict() == without_nulls(body)
    if path.startswith("choices.0."):
        assert type(value.choices[0]) is ChatCompletionChoicesChunk
        if not path.startswith("choices.0.delta"):
            assert value.choices[0].delta == DeltaContent(content="hi")


def test_a_logprobs_object_in_a_chunk_is_no_oddity(caplog: pytest.LogCaptureFixture) -> None:
    tokens = {"tokens": ["a"], "token_logprobs": [0], "token_ids": [None], "top_logprobs": [[{"token": "a"}]]}
    value = CHUNK.decode(json.dumps(chunk_choice(logprobs=tokens)).encode())
    assert value.choices[0].logprobs == LogprobsPart(**tokens)
    assert CHUNK.decode(json.dumps(chunk_choice(logprobs=0)).encode()).choices[0].logprobs == 0
    assert not caplog.records


def test_everything_odd_at_once() -> None:
    body = {
        "id": 1,
        "choices": [
            None,
            {"message": {"content": 5, "tool_calls": [{"id": 1}, "x", {"id": "c", "function": {"arguments": {}}}]}},
            "text",
            choice(content="good"),
        ],
        "usage": {"prompt_tokens": "1", "completion_tokens": 2},
        "new": {"deep": [1]},
    }
    value = decode_leniently(json.dumps(body).encode(), ChatCompletionResponse)
    assert value.id == 1
    assert value.choices[0] is None
    calls = value.choices[1].message.tool_calls
    assert [type(item) for item in calls] == [ToolCalls, str, ToolCalls]
    assert calls[2].function.arguments == {}
    assert value.choices[3] == ChatCompletionChoicesData(
        index=0, finish_reason="stop", message=ChatCompletionMessage(role="assistant", content="good")
    )
    assert value.usage == UsageData(prompt_tokens="1", completion_tokens=2)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none(number: str) -> None:
    raw = b'{"choices": [{"logprobs": {"token_logprobs": [-1, %s]}}]}' % number.encode()
    value = decode_json(RESPONSE, raw)
    first, second = value.choices[0].logprobs.token_logprobs
    assert first == -1
    assert math.isnan(second) if number == "NaN" else second == float(number)
    assert len(value.to_dict()["choices"][0]["logprobs"]["token_logprobs"]) == 2


def test_of_two_of_the_same_the_last_counts() -> None:
    assert decode_json(RESPONSE, b'{"id": "a", "id": "b"}').id == "b"
    assert decode_json(RESPONSE, b'{"id": 1, "id": "b", "created": "x"}').id == "b"
    assert decode_json(RESPONSE, b'{"id": "a", "id": 1}').id == 1


@pytest.mark.fault("B18", "B19")
def test_lone_surrogates_and_bom_together_with_misfits() -> None:
    raw = b'\xef\xbb\xbf{"id": 5, "model": "\\udc00\\ud83d\\udc4d", "new": {"\\ud800": "\\ud83d"}}'
    value = decode_json(RESPONSE, raw)
    assert (value.id, value.model) == (5, "\ufffd\U0001f44d")
    assert value.model_extra == {"new": {"\ufffd": "\ufffd"}}
    json.dumps(value.to_dict(), ensure_ascii=False).encode()


def test_one_object_where_a_list_of_them_should_be() -> None:
    one = {"id": "c", "function": {"name": "f", "arguments": {"a": 1}}, "new": 1}
    message = decode_json(RESPONSE, json.dumps(with_message(tool_calls=one)).encode()).choices[0].message
    assert [(call.id, call.function.arguments, call.new) for call in message.tool_calls] == [("c", {"a": 1}, 1)]
    assert message.to_dict()["tool_calls"] == [one]


@pytest.mark.parametrize("raw", [b"", b"x", b"[]", b"null", b"5", b'"x"', b"{} x", b"\xff"])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_leniently(raw, ChatCompletionResponse)


def test_too_deep_is_said_so() -> None:
    with pytest.raises(RecursionError):
        decode_leniently(b'{"id": %s}' % (b"[" * 100_000 + b"]" * 100_000), ChatCompletionResponse)


def test_types_that_are_no_structs() -> None:
    assert decode_leniently(b'[1, "x"]', list[int]) == [1, "x"]
    assert decode_leniently(b"5", str) == 5
    assert decode_leniently(b'{"token": 5}', TokenLogprob | None).token == 5


@pytest.mark.fault("G6")
def test_a_misfit_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    secret = "what the model said"
    raw = json.dumps(answer(usage={"total_tokens": secret}, choices=[choice(content=[secret])] * 3)).encode()
    with caplog.at_level(logging.WARNING, "togetherpy"):
        decode_json(RESPONSE, raw)
        assert sorted(record.getMessage().split(" came")[0] for record in caplog.records) == [
            "ChatCompletionResponse.choices[].message.content",
            "ChatCompletionResponse.usage.total_tokens",
        ]
        assert secret not in caplog.text
        assert caplog.records[-1].getMessage().endswith("(Expected `int | null`, got `str`)")
        decode_json(RESPONSE, raw)
    assert len(caplog.records) == 2
    assert {record.name for record in caplog.records} == {"togetherpy"}
