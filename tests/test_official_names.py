"""The official packages' names: what is offered under them, and togetherpy in the place of `together`."""

import importlib
from typing import Any

import pytest
from support.official_names import ENDPOINT, V1, V3
from support.processes import PYTHON, run

import togetherpy

ROWS = [
    (version, module, name, verdict)
    for version, table in (("1", V1), ("3", V3))
    for module, names in table.items()
    for name, verdict in names.items()
]
MISSING = object()


def found(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module.replace("together", "togetherpy", 1)), name, MISSING)
    except ModuleNotFoundError:
        return MISSING


@pytest.mark.parametrize(("version", "module", "name", "verdict"), ROWS)
def test_the_table_says_what_is_there(version: str, module: str, name: str, verdict: str) -> None:
    value = found(module, name)
    if verdict in ("same", "alias"):
        assert value is not MISSING
        return
    assert verdict.startswith("not offered, because ")
    assert value is MISSING or verdict is ENDPOINT  # made meanwhile


def test_a_sentinel_is_false_and_shows_itself() -> None:
    for sentinel in (togetherpy.NOT_GIVEN, togetherpy.not_given, togetherpy.omit):
        assert not sentinel
    assert (repr(togetherpy.NOT_GIVEN), repr(togetherpy.omit)) == ("NOT_GIVEN", "omit")
    assert isinstance(togetherpy.NOT_GIVEN, togetherpy.NotGiven)
    assert isinstance(togetherpy.omit, togetherpy.Omit)


def test_modules_are_attributes_of_their_packages() -> None:
    code = """
import togetherpy
assert togetherpy.resources.chat.completions.ChatCompletions.create
assert togetherpy.types.chat_completions.ChatCompletionResponse is togetherpy.types.chat.ChatCompletion
assert togetherpy.constants.TIMEOUT_SECS == 600
for package in (togetherpy, togetherpy.types, togetherpy.types.chat, togetherpy.resources, togetherpy.resources.chat):
    assert not hasattr(package, "nonsense")
"""
    done = run(*PYTHON, "-c", code)
    assert (done.returncode, done.stderr) == (0, "")


IN_ITS_PLACE = """
import importlib.metadata, sys
import togetherpy

before = dict(vars(togetherpy)), togetherpy.__spec__
togetherpy.install_as_together()
togetherpy.install_as_together()
import together
assert together is togetherpy and together.__version__ == togetherpy.__version__
assert together.__spec__ is before[1] and together.__name__ == "togetherpy"
from together import Together, AsyncTogether
from together.types.chat_completions import ChatCompletionResponse
from together.resources.chat.completions import ChatCompletions
import together.error, together.types.chat
import togetherpy.types.chat_completions as own
assert Together is togetherpy.Together
assert sys.modules["together.types.chat_completions"] is own
assert own.__spec__.name == own.__name__ == "togetherpy.types.chat_completions"
assert own.ChatCompletionResponse is ChatCompletionResponse is together.types.chat.ChatCompletion
assert together.error.RateLimitError is togetherpy.RateLimitError
try:
    importlib.metadata.version("together")
except importlib.metadata.PackageNotFoundError:
    pass
for name in ("together.legacy.complete", "together.nonsense", "together.types.nonsense"):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        assert "together." in str(error)
    else:
        raise AssertionError(name)
import json, email.policy  # others are found as before
"""

TOO_LATE = """
import sys, types
sys.modules["together"] = types.ModuleType("together")
import togetherpy
try:
    togetherpy.install_as_together()
except RuntimeError as error:
    assert "imported already" in str(error) and "before" in str(error)
else:
    raise AssertionError
import together
assert together is not togetherpy
"""


@pytest.mark.parametrize("program", [IN_ITS_PLACE, TOO_LATE])
def test_in_the_place_of_the_official_package(program: str) -> None:
    done = run(*PYTHON, "-c", program)
    assert (done.returncode, done.stderr) == (0, "")
