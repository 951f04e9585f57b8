"""Keys, headers and what may be seen of them, G1 to G12. The key is looked for after every failure of every socket
test (`clients.failure`); here are the places that need a case of their own."""

import copy
import logging
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import COMPLETION, OK, PROMPT, SSE, STREAM_OK, answer, chunked, error_body, event
from support.clients import KEY, failure, make_raw
from support.scripted import ScriptedServer, close, refusing_port, request, reset, send

import togetherpy
from togetherpy import APIError, AuthenticationError
from togetherpy._core.wire import Headers

Maker = Callable[..., Any]


@pytest.mark.fault("G1")
@pytest.mark.parametrize("key", [f"  {KEY} ", f"{KEY}\n", f"\t{KEY}\r\n", KEY])
def test_blanks_around_the_key_are_stripped(client: Maker, key: str) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server, api_key=key).create()
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.fault("G2")
@pytest.mark.parametrize(
    "inside", [" ", "\n", "\r", "\0", "\t", "\x7f", "\u00e9", "\u200b", "\ud800", "\nX-Injected: 1"], ids=ascii
)
def test_key_that_cannot_be_one(kind: str, inside: str) -> None:
    error = failure(AuthenticationError, lambda: make_raw(kind, api_key=KEY + inside + KEY))
    assert "key" in str(error)
    assert error.status_code == 0


@pytest.mark.fault("G3")
@pytest.mark.usefixtures("clean_environment")
@pytest.mark.parametrize("key", [None, "", "   ", "\n"])
def test_missing_key(kind: str, key: str | None) -> None:
    error = failure(AuthenticationError, lambda: make_raw(kind, api_key=key))
    assert "TOGETHER_API_KEY" in str(error)
    assert "api_key" in str(error)


@pytest.mark.fault("G3")
@pytest.mark.usefixtures("clean_environment")
def test_empty_key_in_the_environment(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", "")
    assert "TOGETHER_API_KEY" in str(failure(AuthenticationError, lambda: make_raw(kind)))


@pytest.mark.fault("G3")
def test_key_of_a_wrong_type(kind: str) -> None:
    error = failure(AuthenticationError, lambda: make_raw(kind, api_key=KEY.encode()))
    assert "bytes" in str(error)


BAD_FIELDS = [
    {"x-a": "1\r\nx-injected: 1"},
    {"x-a": "1\n2"},
    {"x-a": "1\0"},
    {"x-a": "\u20ac"},
    {"x a": "1"},
    {"x-a\r\nx-b": "1"},
    {"": "1"},
    {"x-a:": "1"},
    {"authorization": f"Bearer {KEY}\r\nx: y"},
    {"Content-Length": "5"},
    {"Transfer-Encoding": "chunked"},
    {"Host": "elsewhere"},
]


@pytest.mark.fault("G4")
@pytest.mark.parametrize("fields", BAD_FIELDS, ids=ascii)
def test_header_that_cannot_be_sent(client: Maker, fields: dict[str, str]) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        failure(ValueError, lambda: client(server, default_headers=fields))
        caller = client(server)
        failure(ValueError, lambda: caller.with_options(default_headers=fields))
        error = failure(ValueError, lambda: caller.create(extra_headers=fields))
        assert server.connections == 0
    assert "extra_headers" in str(error)


@pytest.mark.fault("G4")
def test_header_of_a_wrong_type(client: Maker) -> None:
    caller = client(base_url="http://127.0.0.1:1")
    assert "x-a" in str(failure(TypeError, lambda: caller.create(extra_headers={"x-a": 1})))


@pytest.mark.fault("G5")
def test_key_is_in_nothing_that_is_shown(client: Maker) -> None:
    with ScriptedServer([request, send(OK), request, send(STREAM_OK)]) as server:
        caller = client(server)
        response = caller.create()
        stream = caller.stream()
        for one in (caller.raw, caller.raw.chat, caller.raw.chat.completions, response, stream.raw, stream.response):
            assert KEY not in repr(one) + str(one)
        assert KEY not in repr(vars(caller.raw))
        assert KEY not in repr(stream.raw.response.headers)
        stream.read()


@pytest.mark.fault("G5")
def test_key_given_by_hand_is_in_nothing_that_is_shown(client: Maker) -> None:
    with refusing_port() as port:
        caller = client(base_url=f"http://127.0.0.1:{port}", default_headers={"Authorization": f"Bearer {KEY}"})
        caller.fails(APIError)
        other = client(base_url=f"http://127.0.0.1:{port}", api_key="another")
        other.fails(APIError, extra_headers={"Authorization": f"Bearer {KEY}"})


FAILING = {
    "reset": [request, reset],
    "close": [request, close],
    "401": [request, send(answer(error_body(f"bad key {KEY}"), 401, x_echo=KEY))],
    "html": [request, send(answer(f"<html>{KEY}</html>".encode(), 500, "text/html"))],
    "text": [request, send(answer(KEY.encode(), 403, "text/plain"))],
    "200 with an error": [request, send(answer(error_body(KEY)))],
    "200 with rubbish": [request, send(answer(f"rubbish {KEY}".encode(), x_echo=KEY))],
    "wrong type": [request, send(answer(KEY.encode(), content_type=f"text/{KEY}"))],
    "status line": [request, send(f"HTTP/{KEY}\r\n\r\n".encode())],
    "chunk size": [request, send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + KEY.encode() + b"\r\n")],
    "coding": [request, send(answer(content_encoding=KEY))],
    "length": [request, send(answer()[:17] + f"content-length: {KEY}\r\n\r\n".encode())],
    "event": [request, send(SSE + chunked(event({"error": KEY})))],
    "damaged event": [request, send(SSE + chunked(event(KEY)))],
    "redirect": [request, send(answer(b"", 307, location=f"https://{KEY}.example/{KEY}"))],
    "reason": [request, send(f"HTTP/1.1 404 {KEY}\r\ncontent-length: 0\r\nx-request-id: {KEY}\r\n\r\n".encode())],
}


