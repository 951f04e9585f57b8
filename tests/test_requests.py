"""`client.get`, `post` and the like."""

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pydantic
import pytest
from support.answers import OK, STREAM_OK, answer, completion, error_body, text_of
from support.clients import CALL, KEY, failure
from support.scripted import ScriptedServer, request, send

import togetherpy
from togetherpy.testing import LocalServer
from togetherpy.types import ChatCompletionChunk, ChatCompletionResponse
from togetherpy.types.models import ModelObject

Maker = Callable[..., Any]
VERBS = ["get", "post", "put", "patch", "delete"]


class City(msgspec.Struct):
    name: str
    size: int = 0


@dataclasses.dataclass
class Town:
    name: str


class Village(pydantic.BaseModel):
    name: str


def ask(caller: Any, verb: str, path: str, **given: Any) -> Any:
    if caller.kind == "sync":
        return getattr(caller.raw, verb)(path, **given)

    async def run() -> Any:
        return await getattr(caller.raw, verb)(path, **given)

    return caller.loop.run(run())


def one(client: Maker, body: Any = b"{}", **options: Any) -> Any:
    """A server for one request, and a client of it."""
    server = ScriptedServer([request, send(answer(body))])
    return server, client(server, **options)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("path", ["/things/5", "things/5", "/v1/things/5", "{base}/things/5"])
def test_what_is_sent(client: Maker, verb: str, path: str) -> None:
    server, caller = one(client, {"name": "Bern", "size": 3})
    with server:
        made = ask(caller, verb, path.replace("{base}", server.base_url), cast_to=City)
    assert made == City("Bern", 3)
    sent = server.requests[0]
    assert (sent.method, sent.target) == (verb.upper(), "/v1/things/5")
    assert sent.headers["authorization"] == f"Bearer {KEY}"


CASTS: list[tuple[Any, Any, Any]] = [
    (City, {"name": "a"}, City("a")),
    (Town, {"name": "a"}, Town("a")),
    (Village, {"name": "a"}, Village(name="a")),
    (dict, {"a": 1}, {"a": 1}),
    (dict[str, Any], {"a": [None]}, {"a": [None]}),
    (list[City], [{"name": "a"}], [City("a")]),
    (object, [1, {"a": None}], [1, {"a": None}]),
    (int, 5, 5),
    (bytes, b"\x00\xff", b"\x00\xff"),
    (str, "ü".encode(), "ü"),
    (None, b"whatever", None),
    (type(None), b"", None),
]


@pytest.mark.parametrize(("cast_to", "body", "expected"), CASTS, ids=lambda value: str(value)[:30])
def test_what_comes_back(client: Maker, cast_to: Any, body: Any, expected: Any) -> None:
    server, caller = one(client, body if isinstance(body, bytes) else json.dumps(body).encode())
    with server:
        made = ask(caller, "get", "/x", cast_to=cast_to)
    assert (type(made), made) == (type(expected), expected)


