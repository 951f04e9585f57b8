"""JSON objects in pieces -> one."""

from typing import Any

import pytest

from togetherpy._chat.sums import add_up, result


def summed(*pieces: dict[str, Any], whole: bool = False) -> Any:
    total: dict[str, Any] = {}
    for piece in pieces:
        add_up(total, piece, whole=whole)
    return result(total)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param("ab", "cd", "abcd", id="texts"),
        pytest.param("ha", "ha", "haha", id="the same text again"),
        pytest.param(["a"], ["b"], ["a", "b"], id="lists"),
        pytest.param({"a": "x", "b": 1}, {"a": "y", "c": 2}, {"a": "xy", "b": 1, "c": 2}, id="objects"),
        pytest.param(1, 2, 2, id="numbers"),
        pytest.param(True, False, False, id="booleans"),
        pytest.param("a", None, "a", id="then null"),
        pytest.param(None, "a", "a", id="null first"),
        pytest.param(None, None, None, id="null alone"),
        pytest.param(1, {"a": "b"}, {"a": "b"}, id="of another kind"),
        pytest.param(
            [{"index": 0, "type": "t", "text": "a"}],
            [{"index": 1, "text": "c"}, {"index": 0, "type": "t", "text": "b"}],
            [{"index": 0, "type": "t", "text": "ab"}, {"index": 1, "text": "c"}],
            id="lists with index",
        ),
        pytest.param(
            {"id": "audio_1", "data": "ab", "expires_at": 5},
            {"id": "audio_1", "data": "cd", "expires_at": 6},
            {"id": "audio_1", "data": "abcd", "expires_at": 6},
            id="a name is no text",
        ),
    ],
)
def test_pieces(first: Any, second: Any, expected: Any) -> None:
    assert summed({"x": first}, {"x": second}) == {"x": expected}


def test_what_is_told_again_of_the_whole_counts_once() -> None:
    assert summed({"tier": "default"}, {"tier": "default"}, whole=True) == {"tier": "default"}
    assert summed({"x": "ab"}, {"x": "cd"}, whole=True) == {"x": "abcd"}
    pages = [{"citations": ["u"]}, {"citations": ["u", "v"]}, {"citations": ["u", "v"]}]
    assert summed(*pages, whole=True) == {"citations": ["u", "v"]}
    assert summed({"citations": ["u"]}, {"citations": ["v"]}, whole=True) == {"citations": ["u", "v"]}


def test_what_was_given_is_left_as_it_is() -> None:
    first: dict[str, Any] = {"list": [{"index": 0, "text": "a"}], "object": {"a": "b"}}
    summed(first, {"list": [{"index": 0, "text": "b"}], "object": {"a": "c"}})
    assert first == {"list": [{"index": 0, "text": "a"}], "object": {"a": "b"}}
