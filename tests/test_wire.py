"""The values between the layers: endpoints whose paths are filled in, headers, and what none of them shows."""

from typing import Any

import pytest

from togetherpy._core.config import Secret
from togetherpy._core.expected import Whole
from togetherpy._core.wire import Endpoint, Fault, Headers, Part, Reply, Request

FILE: Endpoint[bytes] = Endpoint("files.content", "GET", "/files/{id}/content", Whole())
TWO: Endpoint[bytes] = Endpoint("x", "GET", "/a/{one}/b/{two}", Whole())


@pytest.mark.fault("G12")
@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("file-1", "file-1"),
        ("a/b", "a%2Fb"),
        ("../x", "..%2Fx"),
        ("%2e%2e", "%252e%252e"),
        ("a b?c#d&e=f+g", "a%20b%3Fc%23d%26e%3Df%2Bg"),
        ("\u00fc\U0001f34c", "%C3%BC%F0%9F%8D%8C"),
        ("\r\nX: y", "%0D%0AX%3A%20y"),
        ("{id}", "%7Bid%7D"),
        ("~._-", "~._-"),
    ],
)
def test_parts_of_a_path(given: str, sent: str) -> None:
    made = FILE.at(id=given)
    assert made.path == f"/files/{sent}/content"
    assert (made.name, made.answer) == (FILE.name, FILE.answer)
    assert FILE.path == "/files/{id}/content"


def test_several_parts() -> None:
    assert TWO.at(one="1", two="{one}").path == "/a/1/b/%7Bone%7D"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ValueError),
        (".", ValueError),
        ("..", ValueError),
        (5, TypeError),
        (None, TypeError),
        (b"x", TypeError),
        ("\udc00", ValueError),
    ],
)
def test_parts_that_are_none(given: Any, expected: type[Exception]) -> None:
    with pytest.raises(expected, match=r"^id must"):
        FILE.at(id=given)


def test_nothing_shows_what_was_said() -> None:
    request = Request(FILE, "/v1/files/x", (("X", "secret"),), Secret("secret"), b"secret", "whole")
    assert repr(request) == "<Request GET /v1/files/x 6 bytes>"
    assert repr(Reply(200, Headers({"x": "secret"}), b"secret")) == "<Reply 200 6 bytes>"
    assert repr(Fault("reset", "sent", "secret")) == "<Fault reset sent>"
    assert repr(Part("a.txt", b"secret")) == "<Part 'a.txt'>"


def test_headers() -> None:
    headers = Headers("\r\nA: 1\r\nb:2 \r\na:\t3")
    assert dict(headers) == {"a": "1, 3", "b": "2"}
    assert (headers["A"], headers.get("C"), len(headers)) == ("1, 3", None, 2)
    assert repr(headers) == "Headers({'a': '1, 3', 'b': '2'})"
