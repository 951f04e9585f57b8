"""Chunks -> the text of the first answer."""

from typing import Any

import msgspec
import pytest

from togetherpy._chat.texts import Texts
from togetherpy._core.decode import decode_json
from togetherpy.types.chat_completions import ChatCompletionChunk

CHUNK = msgspec.json.Decoder(ChatCompletionChunk)


def texts(*pieces: tuple[Any, Any], choices: int = 1) -> list[str]:
    seen = Texts(choices)
    found: list[str] = []
    for index, content in pieces:
        choice = {"index": index, "delta": {"content": content}}
        found += seen.of(decode_json(CHUNK, msgspec.json.encode({"choices": [choice]})))
    return found + list(seen.rest())


@pytest.mark.parametrize("index", [0, None, "0", 0.0, "first", True, [1], {"a": 1}, 1, 5, -1], ids=repr)
def test_one_number_for_all(index: Any) -> None:
    assert texts((index, "a"), (index, "b"), (index, "c")) == ["a", "b", "c"]


@pytest.mark.parametrize("first", [0, 1, 7])
@pytest.mark.parametrize("count", range(1, 6))
def test_a_server_that_counts_tokens(first: int, count: int) -> None:
    assert texts(*((first + place, f"t{place}") for place in range(count))) == [f"t{place}" for place in range(count)]


def test_a_server_that_counts_by_other_steps() -> None:
    assert texts((0, "a"), (2, "b"), (4, "c"), (9, "d")) == ["a", "b", "c", "d"]


def test_text_beside_a_delta_that_is_missing() -> None:
    """As completions have it; the sum has it, too."""
    seen = Texts(1)
    chunks = [{"choices": [{"index": 0, "text": text, "delta": None}]} for text in ("a", "", "b")]
    assert [text for chunk in chunks for text in seen.of(decode_json(CHUNK, msgspec.json.encode(chunk)))] == ["a", "b"]


def test_another_answer_that_nobody_asked_for() -> None:
    assert texts((0, "a"), (1, "other"), (0, "b"), (1, "more"), (0, "c")) == ["a", "b", "c"]


def test_the_first_of_several() -> None:
    pieces = (1, "x"), (0, "a"), (1, "y"), (0, "b"), ("0", "c"), (None, "d")
    assert texts(*pieces, choices=2) == ["a", "b", "c", "d"]


def test_parts() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]
    assert texts((0, parts), (0, [{"type": "thinking", "thinking": "so"}]), (0, "b")) == ["a", "b"]
