"""Exceptions built as the official packages build them, and what all of them have."""

import pickle
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import SSE, answer, chunk, chunked, error_body, event
from support.clients import KEY
from support.scripted import ScriptedServer, request, reset, send

import togetherpy
from togetherpy import error

Maker = Callable[..., Any]
CLASSES = sorted(
    {one for one in vars(error).values() if isinstance(one, type) and issubclass(one, error.TogetherError)},
    key=lambda cls: cls.__name__,
)
classes = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


class Request:
    method, url = "POST", "http://localhost/v1/x"


class Response:
    """As httpx has it."""

    def __init__(self, status_code: int, request: Any = None, **headers: str) -> None:
        self.status_code, self._request, self.headers = status_code, request, headers

    @property
    def request(self) -> Any:
        if self._request is None:
            raise RuntimeError("The .request property has not been set.")
        return self._request


@classes
def test_as_version_1_builds_them(cls: Any) -> None:
    made = cls("x", http_status=429, headers={"a": "b"}, request_id="r")
    assert (made.http_status, made.status_code, made.headers, made.request_id) == (429, 429, {"a": "b"}, "r")
    assert str(made) == made.message == "Error code: 429 - x"
    by_place = cls("x", {"a": "b"}, "r", 429)
    assert vars(by_place) == vars(made)
    assert str(cls(message="x")) == str(cls("x")) == "x"
    assert str(cls(ValueError("why"))) == "why"
    assert str(cls(None)) == str(cls()) == ""
    again = pickle.loads(pickle.dumps(made))
    assert (type(again), str(again), vars(again)) == (cls, str(made), vars(made))


@classes
def test_as_version_3_builds_them(cls: Any) -> None:
    asked, body = Request(), {"error": {"message": "no"}}
    response = Response(429, asked, **{"x-request-id": "r"})
    made = cls("x", response=response, body=body)
    assert (made.response, made.request, made.body, made.json_body) == (response, asked, body, body)
    assert (made.status_code, made.http_status, made.request_id) == (429, 429, "r")
    assert made.headers is response.headers
    assert str(made) == made.message == "x"
    assert cls("x", asked, body=None).request is asked
    assert cls("x", request=asked).request is asked
    assert cls("x", response=Response(500), body=None).request is None


def test_forms_of_single_ones() -> None:
    asked = Request()
    timeout = error.APITimeoutError(asked)
    assert (timeout.request, str(timeout)) == (asked, "Request timed out.")
    assert str(error.APITimeoutError(request=asked)) == "Request timed out."
    assert str(error.APIConnectionError(request=asked)) == "Connection error."
    assert str(error.APIConnectionError(message="x", request=asked)) == "x"
    invalid = error.APIResponseValidationError(Response(200, asked), {"a": 1})
    assert (invalid.body, invalid.status_code) == ({"a": 1}, 200)
    assert "schema" in str(invalid)


@classes
def test_what_nobody_gives(cls: Any) -> None:
    with pytest.raises(TypeError, match=f"{cls.__name__}\\(\\) got an unexpected keyword argument 'nonsense'"):
        cls("x", nonsense=1)
    plain = cls("x")
    assert (plain.request, plain.response, plain.http_status, plain.status_code) == (None, None, None, 0)
    assert plain.json_body is None
    assert not plain.body


def test_a_refusal_has_them(client: Maker) -> None:
    refused = answer(error_body(f"no {KEY}"), 429)
    with ScriptedServer([request, send(refused)]) as server:
        failed = client(server, default_query={"k": KEY}).fails(togetherpy.RateLimitError)
    assert (failed.request.method, failed.request.url) == ("POST", f"{server.base_url}/chat/completions?k=***")
    assert failed.response.http_request == failed.request
    assert failed.json_body == failed.body == error_body("no ***")
    assert failed.status_code == failed.http_status == failed.response.status_code == 429
    again = pickle.loads(pickle.dumps(failed))
    assert (again.request, again.json_body) == (failed.request, failed.json_body)


def test_a_call_without_an_answer_has_what_was_asked(client: Maker) -> None:
    with ScriptedServer([request, reset]) as server:
        failed = client(server).fails(togetherpy.APIConnectionError)
    assert failed.request.url == f"{server.base_url}/chat/completions"
    assert (failed.response, failed.body, failed.json_body) == (None, None, None)


def test_a_broken_stream_has_what_was_asked(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(event(chunk("a")), end=False))]) as server:
        failed = client(server).fails(togetherpy.StreamInterruptedError, stream=True)
    assert failed.request.url == f"{server.base_url}/chat/completions"
    assert failed.response.http_request == failed.request
