"""Arguments that cannot be meant, by every kind of client and every method that takes them."""

import typing
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import pydantic
import pytest
from support.clients import CALL, KEY, failure, make_raw
from support.typed import StructLake, call, fails

from togetherpy import Timeout
from togetherpy._chat import arguments
from togetherpy.testing import LocalServer
from togetherpy.types import chat_params

Maker = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


def lake(name: str) -> str:
    """A lake."""
    return name


METHODS: list[tuple[str, dict[str, Any]]] = [
    ("create", {}),
    ("parse", {"response_format": StructLake}),
    ("run_tools", {"tools": [lake]}),
]


def test_every_declared_parameter_is_known() -> None:
    declared = typing.get_type_hints(chat_params.ChatCompletionParams)
    assert {*declared, "response_type", "stream"} == arguments._KNOWN


@pytest.mark.fault("H6")
@pytest.mark.parametrize(("method", "options"), METHODS)
@pytest.mark.parametrize("name", ["api_key", "apikey", "together_api_key", "authorization", "token"])
def test_a_key_never_goes_into_a_body(
    client: Maker, server: LocalServer, method: str, options: dict[str, Any], name: str
) -> None:
    error = fails(TypeError, client(server), method, **options, **{name: KEY})  # and the key is shown nowhere
    assert str(error).startswith(f"{method}() takes no {name}=...: ")
    assert "Together(" in str(error)
    assert not server.requests


@pytest.mark.fault("H6")
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("base_url", "http://h", "it is an argument of Together(...)"),
        ("headers", {"Authorization": KEY}, "extra_headers=... adds header fields to one call"),
        ("proxy", "http://h", "it is an argument of Together(...)"),
        ("http_client", object(), "togetherpy brings its own HTTP client"),
        ("session", object(), "togetherpy brings its own HTTP client"),
        ("cookies", {"a": "b"}, "extra_headers=... adds header fields to one call"),
        ("params", {"a": "b"}, "extra_query=... adds query parameters to one call"),
        ("verify", False, "ssl_context=ssl.create_default_context"),
        ("max_turns", 3, "it is an argument of run_tools()"),
        ("prompt", "hi", 'a chat takes messages=[{"role": "user"'),
        ("system", "Be brief.", '{"role": "system", "content": "..."}'),
    ],
)
def test_what_belongs_elsewhere(client: Maker, server: LocalServer, name: str, value: Any, said: str) -> None:
    error = client(server).fails(TypeError, **{name: value})
    assert said in str(error)
    assert not server.requests


def test_absent_is_absent(client: Maker, server: LocalServer) -> None:
    client(server).create(api_key=None, headers=None, max_retry=None)
    assert set(server.requests[0].json) == {"model", "messages"}


def test_what_is_not_known_goes_into_the_body(client: Maker, server: LocalServer) -> None:
    new = {"min_tokens": 1, "chat_template": "x", "thinking": {"a": 1}, "repeat_penalty": 1.1, "guided_json": {}}
    client(server).create(**new)
    assert server.requests[0].json == {**CALL, **new}


@pytest.mark.fault("H6")
def test_a_near_miss_is_sent_and_extra_body_wins(client: Maker, server: LocalServer) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client(server).create(tempature=0.5, maxTokens=3, extra_body={"maxTokens": 4})
    assert sorted(str(one.message).rpartition(" ")[2] for one in caught) == ["max_tokens?", "temperature?"]
    assert server.requests[0].json == {**CALL, "tempature": 0.5, "maxTokens": 4}


@pytest.mark.fault("H8")
@pytest.mark.parametrize("method", ["create", "parse"])
@pytest.mark.parametrize("stream", ["yes", 1, 0, "", "False", []], ids=repr)
def test_stream_is_a_bool(client: Maker, server: LocalServer, method: str, stream: Any) -> None:
    options = {"response_format": StructLake} if method == "parse" else {}
    error = fails(TypeError, client(server), method, stream=stream, **options)
    assert str(error) == f"stream must be a bool, not {type(stream).__name__}"
    assert failure(TypeError, lambda: client(server).raw_response(stream=stream))
    assert not server.requests


