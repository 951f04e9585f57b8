"""Chunks of which nothing is unknown."""

import copy
import pickle
from typing import Any

import msgspec
import pytest

from togetherpy._chat.exact import exact_decoder
from togetherpy.types.chat_completions import ChatCompletionChunk

GOOD: dict[str, Any] = {
    "id": "x",
    "usage": {"total_tokens": 1},
    "choices": [
        {
            "index": 0,
            "delta": {"content": "a", "tool_calls": [{"index": 0, "function": {"name": "f"}}]},
            "logprobs": {"content": [{"token": "a", "logprob": -1}]},
        }
    ],
}


def test_what_is_known_is_taken() -> None:
    raw = msgspec.json.encode(GOOD)
    made, usual = exact_decoder().decode(raw), msgspec.json.decode(raw, type=ChatCompletionChunk)
    assert isinstance(made, ChatCompletionChunk)
    assert made == usual
    assert usual == made
    assert repr(made) == repr(usual)
    assert made.to_dict() == usual.to_dict() == GOOD
    for other in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert other == usual
    assert type(pickle.loads(pickle.dumps(made))) is ChatCompletionChunk
    assert made != usual.choices[0]
    assert made != msgspec.json.decode(b"{}", type=ChatCompletionChunk)


@pytest.mark.parametrize(
    "path",
    [
        (),
        ("usage",),
        ("choices", 0),
        ("choices", 0, "delta"),
        ("choices", 0, "logprobs"),
        ("choices", 0, "logprobs", "content", 0),
        ("choices", 0, "delta", "tool_calls", 0),
        ("choices", 0, "delta", "tool_calls", 0, "function"),
    ],
    ids=str,
)
def test_what_is_unknown_is_refused(path: tuple[Any, ...]) -> None:
    odd = copy.deepcopy(GOOD)
    place: Any = odd
    for step in path:
        place = place[step]
    place["new"] = None
    with pytest.raises(msgspec.ValidationError, match="unknown field `new`"):
        exact_decoder().decode(msgspec.json.encode(odd))
