"""Chunks -> one response."""

import copy
import json
import pickle
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from togetherpy._chat.accumulate import Accumulator, accumulate
from togetherpy._core.decode import decode_json
from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionMessage, ChatCompletionResponse
from togetherpy.types.common import FinishReason, LogprobsPart, MessageRole, PromptPart, ToolCalls, UsageData

CHUNK = msgspec.json.Decoder(ChatCompletionChunk)


def add_up(*chunks: dict[str, Any]) -> ChatCompletionResponse:
    accumulator = Accumulator()
    for chunk in chunks:
        accumulator.add_odd(decode_json(CHUNK, json.dumps(chunk).encode()))
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


IDENTITY: dict[str, tuple[list[Any], list[tuple[Any, ...]]]] = {
    "ids drift": (
        [tool("1", "f", index=0, id="a"), tool("2", index=0, id="b"), tool("3", index=0, id="c")],
        [(0, "a", None, "f", "123")],
    ),
    "ids drift without index": ([tool("1", "f", id="a"), tool("2", id="b")], [(0, "a", None, "f", "12")]),
    "ids empty later": ([BEGIN, tool(WHOLE, index=0, id="")], ONE),
    "an empty id, then one": (
        [tool("1", "f", index=0, id=""), tool("2", index=0, id="c")],
        [(0, "c", None, "f", "12")],
    ),
    "two whole calls at one index": (
        [tool("{}", "f", index=0), tool("{}", "g", index=0)],
        [(0, None, None, "f", "{}"), (1, None, None, "g", "{}")],
    ),
    "two whole calls of one function": (
        [tool('{"a":1}', "f", index=0), tool('{"a":2}', "f", index=0)],
        [(0, None, None, "f", '{"a":1}'), (1, None, None, "f", '{"a":2}')],
    ),
    "two whole calls, one id": (
        [[tool("{}", "f", index=-1, id="c"), tool("{}", "g", index=-1, id="c")]],
        [(0, "c", None, "f", "{}"), (1, "c", None, "g", "{}")],
    ),
    "two calls without arguments": (
        [tool(None, "f", index=0), tool(None, "g", index=0)],
        [(0, None, None, "f", ""), (1, None, None, "g", "")],
    ),
    "the name with every fragment": (
        [tool('{"a"', "f", index=0), tool(":1}", "f", index=0)],
        [(0, None, None, "f", '{"a":1}')],
    ),
    "one object is a list of one": ([{"one": tool("1", "f", index=0, id="a")}], [(0, "a", None, "f", "1")]),
}


@pytest.mark.parametrize(("fragments", "expected"), IDENTITY.values(), ids=IDENTITY)
def test_which_call_a_fragment_belongs_to(fragments: list[Any], expected: list[tuple[Any, ...]]) -> None:
    chunks = [one["one"] if "one" in one else one if isinstance(one, list) else [one] for one in fragments]
    found = message(*(chunk(choice(tool_calls=one)) for one in chunks)).tool_calls
    assert [(one.index, one.id, one.type, one.function.name, one.function.arguments) for one in found] == expected


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


# Fields that our types do not name


def extra_of(*chunks: dict[str, Any]) -> dict[str, Any]:
    return add_up(*chunks).model_extra


def test_unknown_fields_add_up_where_they_stand() -> None:
    details = {"index": 0, "type": "reasoning.text"}
    made = add_up(
        chunk(choice(refusal="I ", reasoning_details=[details | {"text": "th"}]), provider="p", citations=["u"]),
        chunk(choice(refusal="can't", reasoning_details=[details | {"text": "ink"}]), provider="p", citations=["u"]),
        chunk(choice(annotations=[{"url": "a"}], audio={"id": "x", "data": "ab"}, refusal=None)),
        chunk(choice(annotations=[{"url": "b"}], audio={"id": "x", "data": "cd"}), x_groq={"id": "q"}),
        chunk(choice() | {"native_finish_reason": "end"}, citations=["u", "v"], x_groq={"cost": 1}),
    )
    assert made.model_extra == {"provider": "p", "citations": ["u", "v"], "x_groq": {"id": "q", "cost": 1}}
    assert made.citations == ["u", "v"]
    (only,) = made.choices
    assert only.model_extra == {"native_finish_reason": "end"}
    assert only.message.model_extra == {
        "reasoning_details": [details | {"text": "think"}],
        "annotations": [{"url": "a"}, {"url": "b"}],
        "audio": {"id": "x", "data": "abcd"},
    }
    assert only.message.refusal == "I can't"
    for other in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert other.to_dict() == made.to_dict()
        assert other.choices[0].message.refusal == "I can't"


def test_many_chunks_with_unknown_fields() -> None:
    made = add_up(*(chunk(choice(content="a", refusal="b"), tier="t") for _ in range(300)))
    assert made.choices[0].message.refusal == "b" * 300
    assert made.tier == "t"


