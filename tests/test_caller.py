"""Warnings at the line of the program that caused them."""

import asyncio
import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.clients import CALL, KEY, failure
from support.typed import StructLake

from togetherpy import AsyncTogether, Together, batch
from togetherpy.testing import LocalServer


def lake(name: str) -> str:
    """A lake."""
    return name


BOTH: list[tuple[str, Callable[[Any], Any], dict[str, Any]]] = [
    ("create", lambda completions: completions.create, {}),
    ("create", lambda completions: completions.create, {"stream": True}),
    ("create", lambda completions: completions.with_raw_response.create, {}),
    ("parse", lambda completions: completions.parse, {"response_format": StructLake}),
    ("run_tools", lambda completions: completions.run_tools, {"tools": [lake]}),
]
ODD = {"max_retry": 1, "repetition_penalty": 1.1, "presence_penalty": 0.5}


def here() -> int:
    """The line after the one that calls this."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno + 1


def check(caught: list[warnings.WarningMessage], server: LocalServer, method: str, line: int) -> None:
    """The two warnings, at this line, each once; the misspelt name was sent nevertheless."""
    assert [(one.filename, one.lineno) for one in caught] == [(__file__, line)] * len(caught)
    first, *others = (str(one.message) for one in caught)
    assert first == f"{method}() sends max_retry=... in the request's body as it is; did you mean max_retries?"
    assert others
    assert {text.split()[0] for text in others} == {"repetition_penalty"}
    assert all(request.json["max_retry"] == 1 for request in server.requests)


@pytest.mark.parametrize(("method", "find", "options"), BOTH)
def test_at_the_callers_line(method: str, find: Callable[[Any], Any], options: dict[str, Any]) -> None:
    with LocalServer() as server, server.client() as client, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = here()
        answer = find(client.chat.completions)(**CALL, **ODD, **options)
        if options.get("stream"):
            answer.close()
        check(caught, server, method, line)


@pytest.mark.parametrize(("method", "find", "options"), BOTH)
def test_at_the_awaiting_line(method: str, find: Callable[[Any], Any], options: dict[str, Any]) -> None:
    async def main() -> None:
        async with server.async_client() as client:
            lines.append(here())
            answer = await find(client.chat.completions)(**CALL, **ODD, **options)
            if options.get("stream"):
                await answer.close()

    lines: list[int] = []
    with LocalServer() as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(main())
        check(caught, server, method, *lines)


def test_of_a_task_it_is_the_line_that_runs_the_loop() -> None:
    async def main() -> None:
        async with server.async_client() as client:
            await asyncio.gather(client.chat.completions.create(**CALL, max_retry=1))

    with LocalServer() as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = here()
        asyncio.run(main())
        assert [(one.filename, one.lineno) for one in caught] == [(__file__, line)]


@pytest.mark.parametrize("make", [Together, AsyncTogether])
def test_of_a_constructor(make: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = here()
        make(api_key=KEY, base_url="http://api.example/v1")
        assert [(one.filename, one.lineno) for one in caught] == [(__file__, line)]


def test_as_an_error_nothing_is_sent() -> None:
    with LocalServer() as server, server.client() as client:
        failure(UserWarning, lambda: client.chat.completions.create(**CALL, max_retry=1))  # warnings are errors here
        assert not server.requests


def test_many_requests_warn_where_they_were_asked_for(tmp_path: Path) -> None:
    with LocalServer() as server, Together(api_key=KEY, base_url=server.base_url) as client:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            line = here()
            results = list(client.chat.completions.map(["a", "b"], model="m", **ODD))
        assert [result.error for result in results] == [None, None]
        assert {(one.filename, one.lineno) for one in caught} == {(__file__, line)}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            line = here()
            batch.run([{"prompt": "a"}], tmp_path / "out", client=client, model="m", **ODD)  # type: ignore[misc]
        assert {(one.filename, one.lineno) for one in caught} == {(__file__, line)}
