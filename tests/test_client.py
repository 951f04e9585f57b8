"""The clients from outside: their constructors, what they send, what they answer, what they say of themselves."""

import asyncio
import contextlib
import inspect
import io
import json
import pydoc
import threading
import types
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import COMPLETION, OK, STREAM_OK, answer, completion, text_of
from support.clients import ASYNC_KINDS, CALL, KEY, KINDS, failure, make_raw
from support.scripted import ScriptedServer, repeat, request, send

import togetherpy
from togetherpy import AsyncTogether, Timeout, Together
from togetherpy.testing import LocalServer
from togetherpy.types.chat_completions import ChatCompletionParams

Maker = Callable[..., Any]
GOOD = [repeat(request, send(OK))]


def sent(client: Maker, *, stream: bool = False, options: dict[str, Any] | None = None, **params: Any) -> Any:
    """The one request that a call makes."""
    with ScriptedServer([request, send(STREAM_OK if stream else OK)]) as server:
        caller = client(server, **(options or {}))
        if stream:
            caller.chunks(**params)
        else:
            caller.create(**params)
        (recorded,) = server.requests
        return recorded


# Requests


def test_plain_request(client: Maker) -> None:
    recorded = sent(client)
    assert (recorded.method, recorded.target, recorded.version) == ("POST", "/v1/chat/completions", "HTTP/1.1")
    assert json.loads(recorded.body) == CALL
    fields = recorded.headers
    assert fields["accept"] == "application/json"
    assert fields["content-type"] == "application/json"
    assert fields["accept-encoding"] == "gzip, deflate"
    assert fields["user-agent"] == f"togetherpy/{togetherpy.__version__}"
    assert fields["authorization"] == f"Bearer {KEY}"
    assert fields["content-length"] == str(len(recorded.body))
    assert fields["host"].startswith("127.0.0.1:")
    names = {name for name, _ in recorded.fields}
    own = {"accept", "content-type", "accept-encoding", "user-agent", "authorization", "content-length", "host"}
    assert names == {*own, "idempotency-key"}  # and no telemetry
    assert len(names) == len(recorded.fields)


def test_streaming_request(client: Maker) -> None:
    recorded = sent(client, stream=True)
    assert json.loads(recorded.body) == {**CALL, "stream": True}
    assert recorded.headers["accept"] == "text/event-stream"
    assert recorded.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(("given", "wire"), [(None, "absent"), (False, False)])
def test_stream_flag(client: Maker, given: bool | None, wire: Any) -> None:
    with ScriptedServer(GOOD) as server:
        client(server).create(stream=given)
        assert json.loads(server.requests[0].body).get("stream", "absent") == wire


PARAMETERS: dict[str, Any] = {
    "max_tokens": 5,
    "max_completion_tokens": 5,
    "stop": ["a", "b"],
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 40,
    "min_p": 0.1,
    "repetition_penalty": 1.1,
    "logit_bias": {"17": -1.5},
    "seed": 2**64 - 1,
    "logprobs": 1,
    "top_logprobs": 2,
    "echo": True,
    "n": 2,
    "safety_model": "guard",
    "response_format": {"type": "json_object"},
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "tool_choice": "auto",
    "function_call": "none",
    "reasoning": {"enabled": False},
    "reasoning_effort": "low",
    "chat_template_kwargs": {"thinking": True},
    "compliance": "hipaa",
    "context_length_exceeded_behavior": "truncate",
    "stream_options": {"include_usage": True},
    "parallel_tool_calls": False,
    "user": "u",
    "metadata": {"a": "b"},
}


def test_parameters_end_up_in_the_body(client: Maker) -> None:
    assert json.loads(sent(client, **PARAMETERS).body) == {**CALL, **PARAMETERS}
    other = {"presence_penalty": 0.5, "frequency_penalty": -0.5}
    assert json.loads(sent(client, **other).body) == {**CALL, **other}


def test_every_declared_parameter_is_tried_above() -> None:
    per_call = {"timeout", "max_retries", "extra_headers", "extra_query", "extra_body"}
    tried = {*PARAMETERS, *CALL, "presence_penalty", "frequency_penalty", *per_call}
    assert set(ChatCompletionParams.__annotations__) == tried


def test_per_call_options_are_not_in_the_body(client: Maker) -> None:
    recorded = sent(
        client,
        timeout=5,
        max_retries=1,
        extra_headers={"X-One": "1", "accept": "a/b", "User-Agent": None},
        extra_query={"q": "x"},
        extra_body={"model": "other", "further": 1},
    )
    assert json.loads(recorded.body) == {**CALL, "model": "other", "further": 1}
    assert recorded.target == "/v1/chat/completions?q=x"
    assert recorded.headers["x-one"] == "1"
    assert recorded.headers["accept"] == "a/b"
    assert not recorded.headers.get("user-agent", "").startswith("togetherpy")


