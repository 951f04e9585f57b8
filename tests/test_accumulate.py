"""Chunks -> one response."""

import json
from typing import Any

import msgspec
import pytest

from togetherpy._chat.accumulate import Accumulator
from togetherpy._core.decode import decode_json
from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionMessage, ChatCompletionResponse
from togetherpy.types.common import FinishReason, LogprobsPart, MessageRole, ToolCalls, UsageData

CHUNK = msgspec.json.Decoder(ChatCompletionChunk)


def add_up(*chunks: dict[str, Any]) -> ChatCompletionResponse:
    accumulator = Accumulator()
    for chunk in chunks:
        accumulator.add(decode_json(CHUNK, json.dumps(chunk).encode()))
    response = accumulator.response()
    assert response is not None
    response.to_json()
    return response


def chunk(*choices: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": "x", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": list(choices)} | fields


def choice(index: Any = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"index": index, "finish_reason": finish, "delta": delta}


def say(content: str | None, index: Any = 0, finish: str | None = None) -> dict[str, Any]:
    return chunk(choice(index, finish, role="assistant", content=content))


def message(*chunks: dict[str, Any]) -> ChatCompletionMessage:
    (only,) = add_up(*chunks).choices or ()
    assert only.message is not None
    return only.message


def test_nothing_came() -> None:
    assert Accumulator().response() is None
    assert not Accumulator().finished(1)


def test_a_usual_stream() -> None:
    response = add_up(
        say("") | {"system_fingerprint": "f"},
        say("Hel"),
        say("lo"),
        say(None),
        say("", finish="stop"),
        chunk(usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
    )
    assert response.to_dict() == {
        "id": "x",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}},
        ],
        "prompt": [],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "system_fingerprint": "f",
    }


def test_it_can_be_asked_for_at_any_time() -> None:
    accumulator = Accumulator()
    for count in range(1, 4):
        accumulator.add(CHUNK.decode(json.dumps(say("a")).encode()))
        for _ in range(2):
            response = accumulator.response()
            assert response is not None
            assert response.choices[0].message.content == "a" * count


@pytest.mark.parametrize("content", [None, ""])
def test_an_empty_answer(content: str | None) -> None:
    assert message(say(content, finish="stop")) == ChatCompletionMessage(role="assistant", content="")


def test_a_stream_without_choices() -> None:
    response = add_up(chunk(), chunk(usage={"total_tokens": 1}))
    assert response.choices == []
    assert response.usage == UsageData(total_tokens=1)


def test_the_first_chunk_names_the_answer() -> None:
    response = add_up(say("a"), chunk(choice(content="b"), id="", created=9, model="other"))
    assert (response.id, response.created, response.model) == ("x", 7, "m")


def test_role() -> None:
    assert message(chunk(choice(content="a"))).role is MessageRole.ASSISTANT
    assert message(chunk(choice(role=None)), chunk(choice(role="tool")), chunk(choice(role="user"))).role == "tool"


def test_reasoning() -> None:
    found = message(
        chunk(choice(reasoning="I ", content="")),
        chunk(choice(reasoning="think", reasoning_content="a")),
        chunk(choice(reasoning=None, reasoning_content="b", content="yes")),
    )
    assert (found.reasoning, found.reasoning_content, found.content) == ("I think", "ab", "yes")
    assert message(say("a")).reasoning is None


def test_text_where_there_is_no_delta() -> None:
    assert message(chunk({"index": 0, "text": "a"}), chunk({"index": 0, "text": "b", "delta": None})).content == "ab"
    assert message(chunk({"index": 0, "text": "a", "delta": {"content": "a"}})).content == "a"


def test_choices_interleaved() -> None:
    response = add_up(
        chunk(choice(1, content="b1"), choice(0, content="a1")),
        say("a2", 0),
        say("c1", 2, "length"),
        say("b2", 1, "stop"),
        chunk({"index": 0, "seed": 2**64 - 1, "delta": {"content": "a3"}}),
    )
    found = [(one.index, one.message.content, one.finish_reason, one.seed) for one in response.choices]
    assert found == [(0, "a1a2a3", None, 2**64 - 1), (1, "b1b2", "stop", None), (2, "c1", "length", None)]


@pytest.mark.parametrize("index", ["0", 0.0, None, "x", [0], {"a": 1}, 1e400], ids=repr)
def test_an_odd_index_of_a_choice(index: Any) -> None:
    response = add_up(say("a", index), say("b", 1), say("c", 0), say("d", index))
    assert [one.index for one in response.choices] == [0, 1]
    assert response.choices[0].message.content == "acd"


