"""Characters that are cut over two events."""

import json
from typing import Any

import pytest

from togetherpy._chat.halves import Halves


def mended(*events: bytes) -> list[Any]:
    halves = Halves()
    return [json.loads(halves.mend_if_cut(one)) for one in events]


def content(text: bytes, index: int = 0) -> bytes:
    return b'{"choices": [{"index": %d, "delta": {"content": "%s"}}]}' % (index, text)


def texts(*events: bytes) -> list[str]:
    return [one["choices"][0]["delta"]["content"] for one in mended(*events)]


def test_a_pair_over_two_events() -> None:
    assert texts(content(rb"a\ud83d"), content(rb"\ude00b")) == ["a", "\U0001f600b"]
    assert texts(content(rb"\ud83d"), content(b""), content(rb"\ude00")) == ["", "", "\U0001f600"]
    assert texts(content(rb"\uD83D\uDE00\ud83d"), content(rb"\uDE00")) == ["\U0001f600", "\U0001f600"]


def test_choices_interleaved() -> None:
    events = content(rb"\ud83d"), content(rb"\ud83c", 1), content(rb"\ude00"), content(rb"\udf89", 1)
    assert texts(*events) == ["", "", "\U0001f600", "\U0001f389"]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([content(rb"\ud83d"), content(b"b")], ["", "\ufffdb"]),
        ([content(rb"\ude00")], ["\ufffd"]),
        ([content(rb"\ud83dx")], ["\ufffdx"]),
        ([content(rb"\ud83d"), content(rb"\ud83d"), content(rb"\ude00")], ["", "\ufffd", "\U0001f600"]),
    ],
)
def test_halves_that_never_get_another(events: list[bytes], expected: list[str]) -> None:
    assert texts(*events) == expected


def test_what_is_no_json_is_left_as_it_is() -> None:
    assert Halves().mend_if_cut(rb"\ud83d") == rb"\ud83d"
    assert Halves().mend_if_cut(b'{"a": 1}') == b'{"a": 1}'


# What the stream ends with


def left(*events: bytes) -> Any:
    halves = Halves()
    for one in events:
        halves.mend_if_cut(one)
    rest = halves.rest()
    assert halves.rest() == b""  # once
    return json.loads(rest) if rest else None


def test_halves_at_the_end() -> None:
    first, last = content(rb"a\ud83d"), content(rb"\ud83c", 1)
    expected = [{"index": index, "delta": {"content": "\ufffd"}} for index in (0, 1)]
    assert left(first, last) == {"choices": expected}
    assert left(first, content(rb"\ude00")) is None
    assert left() is None


def test_halves_at_the_end_of_other_places_than_text() -> None:
    calls = rb'[{"index": 2, "function": {"arguments": "\ud83d"}, "more": "\ud83d"}]'
    parts = rb'[{"type": "text", "text": "\ud83d"}, "\ud83d"]'
    event = rb'{"id": "x", "usage": {}, "choices": [{"delta": {"tool_calls": %b, "content": %b}}]}' % (calls, parts)
    delta = {
        "tool_calls": [{"index": 2, "function": {"arguments": "\ufffd"}, "more": "\ufffd"}],
        "content": [{"text": "\ufffd"}, "\ufffd"],
    }
    assert left(event) == {"id": "x", "choices": [{"delta": delta}]}


@pytest.mark.parametrize("event", [rb'"\ud83d"', rb'["\ud83d"]', rb"\ud83d"])
def test_what_is_no_object_leaves_nothing(event: bytes) -> None:
    assert left(event) is None
