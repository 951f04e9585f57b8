"""The public surface, pinned; and that it loads when it is first used."""

import importlib
import pickle
import subprocess
import sys
import types
from pathlib import Path

import pytest
from support.clients import make_raw
from support.processes import PYTHON, run

import togetherpy
from togetherpy.resources._not_yet import _NOT_YET

ROOT = Path(togetherpy.__file__).parent.parent
PUBLIC = [
    "DEFAULT_MAX_RETRIES",
    "DEFAULT_TIMEOUT",
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APIResponse",
    "APIResponseError",
    "APIResponseValidationError",
    "APIStatusError",
    "APIStreamResponse",
    "APITimeoutError",
    "AsyncAPIResponse",
    "AsyncClient",
    "AsyncParsedStream",
    "AsyncStream",
    "AsyncTogether",
    "AuthenticationError",
    "BadRequestError",
    "BaseModel",
    "Client",
    "ConflictError",
    "DownloadError",
    "FileTypeError",
    "Hooks",
    "InstanceError",
    "InternalServerError",
    "InvalidRequestError",
    "JSONError",
    "MaxTurnsError",
    "NoTextError",
    "NoneType",
    "NotFoundError",
    "NotGiven",
    "Omit",
    "ParseError",
    "ParsedStream",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimit",
    "RateLimitError",
    "RateLimits",
    "RequestOptions",
    "RequestTimeoutError",
    "ResponseError",
    "ResponseInfo",
    "ServiceUnavailableError",
    "Stream",
    "StreamInterruptedError",
    "StreamTimeoutError",
    "Timeout",
    "Together",
    "TogetherError",
    "TogetherException",
    "ToolCallError",
    "UnprocessableEntityError",
    "__title__",
    "__version__",
    "accumulate",
    "batch",
    "client",
    "constants",
    "error",
    "hooks",
    "install_as_together",
    "not_given",
    "omit",
    "resources",
    "tool",
    "tools",
    "types",
    "version",
]


def test_public_names() -> None:
    assert list(togetherpy.__all__) == PUBLIC


def test_dir_shows_them() -> None:
    assert dir(togetherpy) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_resolves(name: str) -> None:
    value = getattr(togetherpy, name)
    assert value is not None
    assert getattr(togetherpy, name) is value
    namespace: dict[str, object] = {}
    exec(f"from togetherpy import {name}", namespace)
    assert namespace[name] is value


def test_errors_are_those_of_the_error_module() -> None:
    error = importlib.import_module("togetherpy.error")
    for name in PUBLIC:
        if name.endswith(("Error", "Exception")):
            assert getattr(togetherpy, name) is getattr(error, name), name
    # The modern name is that of the limits; the official package's exception of this name is togetherpy.error.Timeout.
    assert togetherpy.Timeout is not error.Timeout
    assert togetherpy.Timeout(total=5).total == 5


def test_other_names_of_the_clients() -> None:
    assert togetherpy.Client is togetherpy.Together
    assert togetherpy.AsyncClient is togetherpy.AsyncTogether


@pytest.mark.parametrize("name", ["batch", "contrib", "error", "types", "tools", "utils", "resources", "testing"])
def test_modules(name: str) -> None:
    module = getattr(togetherpy, name)
    assert isinstance(module, types.ModuleType)
    assert module.__name__ == f"togetherpy.{name}"


def test_modules_that_connect_to_other_libraries() -> None:
    code = """
import togetherpy
assert togetherpy.contrib.log.__name__ == "togetherpy.contrib.log"
assert togetherpy.contrib.otel.__name__ == "togetherpy.contrib.otel"
assert dir(togetherpy.contrib) == ["log", "otel"]
assert not hasattr(togetherpy.contrib, "nonsense")
"""
    done = run(*PYTHON, "-c", code)  # where nobody has imported them
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(_NOT_YET))
def test_what_is_not_there_yet_is_said(kind: str, name: str) -> None:
    client = make_raw(kind, api_key="k")
    with pytest.raises(
        AttributeError, match=rf"togetherpy has no client\.{name} \(.*\) yet; use the official client .* client\.get"
    ):
        getattr(client, name)
    assert not hasattr(client, name)


def test_an_attribute_that_nobody_knows(kind: str) -> None:
    client = make_raw(kind, api_key="k")
    with pytest.raises(AttributeError, match=f"'{type(client).__name__}' object has no attribute 'nonsense'"):
        _ = client.nonsense
    assert pickle.loads(pickle.dumps(client)).max_retries == client.max_retries


def test_no_line_of_the_table_is_out_of_date(kind: str) -> None:
    assert not [name for name in _NOT_YET if hasattr(type(make_raw(kind, api_key="k")), name)]


@pytest.mark.parametrize("name", ["Togehter", "APIErrors", "_private", "HOME", "class_for_status", ""])
def test_a_name_that_does_not_exist(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'togetherpy' has no attribute '{name}'"):
        getattr(togetherpy, name)
    assert not hasattr(togetherpy, name)


def test_the_version_is_a_version() -> None:
    assert [part.isdigit() for part in togetherpy.__version__.split(".")[:2]] == [True, True]


RACE = """
import sys, threading
sys.setswitchinterval(1e-6)
import togetherpy

names = [name for name in togetherpy.__all__ if name[0].isupper()]
start = threading.Barrier(16)
seen, failed = [], []

def work(shift):
    start.wait()
    try:
        own = names[shift:] + names[:shift]
        seen.append({name: id(getattr(togetherpy, name)) for name in own})
    except BaseException as error:
        failed.append(error)

threads = [threading.Thread(target=work, args=(2 * i,)) for i in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failed, failed
assert len(seen) == 16 and all(one == seen[0] for one in seen)
"""


@pytest.mark.fault("E13")
def test_loading_is_thread_safe() -> None:
    for _ in range(3):
        command = [sys.executable, "-W", "error", "-c", RACE]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
