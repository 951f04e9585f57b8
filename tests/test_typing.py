"""What type checkers accept does run: every row of the tables in typing/ against a server on this machine.

That the checkers agree with the tables, and refuse what stands in the others, is checked by mypy and pyright.
"""

import asyncio
import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import togetherpy
from togetherpy.testing import LocalServer
from togetherpy.types.common import FunctionCall, ToolCalls

HERE = Path(__file__).parent / "typing"


def load(name: str) -> ModuleType:
    """A table as a module; its directory is none of Python's, so that no name in it hides the library's `typing`."""
    spec = importlib.util.spec_from_file_location(f"typing_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HELPERS = ("written", "show_upload", "show_download")
"""Functions of the tables that are no rows."""


def rows(module: ModuleType) -> list[str]:
    functions = inspect.getmembers(module, inspect.isfunction)
    own = [name for name, function in functions if function.__module__ == module.__name__]
    return [name for name in own if name not in HELPERS]


ACCEPTED = [
    (module, row)
    for module in map(load, ("accepted", "asked_of_models", "facts", "kept", "typed_surface"))
    for row in rows(module)
]


def argument(name: str, server: LocalServer) -> Any:
    """What a table's function wants under this name."""
    makers: dict[str, Callable[[], Any]] = {
        "flag": lambda: True,
        "number": lambda: 0.5,
        "error": lambda: togetherpy.RateLimitError("slow down"),
        "call": lambda: ToolCalls(function=FunctionCall(name="f", arguments='{"name": "Kivu"}')),
    }
    return makers[name]() if name in makers else togetherpy.Together(base_url=server.base_url, api_key="test")


@pytest.mark.parametrize(("module", "row"), ACCEPTED, ids=[row for _, row in ACCEPTED])
def test_what_is_accepted_runs(module: ModuleType, row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOGETHER_BASE_URL", raising=False)
    function = getattr(module, row)
    names = list(inspect.signature(function).parameters)
    with LocalServer() as server:
        if inspect.iscoroutinefunction(function):
            asyncio.run(asynchronously(function, server))
        else:
            arguments = {name: argument(name, server) for name in names}
            function(**arguments)
            if "client" in arguments:
                arguments["client"].close()


async def asynchronously(function: Callable[..., Any], server: LocalServer) -> None:
    async with togetherpy.AsyncTogether(base_url=server.base_url, api_key="test") as client:
        await function(client, True)


def test_what_is_rejected_has_no_other_mistake() -> None:
    assert rows(load("rejected")) == ["areas", "asynchronous", "calls", "values"]
    assert rows(load("typed_surface_rejected")) == ["calls", "values"]
    assert rows(load("facts_rejected")) == ["calls", "values"]
    assert rows(load("kept_rejected")) == ["calls", "values"]
