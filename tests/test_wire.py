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


FIELDS = "\r\nServer: \t a\r\nX-Twice: 7 \r\nX-TWICE: 8\r\nEmpty:\r\nCF-Ray:5"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server", "a"),
        ("SERVER", "a"),
        ("x-twice", "7, 8"),
        ("empty", ""),
        ("cf-ray", "5"),
        ("ray", None),
        ("twice", None),
        ("", None),
        ("server: \t a\r\nx-twice", None),
        ("cf-ray:5", None),
    ],
)
def test_a_field_is_the_same_before_and_after_all_are_taken_apart(name: str, value: str | None) -> None:
    lazy, whole = Headers(FIELDS), Headers(FIELDS)
    assert len(whole) == 4
    for headers in (lazy, whole):
        assert (headers.get(name), name in headers) == (value, value is not None)


def test_one_field_is_found_without_taking_the_others_apart() -> None:
    headers = Headers(FIELDS)
    assert (headers["cf-ray"], headers.get("none")) == ("5", None)
    assert isinstance(headers._given, str)