def test_types_of_ours(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        listed = ask(caller, "get", "/models", cast_to=list[ModelObject])
        assert all(isinstance(model, ModelObject) for model in listed)
        assert ask(caller, "get", "/models")[0]["id"] == listed[0].id
        made = ask(caller, "post", "/chat/completions", cast_to=ChatCompletionResponse, body=CALL)
        assert made.choices[0].message.content


class Response:
    __module__ = "httpx"


def test_a_raw_answer_by_its_type(client: Maker) -> None:
    server, caller = one(client, {"a": 1})
    with server:
        made = ask(caller, "get", "/x", cast_to=Response)
    assert (made.status_code, made.json()) == (200, {"a": 1})


BODIES: list[tuple[Any, Any]] = [
    ({"timeout": 5, "extra_headers": None, "max_retries": 1}, {"timeout": 5, "extra_headers": None, "max_retries": 1}),
    (City("a", 1), {"name": "a", "size": 1}),
    (Town("a"), {"name": "a"}),
    (Village(name="a"), {"name": "a"}),
    ([1, {"a": 2}], [1, {"a": 2}]),
    ("text", "text"),
    ({"a": togetherpy.NOT_GIVEN}, {}),
    (togetherpy.NOT_GIVEN, {}),
    (None, {}),
]


@pytest.mark.parametrize(("body", "wire"), BODIES, ids=lambda value: str(value)[:30])
def test_bodies(client: Maker, body: Any, wire: Any) -> None:
    server, caller = one(client)
    with server:
        ask(caller, "post", "/x", body=body)
    sent = json.loads(server.requests[0].body)
    assert sent == wire
    assert server.requests[0].headers["content-type"] == "application/json"


def test_a_body_of_bytes_and_of_delete(client: Maker) -> None:
    with ScriptedServer([request, send(OK), request, send(OK), request, send(OK)]) as server:
        caller = client(server)
        ask(caller, "put", "/x", content=b"\x00", extra_headers={"Content-Type": "image/png"})
        ask(caller, "delete", "/x", body={"ids": [1]})
        ask(caller, "delete", "/x")
    first, second, third = server.requests
    assert (first.body, first.headers["content-type"]) == (b"\x00", "image/png")
    assert json.loads(second.body) == {"ids": [1]}
    assert third.body == b""


def test_files(client: Maker, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"from a path")
    files = [("file", path), ("more", ("b.png", io.BytesIO(b"open"), "image/png")), ("more", b"bytes")]
    server, caller = one(client)
    with server:
        ask(caller, "post", "/x", body={"purpose": "test", "n": 5}, files=files)
    sent = server.requests[0]
    assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")
    for piece in (
        b'name="file"; filename="a.txt"',
        b"from a path",
        b'="b.png"',
        b"image/png",
        b"open",
        b"bytes",
    ):
        assert piece in sent.body
    assert b'name="purpose"\r\n\r\ntest\r\n' in sent.body
    assert sent.body.count(b'form-data; name="more"') == 2


def test_options_of_either_kind(client: Maker) -> None:
    options = {
        "headers": {"X-One": "1", "User-Agent": togetherpy.omit},
        "params": {"a": 1},
        "timeout": 5.0,
        "max_retries": 0,
        "extra_json": {"z": 1},
        "idempotency_key": "mine",
    }
    with ScriptedServer([request, send(OK), request, send(OK)]) as server:
        caller = client(server)
        ask(caller, "post", "/x?q=x%20y", body={"b": 2}, options=options)
        ask(caller, "post", "/x", extra_headers={"X-One": "2"}, extra_query={"a": 2}, timeout=3, extra_body={"c": 1})
    first, second = server.requests
    assert (first.headers["x-one"], first.headers["idempotency-key"]) == ("1", "mine")
    assert "user-agent" not in first.headers
    assert first.target == "/v1/x?q=x+y&a=1"
    assert json.loads(first.body) == {"b": 2, "z": 1}
    assert (second.headers["x-one"], second.target, json.loads(second.body)) == ("2", "/v1/x?a=2", {"c": 1})


def test_retries_and_errors_are_those_of_every_call(client: Maker) -> None:
    steps = [request, send(answer(error_body(), 503)), request, send(answer(error_body("gone"), 404))]
    with ScriptedServer(steps) as server:
        caller = client(server, max_retries=1)
        error = failure(togetherpy.NotFoundError, lambda: ask(caller, "get", "/x", cast_to=City))
    assert (error.attempts, error.request.url) == (2, f"{server.base_url}/x")


@pytest.mark.parametrize("cast_to", [City, Town, Village, list[City], int])
def test_what_does_not_fit(client: Maker, cast_to: Any) -> None:
    server, caller = one(client, {"nome": "a"})
    with server:
        error = failure(togetherpy.APIResponseError, lambda: ask(caller, "get", "/x", cast_to=cast_to))
    assert "cast_to=" in str(error)
    assert json.loads(error.body) == {"nome": "a"}


def test_what_is_no_json(client: Maker) -> None:
    server, caller = one(client, b"<html>")
    with server:
        error = failure(togetherpy.APIResponseError, lambda: ask(caller, "get", "/x", cast_to=City))
    assert "not usable JSON" in str(error)


def test_a_stream(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK), request, send(STREAM_OK)]) as server:
        caller = client(server)
        given: dict[str, Any] = {"body": CALL, "stream": True, "stream_cls": togetherpy.Stream[ChatCompletionChunk]}
        stream = ask(caller, "post", "/chat/completions", cast_to=ChatCompletionChunk, **given)
        assert text_of(caller.opened(stream).read()) == "Hello world"
        plain = caller.opened(ask(caller, "post", "/chat/completions", cast_to=dict, **given)).read()
        assert plain[0]["choices"]
    assert json.loads(server.requests[0].body)["stream"] is True


def test_with_raw_answers(client: Maker) -> None:
    server, caller = one(client, completion())
    with server:
        form = caller.raw.with_raw_response
        raw = caller.finish(form.post("/x", body={})) if caller.kind == "sync" else caller.loop.run(again(form))
    assert raw.status_code == 200
    assert raw.parse() == completion()


async def again(form: Any) -> Any:
    return await form.post("/x", body={})


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"path": 5}, TypeError, "path must be a str"),
    ({"path": "https://example.com/v1/x"}, ValueError, "the key is for no other server"),
    ({"path": "//example.com/v1/x"}, ValueError, "the key is for no other server"),
    ({"path": "/x y"}, ValueError, "percent-encode"),
    ({"path": "/x\r\nX: y"}, ValueError, "percent-encode"),
    ({"cast_to": 5}, TypeError, "cast_to"),
    ({"cast_to": []}, TypeError, "cast_to must be a type"),
    ({"options": 5}, TypeError, "options must be a dict"),
    ({"options": {"header": {}}}, TypeError, "options has no 'header'"),
    ({"model": "m"}, TypeError, "there is no model=...: body="),
    ({"body": {}, "content": b""}, TypeError, "content="),
    ({"body": {"a": {1, object()}}}, TypeError, "a"),
    ({"body": [float("nan")]}, ValueError, "nan"),
    ({"stream": "yes"}, TypeError, "stream must be a bool"),
    ({"extra_query": 5}, TypeError, "extra_query must be a dict"),
    ({"files": {"a": 5}}, TypeError, "a file must be a path"),
]


@pytest.mark.parametrize(("given", "expected", "said"), WRONG)
def test_what_cannot_be_meant(client: Maker, given: Any, expected: Any, said: str) -> None:
    with ScriptedServer() as server:
        caller = client(server)
        error = failure(expected, lambda: ask(caller, "post", **{"path": "/x", **given}))
        hidden = {"extra_headers": {"X-Key": KEY}, "options": {"headers": {"X-Other": KEY}, "bad": 1}}
        failure(TypeError, lambda: ask(caller, "post", "/x", **hidden))
    assert said in str(error)
    assert not server.requests
