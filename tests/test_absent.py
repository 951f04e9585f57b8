"""Values that stand for "nothing was given": ours, and those of other packages by their shape."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import OK, STREAM_OK, answer
from support.clients import CALL, KEY, make_raw
from support.scripted import ScriptedServer, request, send

import togetherpy
from togetherpy import Timeout
from togetherpy._core.absent import is_absent, without_absent

Maker = Callable[..., Any]


class NotGiven:
    """As the packages made by the usual generator have it."""

    def __bool__(self) -> bool:
        return False


class Omit(NotGiven):
    pass


SENTINELS = [togetherpy.NOT_GIVEN, togetherpy.not_given, togetherpy.omit, NotGiven(), Omit()]


@pytest.fixture(params=SENTINELS, ids=lambda one: f"{type(one).__module__}.{type(one).__name__}")
def absent(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_what_is_one() -> None:
    assert all(map(is_absent, SENTINELS))
    true = type("NotGiven", (), {})()
    assert not any(map(is_absent, [None, 0, "", "NotGiven", NotGiven, true, [], {}]))


OPTIONAL = [
    *(
        "max_tokens",
        "temperature",
        "stop",
        "n",
        "tools",
        "tool_choice",
        "response_format",
        "logit_bias",
        "seed",
        "user",
    ),
    *("logprobs", "reasoning", "extra_headers", "extra_query", "extra_body", "timeout", "max_retries", "stream"),
    *("response_type", "some_field_of_a_server"),
]


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_argument_of_create(client: Maker, absent: Any, name: str) -> None:
    with ScriptedServer([request, send(OK), request, send(OK)]) as server:
        caller = client(server)
        assert caller.create(**{name: absent}) == caller.create()
    assert server.requests[0].body == server.requests[1].body


def test_all_of_them_at_once(client: Maker, absent: Any) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server).create(**dict.fromkeys(OPTIONAL, absent))
    assert sorted(json.loads(server.requests[0].body)) == ["messages", "model"]


def test_of_a_stream(client: Maker, absent: Any) -> None:
    with ScriptedServer([request, send(STREAM_OK)]) as server:
        assert client(server).chunks(n=absent, response_type=absent, seed=absent)
    assert sorted(json.loads(server.requests[0].body)) == ["messages", "model", "stream"]


@pytest.mark.parametrize("name", ["messages", "model"])
def test_a_required_argument(client: Maker, absent: Any, name: str) -> None:
    with ScriptedServer() as server:
        error = client(server).fails(TypeError, **{name: absent})
    assert f"create() needs {name}=..." in str(error)


def test_inside_of_what_is_sent(client: Maker, absent: Any) -> None:
    said = {"role": "user", "content": [{"type": "text", "text": "x", "cache": absent}], "name": absent}
    with ScriptedServer([request, send(OK)]) as server:
        client(server).create(messages=[said], extra_body={"a": {"b": absent, "c": [1, absent]}, "d": absent})
    body = json.loads(server.requests[0].body)
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "x"}]}]
    assert body["a"] == {"c": [1]}
    assert "d" not in body
    assert "name" in said  # the caller's own is as it was


def test_query_parameters(client: Maker, absent: Any) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server).create(extra_query={"a": absent, "b": [1, absent]})
    assert server.requests[0].target.endswith("?b=1")


def test_header_fields(client: Maker, absent: Any) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server, default_headers={"X-One": "1"}).create(extra_headers={"X-One": absent, "X-Two": absent})
    # As in the official package, one of the two takes away what would be there without it.
    kept = type(absent).__name__ == "NotGiven"
    assert ("x-one" in server.requests[0].headers, "x-two" in server.requests[0].headers) == (kept, False)


@pytest.mark.parametrize("name", ["tools", "temperature", "stream", "timeout", "n"])
def test_an_argument_of_parse(client: Maker, absent: Any, name: str) -> None:
    good = json.loads(OK[OK.index(b"{") :])
    good["choices"][0]["message"]["content"] = "{}"
    with ScriptedServer([request, send(answer(good))]) as server:
        area = client(server).area("chat.completions")
        answered = area.parse(**{**CALL, "response_format": Empty, name: absent})
    assert answered.choices[0].message.parsed == Empty()
    assert name not in json.loads(server.requests[0].body)


class Empty(togetherpy.BaseModel):
    pass


ARGUMENTS = [
    *("base_url", "timeout", "max_retries", "default_headers", "supplied_headers", "default_query", "max_connections"),
    *("max_response_bytes", "proxy", "ssl_context", "trust_env", "retry_quota", "hooks"),
]


def test_the_arguments_of_a_client(kind: str, absent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)
    client = make_raw(kind, **dict.fromkeys(["api_key", *ARGUMENTS], absent))
    assert (client.api_key, client.timeout, client.max_retries) == (KEY, Timeout(), 2)
    assert client.base_url == "https://api.together.ai/v1"
    config, usual = client._loop.config, make_raw(kind)._loop.config
    assert all(
        getattr(config, name) == getattr(usual, name) for name in ("headers", "query", "retry_quota", "trust_env")
    )
    monkeypatch.delenv("TOGETHER_API_KEY")
    with pytest.raises(togetherpy.AuthenticationError, match="No API key"):
        make_raw(kind, api_key=absent)


def test_the_arguments_of_with_options(kind: str, absent: Any) -> None:
    client = make_raw(kind, api_key="k-one", base_url="http://localhost:1/v1", timeout=7, default_query={"a": 1})
    names = ["api_key", "base_url", "timeout", "max_retries", "default_headers", "default_query", "hooks"]
    other = client.with_options(**dict.fromkeys(names, absent))
    for name in ("api_key", "base_url", "timeout", "max_retries", "default_headers", "default_query"):
        assert getattr(other, name) == getattr(client, name)
    assert other._shared is client._shared


def test_what_has_none_is_not_made_anew() -> None:
    given = {"a": [1, {"b": (2, None)}]}
    assert without_absent(given) is given
