"""`client.chat.completions.map`, sync and async, against a server on this machine."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.answers import completion
from support.clients import Loop
from support.processes import PYTHON, run
from support.testing_helpers import eventually

from togetherpy import APIConnectionError, AsyncTogether, AuthenticationError, ParseError, Together
from togetherpy.batch import MapResult, StalledError
from togetherpy.testing import LocalServer

KINDS = ["sync", "async", "sync in a loop", "sync in a thread"]
Map = Callable[..., list[MapResult[Any]]]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


def options(server: LocalServer) -> dict[str, Any]:
    return {"api_key": "k", "base_url": server.base_url}


@pytest.fixture(params=KINDS)
def mapped(request: pytest.FixtureRequest, server: LocalServer) -> Map:
    """All the results of a `map`, however it is called."""

    def here(requests: Any, **params: Any) -> list[MapResult[Any]]:
        with Together(**options(server)) as client:
            return list(client.chat.completions.map(requests, **{"model": "m", **params}))

    async def there(requests: Any, **params: Any) -> list[MapResult[Any]]:
        async with AsyncTogether(**options(server)) as client:
            return [one async for one in client.chat.completions.map(requests, **{"model": "m", **params})]

    async def inside(requests: Any, **params: Any) -> list[MapResult[Any]]:
        return here(requests, **params)

    def call(requests: Any, **params: Any) -> list[MapResult[Any]]:
        if request.param == "sync":
            return here(requests, **params)
        if request.param == "sync in a thread":
            with ThreadPoolExecutor(1) as threads:
                return threads.submit(here, requests, **params).result()
        loop = Loop()
        try:
            results: list[MapResult[Any]] = loop.run(
                (there if request.param == "async" else inside)(requests, **params)
            )
        finally:
            loop.stop()
        assert loop.complaints == []
        return results

    return call


def test_all_forms_of_requests(mapped: Map, server: LocalServer) -> None:
    requests = [
        "one",
        [{"role": "user", "content": "two"}],
        {"messages": [{"role": "user", "content": "three"}], "max_tokens": 7},
        iter([{"role": "user", "content": "four"}]),
    ]
    results = mapped(requests, ordered=True, temperature=0.5)
    assert [one.index for one in results] == [0, 1, 2, 3]
    assert [one.request for one in results] == requests
    assert all(one.error is None and one.attempts == 1 and one.seconds > 0 for one in results)
    assert all(one.response is not None and one.response.choices[0].message.content for one in results)
    sent = {request.json["messages"][0]["content"]: request.json for request in server.requests}
    assert sorted(sent) == ["four", "one", "three", "two"]
    assert {one["temperature"] for one in sent.values()} == {0.5}
    assert sent["three"]["max_tokens"] == 7


def test_one_failure_does_not_stop_the_rest(mapped: Map) -> None:
    results = mapped(["good", 5, {"model": "no-such"}, {"messages": "text"}, "good, too"], ordered=True)
    assert [type(one.error).__name__ for one in results] == [
        "NoneType",
        "TypeError",
        "TypeError",
        "TypeError",
        "NoneType",
    ]
    assert [one.response is None for one in results] == [False, True, True, True, False]


def test_nothing_is_nothing(mapped: Map) -> None:
    assert mapped([]) == []


def test_a_generator_is_read_as_there_is_room(mapped: Map, server: LocalServer) -> None:
    results = mapped((f"question {number}" for number in range(300)), concurrency=4)
    assert sorted(one.index for one in results) == list(range(300))
    assert len(server.requests) == 300


def test_keys_are_the_rows_own(mapped: Map, server: LocalServer) -> None:
    server.reply(status=500, times=2)
    mapped(["a", "b"], concurrency=1)
    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert len(keys) == 4
    assert len(set(keys)) == 2


@pytest.mark.fault("I13")
def test_what_all_would_fail_with_stops_early(mapped: Map, server: LocalServer) -> None:
    server.reply(status=401, body={"error": {"message": "no such key"}}, times=None)
    with pytest.raises(AuthenticationError, match="no such key"):
        mapped(str(number) for number in range(10_000))
    assert len(server.requests) < 30


def test_limits_and_lacking_capacity_are_no_failures(mapped: Map, server: LocalServer) -> None:
    server.reply(status=429, headers={"retry-after-ms": "1"})
    server.reply(status=503, headers={"retry-after-ms": "1"})
    results = mapped(["a"], concurrency=1, max_retries=0)
    assert [(one.error, one.attempts) for one in results] == [(None, 1)]


@pytest.mark.fault("I12")
def test_a_poisoned_request_uses_up_its_retries_alone(mapped: Map, server: LocalServer) -> None:
    server.reply(status=500, body={"error": {"message": "poison"}}, times=3)
    first, second = mapped(["a", "b"], concurrency=1, max_retries=2, ordered=True)
    assert (first.attempts, first.error.status_code) == (3, 500)
    assert (second.attempts, second.error) == (1, None)


def test_nothing_succeeds_any_more(mapped: Map, server: LocalServer) -> None:
    server.reply(status=503, times=None)
    with pytest.raises(StalledError, match=r"0\.2 seconds"):
        mapped(["a"], stall=0.2)


def test_what_the_iterable_raises_comes_after_what_is_finished(mapped: Map) -> None:
    def broken() -> Iterator[str]:
        yield "a"
        yield "b"
        raise LookupError("the database is gone")

    seen: list[int] = []

    def counted() -> Iterator[str]:
        yield from broken()

    with pytest.raises(LookupError, match="database"):
        seen.extend(one.index for one in mapped(counted()))


class Lake(msgspec.Struct):
    name: str


def test_answers_as_types(mapped: Map, server: LocalServer) -> None:
    (parsed,) = mapped(["a lake"], response_format=Lake)
    assert isinstance(parsed.response.choices[0].message.parsed, Lake)
    (plain,) = mapped(["a lake"], response_type=dict)
    assert plain.response["choices"]
    (raw,) = mapped(["a lake"], response_type=bytes)
    assert raw.response.startswith(b"{")


def test_a_misfit_is_sent_back(mapped: Map, server: LocalServer) -> None:
    server.reply(body=completion('{"name": 5}'))
    server.reply(body=completion('{"name": "Ladoga"}'))
    (one,) = mapped(["a lake"], response_format=Lake, reask=1)
    assert one.response.choices[0].message.parsed == Lake("Ladoga")
    asked, again = server.requests
    assert [message["role"] for message in again.json["messages"]] == ["user", "assistant", "user"]
    assert again.json["messages"][1]["content"] == '{"name": 5}'
    assert "Expected `str`, got `int`" in again.json["messages"][2]["content"]
    assert asked.headers["idempotency-key"] != again.headers["idempotency-key"]


def test_a_misfit_that_stays_one(mapped: Map, server: LocalServer) -> None:
    server.reply(body=completion("no JSON"), times=3)
    (one,) = mapped(["a lake"], response_format=Lake, reask=2)
    assert isinstance(one.error, ParseError)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("requests", "params", "words"),
    [
        ("one prompt", {}, "iterable"),
        ({"messages": []}, {}, "iterable"),
        (5, {}, "iterable"),
        ([], {"concurrency": 0}, "concurrency"),
        ([], {"reask": 1}, "reask"),
        ([], {"stream": True}, "stream"),
        ([], {"stall": -7}, "stall"),
        ([], {"stall": "7"}, "stall"),
        ([], {"max_retries": -1}, "max_retries"),
        ([], {"rpm": 0}, "rpm"),
        ([], {"share": 2}, "share"),
        ([], {"response_format": int | str, "reask": -1}, "reask"),
        ([], {"response_type": object()}, "response_type"),
    ],
)
def test_arguments_that_cannot_be_meant(server: LocalServer, requests: Any, params: Any, words: str) -> None:
    with Together(**options(server)) as client, pytest.raises((TypeError, ValueError), match=words):
        client.chat.completions.map(requests, model="m", **params)


def test_a_closed_client(server: LocalServer) -> None:
    client = Together(**options(server))
    client.close()
    with pytest.raises(APIConnectionError, match="closed"):
        client.chat.completions.map(["a"], model="m")


def test_what_is_never_sent_takes_no_attempt(mapped: Map, server: LocalServer) -> None:
    (one,) = mapped([{"messages": "none"}])
    assert isinstance(one.error, TypeError)
    assert (one.attempts, one.seconds) == (0, 0.0)
    assert server.requests == []


def test_an_async_iterable(server: LocalServer) -> None:
    async def questions() -> AsyncIterator[str]:
        for number in range(20):
            await asyncio.sleep(0)
            yield str(number)

    async def main() -> list[int]:
        async with AsyncTogether(**options(server)) as client:
            return [one.index async for one in client.chat.completions.map(questions(), model="m", ordered=True)]

    assert asyncio.run(main()) == list(range(20))
    with Together(**options(server)) as client, pytest.raises(TypeError, match="AsyncTogether"):
        client.chat.completions.map(questions(), model="m")


def endless(taken: list[int]) -> Iterator[str]:
    number = 0
    while True:
        taken.append(number)
        yield str(number)
        number += 1


def test_leaving_early_cancels_what_is_in_flight(server: LocalServer) -> None:
    taken: list[int] = []
    with Together(**options(server)) as client:
        for one in client.chat.completions.map(endless(taken), model="m", concurrency=4):
            if one.index >= 10:
                break
    assert len(taken) < 40


def test_leaving_early_closes_the_connections(server: LocalServer) -> None:
    async def main() -> None:
        async with AsyncTogether(**options(server)) as client:
            results = client.chat.completions.map(endless([]), model="m", concurrency=4)
            await anext(results)
            await results.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())
    eventually(lambda: server.open_connections == 0)


def test_the_time_of_a_request_begins_when_it_is_sent(mapped: Map, server: LocalServer) -> None:
    server.reply(body=completion("x"), delay=0.4, times=None)
    results = mapped([str(number) for number in range(5)], concurrency=1, timeout=1.5, max_retries=0)
    assert [one.error for one in results] == [None] * 5


def test_hooks_are_told_of_every_request(server: LocalServer) -> None:
    told: list[Any] = []

    class Ours:
        def on_response(self, event: Any) -> None:
            told.append(event)

    with Together(hooks=Ours(), **options(server)) as client:
        assert len(list(client.chat.completions.map(["a", "b", "c"], model="m"))) == 3
    assert len(told) == 3


def test_without_any_model_it_is_an_error_of_the_call(mapped: Map, server: LocalServer) -> None:
    with pytest.raises(TypeError, match=r"map\(\) needs model=\.\.\., or a model in each request"):
        mapped(["a", "b"], model=None)
    assert server.requests == []
    one = {"messages": [{"role": "user", "content": "x"}], "model": "own"}
    results = mapped([one, "b"], model=None, ordered=True)
    assert [result.error is None for result in results] == [True, False]


@pytest.mark.parametrize("begun", ["", "list(client.chat.completions.map(['a'], model='m'))"])
@pytest.mark.parametrize("first", [True, False])
def test_at_the_end_of_the_program_it_works_or_says_why_not(begun: str, first: bool, tmp_path: Path) -> None:
    """Python begins no thread in an atexit handler any more from 3.12 on, with exceptions."""
    code = f"""
import atexit, sys
from togetherpy import Together, batch
from togetherpy.testing import LocalServer
server = LocalServer().__enter__()
client = Together(api_key="k", base_url=server.base_url)
def ask(what):
    try:
        print(what())
    except RuntimeError as error:
        print(f"{{error}}")
def late():
    ask(lambda: [result.error for result in client.chat.completions.map(["b"], model="m")])
    ask(lambda: [batch.run([{{"prompt": "x"}}], {str(tmp_path / "out")!r}, client=client, model="m").failed])
if {first}: atexit.register(late)
{begun}
if not {first}: atexit.register(late)
"""
    done = run(*PYTHON, "-W", "ignore::ResourceWarning", "-c", code)
    assert done.stderr == ""
    said = done.stdout.splitlines()
    assert len(said) == 2
    for line, works in zip(said, ("[None]", "[0]"), strict=True):
        assert line == works or "the program is ending. Call map()" in line
    if sys.version_info < (3, 12):
        assert said == ["[None]", "[0]"]