def test_fields_that_a_plain_answer_names() -> None:
    made = add_up(say("a") | {"service_tier": "default", "metadata": {"a": 1}, "prompt": [{"text": "p"}]}, say("b"))
    assert (made.service_tier, made.metadata, made.prompt) == ("default", {"a": 1}, [PromptPart(text="p")])
    assert made.model_extra == {}
    named = message(chunk(choice(content="a", name="n")))
    assert (named.name, named.model_extra) == ("n", {})


def test_unknown_fields_of_tool_calls() -> None:
    signed = {"google": {"thought_signature": "s"}}
    calls = message(
        chunk(choice(tool_calls=[tool("1", "f", index=0, id="a", extra_content=signed)])),
        chunk(choice(tool_calls=[{"index": 0, "function": {"arguments": "2", "parsed": {"a": 1}}}])),
        chunk(choice(tool_calls=[tool("3", "g", index=1, id="b")])),
    ).tool_calls
    assert [call.model_extra for call in calls] == [{"extra_content": signed}, {}]
    assert calls[0].function.arguments == "12"
    assert calls[0].function.parsed == {"a": 1}


def test_unknown_fields_of_usage_and_log_probabilities() -> None:
    made = add_up(
        say("a") | {"usage": {"prompt_tokens": 1, "cost": 0.1}},
        chunk(
            choice(content="b") | {"logprobs": {"content": [{"token": "b", "new": 1}], "refusal": None}},
            usage={"completion_tokens": 2, "cost": 0.2, "cost_details": {"upstream": 1}},
        ),
    )
    assert made.usage == UsageData(prompt_tokens=1, completion_tokens=2)
    assert made.usage.cost == 0.2
    assert made.usage.model_extra == {"cost": 0.2, "cost_details": {"upstream": 1}}
    logprobs = made.choices[0].logprobs
    assert logprobs.model_extra == {"refusal": None}
    assert logprobs.content[0].new == 1


def test_the_whole_message_in_every_chunk() -> None:
    whole = {"role": "assistant", "content": "ab", "tool_calls": None, "new": 1}
    both = [chunk(choice(content=text) | {"message": whole}) for text in "ab"]
    assert add_up(*both).choices[0].model_extra == {}
    assert message(*both).content == "ab"
    alone = message(chunk({"index": 0, "finish_reason": "stop", "message": whole}))
    assert (alone.content, alone.new) == ("ab", 1)


def test_a_first_chunk_that_names_nothing() -> None:
    empty = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{"a": 1}]}
    made = add_up(empty, say("a"))
    assert (made.id, made.created, made.model) == ("x", 7, "m")
    assert made.prompt_filter_results == [{"a": 1}]


# Usage in pieces


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([{"prompt_tokens": 1}, {"completion_tokens": 2}], {"prompt_tokens": 1, "completion_tokens": 2}),
        ([{"total_tokens": 3}, {}], {"total_tokens": 3}),
        ([{"total_tokens": 3}, {"total_tokens": None}], {"total_tokens": 3}),
        ([{"total_tokens": 3}, {"total_tokens": 4}], {"total_tokens": 4}),
        ([{}], {}),
        ([{"total_tokens": 3}, "free"], {"total_tokens": 3}),
        (
            [{"prompt_tokens_details": {"a": 1}}, {"prompt_tokens_details": {"a": None, "b": 2}}],
            {"prompt_tokens_details": {"a": 1, "b": 2}},
        ),
    ],
)
def test_usage_in_pieces(pieces: list[Any], expected: dict[str, Any]) -> None:
    assert add_up(*(say("a") | {"usage": one} for one in pieces)).usage == UsageData(**expected)


# Odd chunks whose rest is not lost


@pytest.mark.parametrize(
    "odd",
    [
        chunk(usage="free"),
        chunk({"index": 0, "delta": "text"}),
        {"choices": [None, "x"]},
        {"choices": 5},
        chunk(choice(tool_calls=[None, "f()"])),
        chunk(choice(function_call="f()")),
        chunk(choice() | {"usage": [1]}),
    ],
    ids=str,
)
def test_odd_chunks_cost_nothing_else(odd: dict[str, Any]) -> None:
    made = add_up(say("a"), odd, say("b", finish="stop"))
    assert made.choices[0].message.content == "ab"
    assert made.choices[0].finish_reason == "stop"
    both = add_up(say("a"), {"choices": [None, choice(content="b")]})
    assert both.choices[0].message.content == "ab"


def test_a_server_that_counts_tokens_in_index() -> None:
    accumulator = Accumulator(1)
    for place, text in enumerate("abc"):
        accumulator.add(CHUNK.decode(json.dumps(say(text, place, "stop" if text == "c" else None)).encode()))
    (only,) = accumulator.response().choices
    assert (only.index, only.message.content, only.finish_reason) == (0, "abc", "stop")
    assert accumulator.finished(1)