@pytest.mark.fault("G5", "G7")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("failing", FAILING)
def test_server_that_echoes_the_key(client: Maker, failing: str, stream: bool) -> None:
    with ScriptedServer(FAILING[failing]) as server:
        caller = client(server)
        if failing != "event" and not (failing == "damaged event" and not stream):
            caller.fails(APIError, stream=stream)
        else:
            caller.fails(APIError, stream=True)


@pytest.mark.fault("G7")
def test_escaped_key_is_masked_too(client: Maker) -> None:
    key = 'sk-"quote\\back' + KEY
    with ScriptedServer([request, send(answer(error_body(f"bad key {key}"), 401))]) as server:
        error = client(server, api_key=key).fails(AuthenticationError)
    assert 'sk-"quote' not in str(error) + repr(error.body)


@pytest.mark.parametrize("place", ["message", "attribute", "nested", "local variable"])
def test_search_finds_what_it_looks_for(place: str) -> None:
    error = togetherpy.BadRequestError(KEY if place == "message" else "text")
    if place == "attribute":
        error.request_id = KEY
    if place == "nested":
        error.headers = Headers({"x": KEY})
    code = compile("def careless(error, local):\n    raise error", "elsewhere.py", "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    with pytest.raises(AssertionError, match="the key is in the"):
        failure(APIError, lambda: names["careless"](error, KEY if place == "local variable" else ""))


@pytest.mark.fault("G6")
def test_prompts_and_completions_are_not_logged(client: Maker) -> None:
    with ScriptedServer([request, send(OK), request, send(answer(b"[1]"))]) as server:
        caller = client(server)  # whose fixture searches all logs at DEBUG, for the key too
        logging.getLogger("a.test").debug("seen by the search")
        caller.create()
        caller.fails(APIError)


@pytest.mark.fault("G9")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "api.localhost"])
def test_plain_http_to_this_machine_is_fine(kind: str, host: str) -> None:
    make_raw(kind, api_key=KEY, base_url=f"http://{host}:8000")


@pytest.mark.fault("G9")
def test_plain_http_to_another_machine_warns(kind: str) -> None:
    with pytest.warns(UserWarning, match="unencrypted to api.example") as seen:
        make_raw(kind, api_key=KEY, base_url="http://api.example/v1")
    assert KEY not in str(seen[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_raw(kind, api_key=KEY, base_url="https://api.example/v1")
        make_raw(kind, api_key=KEY, base_url="http://api.example/v1", default_headers={"Authorization": None})


@pytest.mark.fault("G11")
@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/v1",
        "host/v1",
        "file:///etc/passwd",
        "https://user:hidden-word@host/v1",
        "https://user@host",
        "https://host/v1#fragment",
        "https://host/v1?query",
        "https://",
        "https:///v1",
        "https://host:port/",
        "https://host:99999/",
        "https://ho st/",
        "https://host/a b",
        "https://host/\r\nx: y",
        "",
        "https://[::1",
    ],
)
def test_base_url_that_is_refused(kind: str, url: str) -> None:
    error = failure(ValueError, lambda: make_raw(kind, api_key=KEY, base_url=url))
    assert "base_url" in str(error)
    assert "hidden-word" not in str(error)


@pytest.mark.fault("G12")
def test_query_is_percent_encoded(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server).create(extra_query={"a b": "c&d=\r\n\u20ac", "on": True, "many": [1, 2], "none": None})
        assert server.requests[0].target == ("/v1/chat/completions?a+b=c%26d%3D%0D%0A%E2%82%AC&on=true&many=1&many=2")


@pytest.mark.fault("E9")
def test_pickle_of_the_client_with_a_key_of_the_environment(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)
    client = make_raw(kind)
    for one in (client, client.with_options(max_retries=1), copy.copy(client)):
        assert KEY.encode() not in pickle.dumps(one)


def test_texts_that_are_looked_for_are_what_is_sent(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        assert client(server).create().choices[0].message.content == COMPLETION
        assert PROMPT.encode() in server.requests[0].body
        assert KEY in server.requests[0].headers["authorization"]