@pytest.mark.fault("H8")
@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("n", "2", "an int"),
        ("n", 2.0, "an int"),
        ("n", True, "an int"),
        ("max_tokens", "100", "a number"),
        ("max_tokens", True, "a number"),
        ("temperature", "0.7", "a number"),
        ("top_p", [0.5], "a number"),
        ("seed", b"1", "a number"),
        ("echo", "true", "a bool"),
        ("parallel_tool_calls", "no", "a bool"),
        ("stop", 5, "a str or a list of str"),
        ("stop", b"x", "a str or a list of str"),
        ("logit_bias", [("1", 2)], "a dict"),
        ("metadata", "x", "a dict"),
        ("stream_options", "include_usage", "a dict"),
        ("response_format", "json_object", 'a dict such as {"type": "json_object"}'),
        ("extra_headers", [("Authorization", KEY)], "a dict, or another mapping of names to values"),
        ("extra_headers", "a: b", "a dict, or another mapping of names to values"),
        ("extra_query", ["a"], "a dict, or another mapping of names to values"),
        ("extra_body", [], "a dict, or another mapping of names to values"),
        ("extra_body", [("a", 1)], "a dict, or another mapping of names to values"),
    ],
)
def test_values_of_a_wrong_type(client: Maker, server: LocalServer, name: str, value: Any, wanted: str) -> None:
    caller = client(server)
    error = caller.fails(TypeError, **{name: value})
    assert str(error) == f"{name} must be {wanted}, not {type(value).__name__}"
    assert str(failure(TypeError, lambda: caller.raw_response(**{name: value}))) == str(error)
    if name not in ("n", "response_format"):
        assert str(fails(TypeError, caller, "run_tools", tools=[lake], **{name: value})) == str(error)
        assert str(fails(TypeError, caller, "parse", response_format=StructLake, **{name: value})) == str(error)
    assert not server.requests


def test_numbers_of_other_libraries_are_numbers(client: Maker, server: LocalServer) -> None:
    given = {"n": numpy.int64(2), "temperature": numpy.float32(0.5), "max_tokens": numpy.int32(7), "top_k": 4.0}
    assert len(client(server).create(**given, extra_body={"top_k": 4}).choices) == 2
    assert server.requests[0].json == {**CALL, "n": 2, "temperature": 0.5, "max_tokens": 7, "top_k": 4}


class PydanticLake(pydantic.BaseModel):
    name: str


@pytest.mark.parametrize("kind", [StructLake, PydanticLake, dict, list[int], int | None], ids=str)
def test_a_type_as_response_format(client: Maker, server: LocalServer, kind: Any) -> None:
    caller = client(server)
    for error in (
        caller.fails(TypeError, response_format=kind),
        failure(TypeError, lambda: caller.raw_response(response_format=kind)),
        fails(TypeError, caller, "run_tools", tools=[lake], response_format=kind),
    ):
        assert f"use parse(response_format={getattr(kind, '__name__', kind)})" in str(error)
    assert not server.requests


@pytest.mark.parametrize(("name", "wanted"), [("raise_errors", "a bool"), ("on_step", "a function")])
def test_values_of_a_wrong_type_for_run_tools(client: Maker, server: LocalServer, name: str, wanted: str) -> None:
    error = fails(TypeError, client(server), "run_tools", tools=[lake], **{name: "no"})
    assert str(error) == f"{name} must be {wanted}, not str"
    assert not server.requests


def test_a_misspelt_argument_of_run_tools(client: Maker, server: LocalServer) -> None:
    with pytest.warns(UserWarning, match="did you mean max_turns"):
        call(client(server), "run_tools", tools=[lake], max_turn=3)


# Constructors


@pytest.mark.fault("H8")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ssl_context": "ca.pem"}, "ssl_context must be an ssl.SSLContext, not str"),
        ({"ssl_context": False}, "ssl_context must be an ssl.SSLContext, not bool"),
        (
            {"proxy": {"https": f"http://user:{KEY}@h"}},
            "proxy must be a str, the URL of one proxy for everything, not dict",
        ),
        ({"trust_env": "no"}, "trust_env must be a bool, not str"),
        ({"default_headers": [("Authorization", KEY)]}, "default_headers must be a dict"),
        ({"default_headers": []}, "default_headers must be a dict"),
        ({"supplied_headers": "a: b"}, "supplied_headers must be a dict"),
        ({"timeout": "5"}, "timeout takes a number of seconds, or togetherpy.Timeout(total=..., connect=..., "),
        ({"timeout": [1, 2]}, "timeout takes a number of seconds, or togetherpy.Timeout("),
        ({"http_client": object()}, "'http_client': togetherpy brings its own HTTP client"),
        ({"headers": {"Authorization": KEY}}, "'headers': extra_headers=... adds"),
        ({"max_retry": 3}, "'max_retry': did you mean max_retries=...?"),
        ({"apikey": KEY}, "'apikey': did you mean api_key=...?"),
        ({"nonsense": 1}, "unexpected keyword argument 'nonsense'"),
    ],
)
def test_constructors(kind: str, options: dict[str, Any], said: str) -> None:
    error = failure(TypeError, lambda: make_raw(kind, **{"api_key": KEY, **options}))
    assert said in str(error)


def test_options_of_a_copy(kind: str) -> None:
    raw = make_raw(kind, api_key=KEY)
    failure(TypeError, lambda: raw.with_options(default_headers=[("a", KEY)]))
    failure(TypeError, lambda: raw.with_options(timeout="5"))
    assert raw.with_options(timeout=(9.0, 9.0)).timeout == Timeout(9.0, connect=9.0, stream_idle=9.0)