def test_parts_that_are_neither_text_nor_thought() -> None:
    image = {"type": "image_url", "image_url": {"url": "u"}}
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    found = message(chunk(choice(content=[thought])), chunk(choice(content=[{"type": "text", "text": "a"}, image])))
    assert (found.content, found.reasoning, found.content_parts) == ("a", "hm", [image])
    summary = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "so"}]}
    assert message(chunk(choice(content=[summary]))).reasoning == "so"


def test_numbers_and_then_objects() -> None:
    found = logprobs(
        {"logprobs": -1.0, "delta": {"content": "a"}},
        {"logprobs": {"tokens": ["b"], "token_logprobs": [0], "top_logprobs": [[{"token": "b", "logprob": 0}]]}},
        {"logprobs": {"content": [{"token": "c", "logprob": -2, "top_logprobs": [{"token": "c", "logprob": -2}]}]}},
    )
    assert (found.tokens, found.token_logprobs) == (["a", "b", "c"], [-1, 0, -2])
    assert found.token_ids is None
    assert found.top_logprobs[0] is None
    assert found.top_logprobs[1] == [{"token": "b", "logprob": 0}]
    assert [(one.token, one.logprob) for one in found.content] == [("a", -1), ("b", 0), ("c", -2)]


# Any split


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@st.composite
def answers(draw: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A plain answer and the same in chunks: every text cut anywhere, every list between any of its items."""
    chunks: list[dict[str, Any]] = []
    final: dict[str, Any] = {"role": "assistant", "content": draw(st.one_of(st.none(), WORDS))}
    for name in ("reasoning", "refusal", "new_text"):
        if draw(st.booleans()):
            final[name] = draw(WORDS)
    for name in ("content", "reasoning", "refusal", "new_text"):
        text = final.get(name)
        cut = draw(st.integers(0, len(text))) if text else 0
        chunks += [chunk(choice(**{name: one})) for one in (text[:cut], text[cut:]) if one] if text else []
    if draw(st.booleans()):
        final["annotations"] = draw(st.lists(WORDS, min_size=1, max_size=4))
        chunks += [chunk(choice(annotations=[one])) for one in final["annotations"]]
    calls = []
    for place in range(draw(st.integers(0, 3))):
        arguments = json.dumps({"a": draw(WORDS)})
        cut = draw(st.integers(0, len(arguments)))
        signed = {"extra_content": {"s": draw(WORDS)}} if draw(st.booleans()) else {}
        call = {"index": place, "id": f"c{place}", "type": "function"} | signed
        calls.append(call | {"function": {"name": "f", "arguments": arguments}})
        chunks.append(chunk(choice(tool_calls=[call | {"function": {"name": "f", "arguments": arguments[:cut]}}])))
        chunks.append(chunk(choice(tool_calls=[{"index": place, "function": {"arguments": arguments[cut:]}}])))
    if calls:
        final["tool_calls"] = calls
    elif final["content"] is None:
        final["content"] = ""
    chunks.append(chunk(choice(0, "stop")))
    body: dict[str, Any] = {"id": "x", "object": "chat.completion", "created": 7, "model": "m", "prompt": []}
    body["choices"] = [
        {"index": 0, "finish_reason": "stop", "message": {k: v for k, v in final.items() if v is not None}}
    ]
    if draw(st.booleans()):
        body["usage"] = {"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.5}
        chunks += [chunk(usage={name: value}) for name, value in body["usage"].items()]
    if draw(st.booleans()):
        body["service_tier"] = "default"
        chunks = [one | {"service_tier": "default"} for one in chunks]
    return body, chunks


@given(answers())
@settings(deadline=None, max_examples=150)
def test_any_split_of_an_answer_adds_up_to_it(both: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    body, chunks = both
    assert add_up(*chunks).to_dict() == body
    assert accumulate(chunks).to_dict() == body
    assert accumulate(map(json.dumps, chunks)).to_dict() == body
    kept = [decode_json(CHUNK, json.dumps(one).encode()) for one in chunks]
    assert accumulate(pickle.loads(pickle.dumps(kept))).to_dict() == body
    plain = decode_json(msgspec.json.Decoder(ChatCompletionResponse), json.dumps(body).encode())
    assert accumulate(kept) == plain
    assert accumulate(kept).to_dict() == plain.to_dict()


def test_a_character_cut_over_two_lines() -> None:
    lines = [rb'{"choices": [{"delta": {"content": "a\ud83d"}}]}', rb'{"choices": [{"delta": {"content": "\ude00"}}]}']
    assert accumulate(lines).choices[0].message.content == "a\U0001f600"
