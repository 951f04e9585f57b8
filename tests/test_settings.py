"""What a client can be asked about its configuration, and told anew; keys that are asked for."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import OK, answer, error_body
from support.clients import KEY, failure, make_raw
from support.scripted import ScriptedServer, request, reset, send

import togetherpy
from togetherpy import Timeout

Maker = Callable[..., Any]
OTHER = "sk-" + "Q3w8r7" * 5


def test_the_key_can_be_read_and_set(client: Maker) -> None:
    refused = answer(error_body(f"{KEY} {OTHER}"), 401)
    with ScriptedServer([request, send(OK), request, send(OK), request, send(refused)]) as server:
        caller = client(server)
        copied = caller.with_options()
        assert caller.raw.api_key == KEY
        caller.create()
        caller.raw.api_key = f" {OTHER}\n"
        assert (caller.raw.api_key, copied.raw.api_key) == (OTHER, KEY)
        caller.create()
        error = caller.fails(togetherpy.AuthenticationError)
    assert [one.headers["authorization"] for one in server.requests] == [
        f"Bearer {KEY}",
        f"Bearer {OTHER}",
        f"Bearer {OTHER}",
    ]
    assert OTHER not in str(error)
    assert OTHER not in repr(caller.raw)
    assert pickle.loads(pickle.dumps(caller.raw)).api_key == OTHER


def test_a_key_that_cannot_be_one_is_not_set(client: Maker) -> None:
    with ScriptedServer() as server:
        caller = client(server)
        bad = f"{KEY} {KEY}"
        failure(togetherpy.AuthenticationError, lambda: setattr(caller.raw, "api_key", bad))
        assert caller.raw.api_key == KEY


def test_an_authorization_of_ones_own_stays(client: Maker) -> None:
    with ScriptedServer([request, send(OK), request, send(OK)]) as server:
        caller = client(server, default_headers={"authorization": "Basic x"})
        caller.raw.api_key = OTHER
        caller.create()
        caller.with_options(api_key=KEY).create()
    assert [one.headers["authorization"] for one in server.requests] == ["Basic x"] * 2


@pytest.mark.parametrize("base_url", ["http://localhost:8080/v1", "http://localhost:8080/v1/", "http://localhost:8080"])
def test_base_url(kind: str, base_url: str) -> None:
    url = make_raw(kind, api_key="k", base_url=base_url).base_url
    assert isinstance(url, str)
    assert (url.scheme, url.host, url.port, url.path) == ("http", "localhost", 8080, "/v1")
    assert url == "http://localhost:8080/v1" == url
    assert url == "http://localhost:8080/v1/"
    assert url != "http://localhost:8081/v1"
    assert url not in {None, 5, "http://localhost:8080/v2"}
    assert url in {"http://localhost:8080/v1"}
    assert f"{url}/x" == "http://localhost:8080/v1/x"
    for same in (pickle.loads(pickle.dumps(url)), copy.deepcopy(url)):
        assert (same, same.port) == (url, 8080)


def test_a_port_that_the_text_leaves_out(kind: str) -> None:
    url = make_raw(kind, api_key="k", base_url="https://[::1]/x").base_url
    assert (url.host, url.port, url.path, str(url)) == ("::1", None, "/x", "https://[::1]/x")


def test_the_rest_can_be_read(kind: str) -> None:
    client = make_raw(
        kind,
        api_key=KEY,
        timeout=7,
        max_retries=3,
        default_headers={"X-Own": f"{KEY}1"},
        default_query={"a": f"{KEY}2"},
    )
    assert (client.timeout, client.max_retries) == (Timeout(total=7), 3)
    assert client.default_headers["X-Own"] == f"{KEY}1"
    assert client.default_headers["User-Agent"] == f"togetherpy/{togetherpy.__version__}"
    assert client.default_query == {"a": f"{KEY}2"}
    assert KEY not in repr((client.default_headers, client.default_query, client.client, client.copy()._loop.config))
    with pytest.raises(AttributeError):
        client.timeout = 5


def test_as_version_1_has_it(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        caller = client(server, timeout=8.0, max_retries=1, supplied_headers={"X-One": "1"})
        old = caller.raw.client
        assert (old.api_key, old.timeout, old.max_retries) == (KEY, 8.0, 1)
        assert old.base_url == caller.raw.base_url
        assert str(old.base_url) == f"{caller.raw.base_url!s}/"
        assert old.supplied_headers["X-One"] == "1"
        old.api_key = OTHER
        caller.create()
    assert server.requests[0].headers["authorization"] == f"Bearer {OTHER}"


def test_default_query(client: Maker) -> None:
    with ScriptedServer([request, send(OK), request, send(OK), request, send(OK)]) as server:
        caller = client(server, default_query={"a": 1, "b": "x y"})
        caller.create()
        caller.create(extra_query={"a": 2})
        caller.with_options(default_query={"b": None, "c": True}).create()
    assert [one.target.partition("?")[2] for one in server.requests] == ["a=1&b=x+y", "a=2&b=x+y", "a=1&c=true"]
    for bad in (5, [("a", 1)]):
        failure(TypeError, lambda bad=bad: client(server, default_query=bad))  # type: ignore[misc]
        failure(TypeError, lambda bad=bad: caller.with_options(default_query=bad))  # type: ignore[misc]


def test_copies(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server, ScriptedServer([request, send(OK)]) as another:
        caller = client(server, default_headers={"X-One": "1"})
        assert caller.raw.copy().timeout == caller.raw.timeout
        same = caller.with_options(api_key=OTHER, timeout=3.0)
        same.create()
        other = caller.with_options(base_url=another.base_url)
        assert (other.raw.base_url, caller.raw.base_url) == (another.base_url, server.base_url)
        other.create()
        other.close()
        assert other.raw.is_closed()
        assert not caller.raw.is_closed()
        caller.close()
        assert caller.raw.is_closed()
        assert same.raw.is_closed()
    assert server.requests[0].headers["authorization"] == f"Bearer {OTHER}"
    assert another.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert another.requests[0].headers["x-one"] == "1"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_key_that_is_asked_for(client: Maker, kind: str, asynchronous: bool) -> None:
    keys = [f"{KEY}{number}" for number in range(3)]
    given = iter(keys)

    def ask() -> str:
        return next(given)

    async def ask_later() -> str:
        return next(given)

    refused = answer(error_body(f"busy, {KEY}1"), 503)
    steps = [request, send(answer(error_body(), 503)), request, send(refused), request, send(OK)]
    if asynchronous and kind == "sync":
        with ScriptedServer() as server:
            error = client(server, api_key=ask_later).fails(TypeError)
        assert "AsyncTogether" in str(error)
        return
    with ScriptedServer(steps) as server:
        caller = client(server, api_key=ask_later if asynchronous else ask, max_retries=1)
        assert caller.raw.api_key == ""
        error = caller.fails(togetherpy.ServiceUnavailableError)  # with the keys searched for
        caller.create()
    assert "busy, ***" in str(error)
    assert [one.headers["authorization"] for one in server.requests] == [f"Bearer {key}" for key in keys]


def test_what_the_function_raises_the_call_raises(client: Maker) -> None:
    def ask() -> str:
        raise LookupError("no key today")

    told: list[Any] = []

    class Told:
        def on_error(self, event: Any) -> None:
            told.append(event.error)

    with ScriptedServer() as server:
        assert client(server, api_key=ask, hooks=Told()).fails(LookupError).args == ("no key today",)
        assert client(server, api_key=lambda: f"{KEY} ").raw.api_key == ""
        failure(togetherpy.AuthenticationError, lambda: client(server, api_key=lambda: None).create())
    assert [type(one) for one in told] == [LookupError]


def test_a_function_is_not_asked_where_the_key_is_not_sent(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        caller = client(server, api_key=lambda: 1 / 0, default_headers={"Authorization": None})
        caller.create()
    assert "authorization" not in server.requests[0].headers


def test_a_stream_and_a_stale_connection_ask_too(client: Maker) -> None:
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        return KEY

    with ScriptedServer([request, reset], [request, send(OK)]) as server:
        client(server, api_key=ask, max_retries=1).create()
    assert len(asked) == 2
