"""Tool calls, log probabilities and parts, put together."""

from typing import Any

import msgspec
import pytest

from togetherpy._chat.fragments import LogprobSum, ToolCallSum, whole_number
from togetherpy._core.decode import decode_json
from togetherpy.types._content import items, other_parts, reasoning_of, text_of
from togetherpy.types.chat_completions import ChatCompletionChoicesChunk
from togetherpy.types.common import ToolCalls

CALL = msgspec.json.Decoder(ToolCalls)
CHOICE = msgspec.json.Decoder(ChatCompletionChoicesChunk)


def fragment(index: Any = 0, id: Any = None, name: str | None = None, arguments: Any = None) -> dict[str, Any]:
    return {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}


def calls(*fragments: dict[str, Any]) -> list[tuple[Any, str | None, str | None]]:
    total = ToolCallSum()
    for one in fragments:
        total.add(decode_json(CALL, msgspec.json.encode(one)), True)
    return [(call.id, call.function.name, call.function.arguments) for call in total.calls() if call.function]


@pytest.mark.parametrize(
    ("fragments", "expected"),
    [
        pytest.param(
            [fragment(0, "a", "f", '{"x"'), fragment(0, "b", None, ":1}")], [("a", "f", '{"x":1}')], id="ids drift"
        ),
        pytest.param(
            [fragment(0, "a", "f", "{}"), fragment(0, "b", "f", "{}")], [("a", "f", "{}"), ("b", "f", "{}")], id="two"
        ),
        pytest.param(
            [fragment(0, "", "f", "{}"), fragment(0, "", "g", "{}")], [("", "f", "{}"), ("", "g", "{}")], id="names"
        ),
        pytest.param(
            [fragment("0", "a", "f", "{"), fragment(0.0, None, None, "}")], [("a", "f", "{}")], id="odd numbers"
        ),
        pytest.param([fragment(0, "a", "f", {"x": 1})], [("a", "f", '{"x":1}')], id="an object"),
        pytest.param(
            [fragment(1, "b", "g", ""), fragment(0, "a", "f", "{}"), fragment(1, None, None, "{}")],
            [("b", "g", "{}"), ("a", "f", "{}")],
            id="in turn",
        ),
    ],
)
def test_calls(fragments: list[dict[str, Any]], expected: list[Any]) -> None:
    assert calls(*fragments) == expected


def test_log_probabilities_stay_parallel() -> None:
    total = LogprobSum()
    for choice in (
        {"logprobs": -0.5, "delta": {"content": "a", "token_id": 5}},
        {"logprobs": {"content": [{"token": "b", "logprob": -0.1}]}, "delta": {"content": "b"}},
        {"logprobs": {"tokens": ["c"], "token_logprobs": [-0.2]}, "delta": {"content": "c"}},
    ):
        total.add(decode_json(CHOICE, msgspec.json.encode(choice)), True)
    part = total.part()
    assert part.tokens == ["a", "b", "c"]
    assert part.token_ids == [5, None, None]
    assert [one.token for one in part.content or []] == ["a", "b", "c"]


def test_parts() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:"}}
    parts = [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": [{"text": "hm"}]}, image, {"text": "b"}]
    assert (text_of(parts), reasoning_of(parts), other_parts(parts)) == ("ab", "hm", [image])
    assert (text_of("a"), reasoning_of("a")) == ("a", "")


def test_numbers_and_lists() -> None:
    assert [whole_number(one) for one in (0, "1", 2.0, True, None, "x", [1], float("inf"))] == [
        *(0, 1, 2),
        *[None] * 5,
    ]
    assert [items(one) for one in (None, [1], {"a": 1})] == [[], [1], [{"a": 1}]]


def test_a_number_beside_a_delta_that_is_none() -> None:
    total = LogprobSum()
    choice = {"index": 0, "delta": -1, "text": "x", "logprobs": 1.5}
    total.add(decode_json(CHOICE, msgspec.json.encode(choice)), True)
    part = total.part()
    assert part is not None
    assert (part.tokens, part.token_logprobs) == (["x"], [1.5])