def test_finish_reasons() -> None:
    accumulator = Accumulator()

    def finished(*chunks: dict[str, Any], choices: int) -> bool:
        for one in chunks:
            accumulator.add(decode_json(CHUNK, json.dumps(one).encode()))
        return accumulator.finished(choices)

    assert not finished(say("a"), choices=1)
    assert finished(say("a", finish="stop"), choices=1)
    assert not finished(choices=2)
    assert not finished(say("b", 1), choices=2)
    assert finished(say("b", 1, "brand_new"), choices=2)
    assert finished(say("b", 1, ""), choices=2)  # an empty one says nothing


def test_the_last_finish_reason_counts_and_an_empty_one_does_not() -> None:
    calls = add_up(say("", finish="stop"), say("", finish="tool_calls"), say(""), say("", finish=""))
    assert calls.choices[0].finish_reason is FinishReason.ToolCalls


def test_what_the_last_chunk_says_about_the_end() -> None:
    end = {"index": 0, "finish_reason": "error", "error": {"message": "m"}, "stop_reason": "s", "matched_stop": 5}
    (only,) = add_up(say("a"), chunk(end | {"delta": {}})).choices
    assert (only.error, only.stop_reason, only.matched_stop) == ({"message": "m"}, "s", 5)


@pytest.mark.fault("D10")
@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([say("a") | {"usage": {"total_tokens": 5}}], id="with content"),
        pytest.param([say("a"), chunk(usage={"total_tokens": 5})], id="alone"),
        pytest.param([say("a") | {"usage": {"total_tokens": 1}}, say("b") | {"usage": {"total_tokens": 5}}], id="all"),
        pytest.param([say("a"), chunk(choice(content="b") | {"usage": {"total_tokens": 5}})], id="in a choice"),
        pytest.param([say("a") | {"usage": {"total_tokens": 5}}, chunk(usage=None)], id="then null"),
    ],
)
def test_usage_from_any_chunk(chunks: list[dict[str, Any]]) -> None:
    assert add_up(*chunks).usage == UsageData(total_tokens=5)
    assert add_up(say("a")).usage is None


def test_usage_of_the_whole_counts_more_than_that_of_a_choice() -> None:
    odd = chunk(choice(content="a") | {"usage": {"total_tokens": 1}}, usage={"total_tokens": 5})
    assert add_up(odd, chunk(choice() | {"usage": {"total_tokens": 1}})).usage == UsageData(total_tokens=5)


def test_warnings_add_up() -> None:
    assert add_up(say("a"), chunk(warnings=[{"message": "m"}]), chunk(warnings=[])).warnings == [{"message": "m"}]
    assert add_up(chunk(warnings="text"), chunk(warnings={"a": 1})).warnings == ["text", {"a": 1}]
    assert add_up(say("a")).warnings is None


# Tool calls


def tool(arguments: Any = None, name: str | None = None, **fields: Any) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return fields | {"function": function}


