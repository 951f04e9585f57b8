"""What a JSON value says of an error: words, codes, the status that it names."""

from typing import Any

import pytest

from togetherpy._core.named import read_named, reason_in, sentences, shorten


@pytest.mark.fault("C15")
@pytest.mark.parametrize(
    ("payload", "message", "code", "status"),
    [
        ({"error": {"message": "m", "code": "c", "status": 429}}, "m", "c", 429),
        ([{"error": {"message": "m", "code": 503}}], "m", "503", 503),
        ({"errors": {"model": ["is unknown"]}}, "model: is unknown", None, None),
        ({"error": "Bad Request", "message": "why"}, "Bad Request: why", None, None),
        ({"error": {"type": "overloaded_error"}}, '{"type": "overloaded_error"}', None, 503),
        ({"error": {"message": "m", "code": 200}}, "m", "200", None),
    ],
)
def test_what_is_named(payload: Any, message: str, code: str | None, status: int | None) -> None:
    named = read_named(payload)
    assert (named.message, named.code, named.status) == (message, code, status)


def test_where_nobody_says_why() -> None:
    assert reason_in({"choices": None, "id": "x"}) is None
    assert reason_in({"detail": "no room"}) == "no room"


def test_what_is_nested_too_deeply() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = {"error": deep}
    assert read_named(deep).message
    assert reason_in(deep) is None


def test_sentences_end_with_one_full_stop() -> None:
    assert sentences("a", "", " b. ", "c!", "(d.)") == "a. b. c! (d.)"
    assert shorten("a\n  b") == "a b"
    assert shorten("x" * 5000).endswith("...")