def test_headers_of_the_client(client: Maker) -> None:
    options = {"default_headers": {"X-One": "1", "x-two": "2"}, "supplied_headers": {"X-Three": "3", "X-TWO": "4"}}
    fields = sent(client, options=options, extra_headers={"x-ONE": "5"}).headers
    assert (fields["x-one"], fields["x-two"], fields["x-three"]) == ("5", "4", "3")


def test_authorization_may_be_replaced_or_removed(client: Maker) -> None:
    assert sent(client, options={"default_headers": {"authorization": "Basic x"}}).headers["authorization"] == "Basic x"
    assert sent(client, extra_headers={"Authorization": "Basic y"}).headers["authorization"] == "Basic y"
    assert "authorization" not in sent(client, extra_headers={"AUTHORIZATION": None}).headers


def test_cookies_are_not_kept(client: Maker) -> None:
    with ScriptedServer([repeat(request, send(answer(set_cookie="a=b; Path=/")))]) as server:
        caller = client(server)
        caller.create()
        caller.create()
        assert "cookie" not in server.requests[1].headers


def test_large_request_arrives_whole(client: Maker) -> None:
    # More than the buffers on the way hold, so that sending it means waiting for the server.
    large = [{"role": "user", "content": "x" * 20_000_000 + "\u20ac"}]
    assert json.loads(sent(client, messages=large).body)["messages"] == large


# Answers


def test_plain_answer(client: Maker) -> None:
    body = completion(extra_field={"a": 1}, choices=[*completion()["choices"], {"index": 1, "finish_reason": "new"}])
    with ScriptedServer([request, send(answer(body))]) as server:
        response = client(server).create(n=2)
    assert response.choices[0].message.content == COMPLETION
    assert response.choices[0].finish_reason == "stop"
    assert response.choices[1].finish_reason == "new"
    assert response.usage.total_tokens == 3
    assert response.to_dict() == body


def test_odd_answer_is_still_an_answer(client: Maker) -> None:
    body = completion(created="yesterday", usage=[1], prompt={"no": "list"})
    with ScriptedServer([request, send(answer(body))]) as server:
        response = client(server).create()
    assert response.choices[0].message.content == COMPLETION
    assert (response.created, response.usage) == ("yesterday", [1])


def test_against_the_local_server(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        plain = caller.create()
        chunks = caller.chunks()
        assert plain.choices[0].message.content == text_of([one for one in chunks if one.choices])
        error = caller.fails(togetherpy.NotFoundError, model="no-such-model")
        assert error.code == "model_not_available"
        assert error.request_id


# Configuration


@pytest.mark.usefixtures("clean_environment")
def test_environment(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)
    assert make_raw(kind).base_url == "https://api.together.ai/v1"
    monkeypatch.setenv("TOGETHER_BASE_URL", "https://gateway.example/together")
    assert make_raw(kind).base_url == "https://gateway.example/together"
    assert make_raw(kind, base_url="https://other.example").base_url == "https://other.example/v1"
    monkeypatch.setenv("TOGETHER_BASE_URL", "")
    assert make_raw(kind).base_url == "https://api.together.ai/v1"


def test_key_of_the_environment_is_sent(client: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", "from-the-environment")
    assert sent(client, options={"api_key": None}).headers["authorization"] == "Bearer from-the-environment"
    assert sent(client).headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("suffix", "target"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/openai/v2", "/openai/v2/chat/completions"),
        ("/a%20b", "/a%20b/chat/completions"),
        ("//", "/chat/completions"),
    ],
)
def test_base_url(client: Maker, suffix: str, target: str) -> None:
    with ScriptedServer(GOOD) as server:
        client(base_url=f"http://127.0.0.1:{server.port}{suffix}").create()
        client(base_url=f"  HTTP://localhost:{server.port}{suffix} ").create()
        assert [one.target for one in server.requests] == [target, target]
        assert server.requests[1].headers["host"] == f"localhost:{server.port}"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("timeout", 0, ValueError),
        ("timeout", -1, ValueError),
        ("timeout", float("nan"), ValueError),
        ("timeout", "5", TypeError),
        ("timeout", True, TypeError),
        ("max_retries", -1, ValueError),
        ("max_retries", 1.5, TypeError),
        ("max_connections", 0, ValueError),
        ("max_connections", "9", TypeError),
        ("max_response_bytes", 0, ValueError),
        ("base_url", 7, TypeError),
    ],
)
def test_arguments_that_cannot_be_meant(kind: str, name: str, value: Any, expected: type[Exception]) -> None:
    error = failure(expected, lambda: make_raw(kind, **{"api_key": KEY, name: value}))
    assert name in str(error)