def tools(*fragments: dict[str, Any] | list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The calls that these fragments, one chunk each, make: (index, id, type, name, arguments)."""
    calls = message(
        *(chunk(choice(tool_calls=one if isinstance(one, list) else [one])) for one in fragments)
    ).tool_calls
    assert calls is not None
    assert all(type(one) is ToolCalls for one in calls)
    return [(one.index, one.id, one.type, one.function.name, one.function.arguments) for one in calls]


WHOLE = '{"city": "Z\u00fcrich"}'
ONE = [(0, "c1", "function", "f", WHOLE)]
BEGIN = tool("", "f", index=0, id="c1", type="function")
TWO = [(0, "c1", "function", "f", "12"), (1, "c2", "function", "g", "34")]


@pytest.mark.parametrize("cut", range(len(WHOLE) + 1))
def test_arguments_cut_anywhere(cut: int) -> None:
    assert tools(BEGIN, tool(WHOLE[:cut], index=0), tool(WHOLE[cut:], index=0)) == ONE
    assert tools(BEGIN, tool(WHOLE[:cut]), tool(WHOLE[cut:])) == ONE


CALLS: dict[str, tuple[list[Any], list[tuple[Any, ...]]]] = {
    "in one": ([tool(WHOLE, "f", index=0, id="c1", type="function")], ONE),
    "no arguments": ([tool(None, "f", index=0, id="c1")], [(0, "c1", None, "f", "")]),
    "id and name null later": (
        [BEGIN, {"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": WHOLE}}],
        ONE,
    ),
    "id and name repeated": ([BEGIN, tool(WHOLE, "f", index=0, id="c1", type="function")], ONE),
    "name in a later fragment": ([tool(index=0, id="c1", type="function"), tool(WHOLE, "f", index=0)], ONE),
    "id in a later fragment": ([tool("", "f", index=0), tool(WHOLE, index=0, id="c1", type="function")], ONE),
    "no function": ([BEGIN, {"index": 0}, tool(WHOLE, index=0)], ONE),
    "parallel by index": (
        [
            tool("1", "f", index=0, id="c1", type="function"),
            tool("3", "g", index=1, id="c2", type="function"),
            tool("2", index=0),
            tool("4", index=1),
        ],
        TWO,
    ),
    "parallel in one chunk": (
        [
            [
                tool("1", "f", index=0, id="c1", type="function"),
                tool("3", "g", index=1, id="c2", type="function"),
            ],
            [tool("4", index=1), tool("2", index=0)],
        ],
        TWO,
    ),
    "one index for all, ids tell": (
        [
            tool("1", "f", index=0, id="c1", type="function"),
            tool("2", index=0),
            tool("3", "g", index=0, id="c2", type="function"),
            tool("4", index=0),
        ],
        TWO,
    ),
    "no index, ids tell": (
        [
            tool("1", "f", id="c1", type="function"),
            tool("2", id="c1"),
            tool("3", "g", id="c2", type="function"),
            tool("4"),
        ],
        TWO,
    ),
    "no index, ids interleaved": (
        [
            tool("1", "f", id="c1", type="function"),
            tool("3", "g", id="c2", type="function"),
            tool("2", id="c1"),
            tool("4", id="c2"),
        ],
        TWO,
    ),
    "no index, no id, names tell": (
        [tool("1", "f"), tool("2"), tool("3", "g"), tool("4")],
        [(0, None, None, "f", "12"), (1, None, None, "g", "34")],
    ),
    "index as float": ([BEGIN | {"index": 0.0}, tool(WHOLE, index=0.0)], ONE),
    "index as text": ([BEGIN | {"index": "0"}, tool(WHOLE, index="0")], ONE),
    "index is nonsense": ([BEGIN | {"index": "first"}, tool(WHOLE, index=[1])], ONE),
    "index is a bool": ([BEGIN | {"index": True}, tool(WHOLE, index=True)], ONE),
    "index infinite": ([BEGIN | {"index": 1e400}, tool(WHOLE, index=1e400)], ONE),
    "index -1": ([BEGIN | {"index": -1}, tool(WHOLE, index=-1)], ONE),
    "indexes that begin late": (
        [
            tool("1", "f", index=5, id="c1", type="function"),
            tool("3", "g", index=9, id="c2", type="function"),
            tool("4", index=9),
            tool("2", index=5),
        ],
        TWO,
    ),
    "id a number": ([tool(WHOLE, "f", index=0, id=0)], [(0, 0, None, "f", WHOLE)]),
    "id empty": ([tool("1", "f", index=0, id=""), tool("2", index=0, id="")], [(0, "", None, "f", "12")]),
    "arguments as an object": (
        [tool({"a": [1, None]}, "f", index=0, id="c1", type="function")],
        [(0, "c1", "function", "f", '{"a":[1,null]}')],
    ),
}


@pytest.mark.parametrize(("fragments", "expected"), CALLS.values(), ids=CALLS)
def test_tool_calls(fragments: list[Any], expected: list[tuple[Any, ...]]) -> None:
    assert tools(*fragments) == expected


def test_tool_calls_beside_the_delta() -> None:
    call = tool(WHOLE, "f", index=-1, id="c1", type="function")
    found = message(chunk({"index": 0, "delta": {"role": "assistant", "content": ""}, "tool_calls": [call]}))
    assert found.tool_calls[0].function.arguments == WHOLE
    assert message(chunk({"index": 0, "delta": {"content": "a"}, "tool_calls": None})).tool_calls is None


def test_tool_calls_of_several_choices_interleaved() -> None:
    response = add_up(
        chunk(choice(0, tool_calls=[tool("1", "f", index=0, id="a")])),
        chunk(choice(1, tool_calls=[tool("3", "g", index=0, id="b")])),
        chunk(choice(1, tool_calls=[tool("4", index=0)]), choice(0, tool_calls=[tool("2", index=0)])),
    )
    assert [one.message.tool_calls[0].function.arguments for one in response.choices] == ["12", "34"]


def test_content_of_a_message_with_tool_calls() -> None:
    assert message(chunk(choice(content="", tool_calls=[BEGIN]))).content is None
    assert message(chunk(choice(content="I call", tool_calls=[BEGIN]))).content == "I call"


def test_fragments_go_on_after_the_finish_reason() -> None:
    found = add_up(
        chunk(choice(tool_calls=[tool("1", "f", index=0, id="c1", type="function")])),
        chunk(choice(0, "tool_calls", tool_calls=[tool("2", index=0)])),
        chunk(choice(tool_calls=[tool("34", "g", index=1, id="c2", type="function")])),
        chunk(choice(0, "tool_calls")),
    ).choices[0]
    assert [one.function.arguments for one in found.message.tool_calls] == ["12", "34"]


def test_the_older_function_call() -> None:
    found = message(
        chunk(choice(content=None, function_call={"name": "f", "arguments": ""})),
        chunk(choice(function_call={"arguments": '{"a"'})),
        chunk(choice(function_call={"arguments": ": 1}"})),
    )
    assert (found.function_call.name, found.function_call.arguments) == ("f", '{"a": 1}')
    assert (found.content, found.tool_calls) == (None, None)


# Log probabilities


def logprobs(*choices: dict[str, Any]) -> LogprobsPart | None:
    return add_up(*(chunk({"index": 0} | one) for one in choices)).choices[0].logprobs


def test_logprobs_as_lists() -> None:
    first = {
        "tokens": ["a", "b"],
        "token_logprobs": [-1, 0],
        "token_ids": [None, 5],
        "top_logprobs": [[{"token": "a", "logprob": -1}]],
    }
    found = logprobs({"logprobs": first}, {"logprobs": None}, {"logprobs": {"tokens": ["c"], "token_logprobs": [-2.5]}})
    assert found == LogprobsPart(
        tokens=["a", "b", "c"],
        token_logprobs=[-1, 0, -2.5],
        token_ids=[None, 5, None],
        top_logprobs=[[{"token": "a", "logprob": -1}], None, None],
    )


def test_logprobs_as_numbers() -> None:
    found = logprobs(
        {"logprobs": 0, "delta": {"content": "a", "token_id": 7}, "top_logprobs": {"a": 0, "b": -4.5}},
        {"logprobs": -1.5, "delta": {"content": "b"}},
        {"logprobs": -2, "text": "c"},
    )
    assert found == LogprobsPart(
        tokens=["a", "b", "c"],
        token_logprobs=[0, -1.5, -2],
        token_ids=[7, None, None],
        top_logprobs=[{"a": 0, "b": -4.5}, None, None],
    )


def test_logprobs_as_content() -> None:
    one = {"token": "a", "bytes": [97], "logprob": -1, "top_logprobs": [{"token": "a", "bytes": None, "logprob": -1}]}
    found = logprobs(
        {"logprobs": {"content": [one]}}, {"logprobs": {"content": [one]}}, {"logprobs": {"content": None}}
    )
    assert [item.to_dict() for item in found.content] == [
        {"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": [{"token": "a", "logprob": -1}]}
    ] * 2
    assert (found.tokens, found.token_logprobs) == (None, None)


def test_alternatives_as_one_map() -> None:
    assert logprobs({"logprobs": {"top_logprobs": {"a": -1}}}).top_logprobs == [{"a": -1}]


@pytest.mark.parametrize("odd", ["-1", True, [1], {"tokens": "abc", "token_logprobs": "x"}], ids=repr)
def test_odd_logprobs_do_no_harm(odd: Any) -> None:
    response = add_up(say("a"), chunk({"index": 0, "logprobs": odd, "delta": {"content": "b"}}))
    assert response.choices[0].message.content == "ab"


# What a lenient decode kept as it came


def test_content_that_is_no_text() -> None:
    found = message(chunk(choice(content=[{"type": "text", "text": "a"}])), chunk(choice(content="b")))
    assert found.content == "ab"


def test_what_comes_out_does_not_change_with_what_comes_later() -> None:
    accumulator = Accumulator()
    both = chunk(
        {"index": 0, "logprobs": {"tokens": ["a"]}, "delta": {"content": "a", "tool_calls": [BEGIN]}},
    )
    accumulator.add(CHUNK.decode(json.dumps(both).encode()))
    before = accumulator.response()
    assert before is not None
    shown = before.to_json()
    accumulator.add(CHUNK.decode(json.dumps(both).encode()))
    assert before.to_json() == shown
    assert accumulator.response().to_json() != shown