@pytest.mark.parametrize(("name", "value"), [("timeout", 0), ("timeout", "5"), ("max_retries", -1)])
def test_arguments_of_a_call_that_cannot_be_meant(client: Maker, name: str, value: Any) -> None:
    with ScriptedServer(GOOD) as server:
        caller = client(server)
        error = failure((TypeError, ValueError), lambda: caller.create(**{name: value}))  # type: ignore[arg-type]
        assert name in str(error)
        assert server.connections == 0
        failure((TypeError, ValueError), lambda: caller.with_options(**{name: value}))  # type: ignore[arg-type]


def test_timeouts_of_a_client(kind: str) -> None:
    assert make_raw(kind, api_key=KEY).timeout == Timeout(total=600.0, connect=5.0, stream_idle=120.0)
    assert make_raw(kind, api_key=KEY, timeout=7).timeout == Timeout(total=7.0)
    own = Timeout(total=9.0, connect=1.0)
    client = make_raw(kind, api_key=KEY, timeout=own)
    assert client.timeout == own
    assert client.with_options(timeout=3).timeout == Timeout(total=3.0, connect=1.0)
    assert (client.max_retries, client.with_options(max_retries=0).max_retries) == (2, 0)


def test_options_change_the_copy_only(client: Maker) -> None:
    with ScriptedServer(GOOD) as server:
        caller = client(server, default_headers={"x-one": "1"})
        caller.with_options(default_headers={"x-one": "2", "User-Agent": None, "X-New": "3"}).create()
        caller.create()
        first, second = (one.headers for one in server.requests)
        assert (first["x-one"], first["x-new"], second["x-one"]) == ("2", "3", "1")
        assert "x-new" not in second
        assert second["user-agent"].startswith("togetherpy/")


def test_constructor_opens_and_starts_nothing(kind: str) -> None:
    before = set(threading.enumerate())
    with ScriptedServer(GOOD) as server:
        client = make_raw(kind, api_key=KEY, base_url=server.base_url)
        assert "127.0.0.1" in repr(client)
        assert type(client).__name__ in repr(client)
        assert server.connections == 0
        assert len(set(threading.enumerate()) - before) == 1  # the server's


@pytest.mark.parametrize("name", ["threads", "aiohttp"])
@pytest.mark.parametrize("kind", KINDS)
def test_there_is_one_transport(kind: str, name: str) -> None:
    error = failure(TypeError, lambda: make_raw(kind, api_key=KEY, transport=name))
    assert "transport" in str(error)
    assert "leave it out" in str(error)


def test_unknown_argument_of_a_client() -> None:
    assert "apikey" in str(failure(TypeError, lambda: AsyncTogether(apikey=KEY)))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_outside_of_a_loop(kind: str) -> None:
    client = make_raw(kind, api_key=KEY, base_url="http://127.0.0.1:1", max_retries=0)
    coroutine = client.chat.completions.create(**CALL)
    with pytest.raises(RuntimeError, match="asyncio only, and there is no running event loop"):
        coroutine.send(None)


# Warnings and help


@pytest.mark.parametrize("other", ["presence_penalty", "frequency_penalty"])
@pytest.mark.parametrize("kind", KINDS)
def test_penalties_that_do_not_go_together(kind: str, other: str) -> None:
    params = {**CALL, "repetition_penalty": 1.1, other: 0.5}
    with ScriptedServer(GOOD) as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = make_raw(kind, api_key=KEY, base_url=server.base_url)
        if kind == "sync":
            client.chat.completions.create(**params)
            client.close()
        else:

            async def main() -> None:
                await client.chat.completions.create(**params)
                await client.aclose()

            asyncio.run(main())
    (warning,) = [one for one in caught if one.category is UserWarning]
    assert warning.filename == __file__
    assert "repetition_penalty" in str(warning.message)


def test_one_penalty_is_fine(client: Maker) -> None:
    sent(client, repetition_penalty=1.1)
    sent(client, repetition_penalty=1.1, presence_penalty=0)
    sent(client, presence_penalty=1.1, frequency_penalty=1)


@pytest.mark.parametrize("cls", [Together, AsyncTogether])
def test_signature_and_help_show_the_parameters(cls: Any) -> None:
    create = cls(api_key=KEY).chat.completions.create
    parameters = inspect.signature(create).parameters
    assert {*ChatCompletionParams.__annotations__, "stream"} <= set(parameters)
    assert parameters["model"].default is inspect.Parameter.empty
    assert parameters["top_k"].default is None
    assert {one.kind for one in parameters.values()} <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        pydoc.doc(create, output=shown)
    for name in ChatCompletionParams.__annotations__:
        assert name in shown.getvalue()
    assert isinstance(create, types.MethodType)


def test_positional_arguments_are_refused(client: Maker) -> None:
    completions = client(base_url="http://127.0.0.1:1").raw.chat.completions
    with pytest.raises(TypeError):
        completions.create("m", [])
