"""Which layer may import which, read from the sources; and what an import costs, read from sys.modules."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import togetherpy

ROOT = Path(togetherpy.__file__).parent
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))
NETWORK = {"urllib3", "socket", "ssl", "http", "selectors", "select"}


def imports(path: str, *, for_types: bool = False) -> set[str]:
    """The absolute names that a module imports, inside of functions too; `for_types`: under TYPE_CHECKING as well."""
    return set(_imports(ast.parse((ROOT / path).read_text("utf-8")), for_types=for_types))


def _imports(node: ast.AST, *, for_types: bool) -> Iterator[str]:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not for_types:
        for child in node.orelse:
            yield from _imports(child, for_types=for_types)
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative imports hide where they lead"
        assert node.module is not None
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, for_types=for_types)


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def below(folder: str) -> list[str]:
    found = [module for module in MODULES if module.startswith(folder)]
    assert found
    return found


def test_the_reader_of_imports_sees_them() -> None:
    assert "msgspec" in imports("_core/encode.py")
    assert "togetherpy._core.config.merge_headers" in imports("_core/encode.py")
    assert "email.utils.parsedate_to_datetime" in imports("types/_seconds.py")  # inside of a function
    assert "ssl" not in imports("client.py")
    assert "ssl" in imports("client.py", for_types=True)


PURE = [
    *(
        f"_core/{name}.py"
        for name in [
            "config",
            "decode",
            "elsewhere",
            "encode",
            "errors",
            "expected",
            "lenient",
            "retry",
            "sse",
            "wire",
        ]
    ),
    *(f"_chat/{name}.py" for name in ["accumulate", "chunks", "facts", "parse", "response_type"]),
    *(f"_typed/{name}.py" for name in ["by_pydantic", "decoding", "docstrings", "schema"]),
    *(f"batch/{name}.py" for name in ["allowance", "bucket", "limit", "pace", "window"]),
    *(f"_transport/{name}.py" for name in ["answer", "http1", "inflate"]),
]
"""Values in, values out: no sockets, no clock, no chance, nothing of the machine."""


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_reads_no_clock_and_no_socket(module: str) -> None:
    rooms = ["_core", "types", "error", "_version", "_typed", module.split("/")[0]]
    for name in imports(module, for_types=True):
        if within(name, "togetherpy"):
            assert within(name, *(f"togetherpy.{room}" for room in rooms)), name
        else:
            top = name.split(".")[0]
            assert top == "msgspec" or top in sys.stdlib_module_names, name
            assert top not in NETWORK | {"time", "random", "secrets", "os", "asyncio", "queue", "subprocess"}, name


@pytest.mark.parametrize("module", [*below("types/"), *below("_typed/"), "error.py"])
def test_types_and_errors_know_nothing_else(module: str) -> None:
    rooms = ("togetherpy.types", "togetherpy.error", "togetherpy._typed")
    for name in imports(module, for_types=True):
        assert not within(name, "togetherpy") or within(name, *rooms), name
        assert name.split(".")[0] not in NETWORK | {"os", "asyncio", "threading"}, name
    if module == "error.py":
        assert not any(within(name, "togetherpy", "msgspec") for name in imports(module))


@pytest.mark.parametrize("module", below("resources/"))
def test_resources_know_no_transport(module: str) -> None:
    for name in imports(module, for_types=True):
        assert not within(name, "togetherpy._transport", "togetherpy.client"), name
        assert name.split(".")[0] not in NETWORK, name


@pytest.mark.parametrize("module", [module for module in MODULES if not module.startswith(("_transport/", "testing/"))])
def test_only_the_transport_touches_the_network(module: str) -> None:
    assert not {name for name in imports(module) if name.split(".")[0] in NETWORK}


@pytest.mark.parametrize("module", below("_transport/"))
def test_the_transport_is_below_the_client(module: str) -> None:
    for name in imports(module, for_types=True):
        assert not within(name, "togetherpy") or within(name, "togetherpy._core", "togetherpy._transport"), name


@pytest.mark.parametrize(
    "module", [module for module in MODULES if not module.startswith(("testing/", "cli/", "__main__"))]
)
def test_what_is_not_needed_is_not_imported(module: str) -> None:
    """The server for tests and the command line are for those who ask for them."""
    for name in imports(module, for_types=True):
        assert not within(name, "togetherpy.testing", "togetherpy.cli"), name


@pytest.mark.parametrize("module", [*below("_core/"), *below("_chat/"), *below("_transport/")])
def test_each_module_has_tests_of_its_name(module: str) -> None:
    name = Path(module).stem
    assert name == "__init__" or (Path(__file__).parent / f"test_{name}.py").exists()


WORDS = re.compile(r"chat|choices|completion", re.IGNORECASE)


@pytest.mark.parametrize("module", [*below("_core/"), *below("_transport/")])
def test_the_general_part_knows_no_area_of_the_api(module: str) -> None:
    text = (ROOT / module).read_text("utf-8")
    assert not [line for line in text.splitlines() if WORDS.search(line)]
    # `types` by way of a package that imports it would be no better.
    types = {name for name in imports(module, for_types=True) if within(name, "togetherpy.types")}
    assert all(name.split(".")[2].startswith("_") or name.split(".")[2] == "common" for name in types), types


WAITS = {"connect", "send", "receive"}


def yielded(module: str) -> set[str]:
    """The texts that a module yields."""
    values = [
        node.value for node in ast.walk(ast.parse((ROOT / module).read_text("utf-8"))) if isinstance(node, ast.Yield)
    ]
    return {value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)}


def test_the_order_of_an_attempt_is_written_once() -> None:
    """What is to be waited for, and when, is said in one module, by names that no other one yields."""
    assert {module: said for module in MODULES if (said := yielded(module) & WAITS)} == {"_transport/attempt.py": WAITS}


@pytest.mark.parametrize("module", ["_transport/blocking.py", "_transport/event_loop.py"])
def test_a_shell_only_waits(module: str) -> None:
    """It sends no request, makes no outcome of an answer, and does not ask what a failure to connect means."""
    calls = [
        node.func for node in ast.walk(ast.parse((ROOT / module).read_text("utf-8"))) if isinstance(node, ast.Call)
    ]
    called = {getattr(func, "id", getattr(func, "attr", "")) for func in calls}
    assert not called & {"Reply", "Opened", "is_left_open", "request_bytes", "send_now", "explain_connecting", "admit"}
    assert "attempt" in called


HEAVY = ["urllib3", "ssl", "asyncio", "argparse", "email", "logging", "http", "inspect", "json"]


def loaded_by(code: str) -> list[str]:
    """Which of the heavy modules a fresh interpreter has loaded after this code."""
    program = f"import sys\n_at_first = set(sys.modules)\n{code}\nprint(*(set({HEAVY}) & set(sys.modules) - _at_first))"
    command = [sys.executable, "-W", "error", "-c", program]
    # A measurement of coverage in that process would load modules of its own.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, cwd=ROOT.parent, env=plain, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_the_package_loads_next_to_nothing() -> None:
    assert loaded_by("import togetherpy") == []


def test_naming_a_client_loads_no_network() -> None:
    unwanted = {"urllib3", "ssl", "asyncio", "argparse", "email", "logging", "http"}
    assert not unwanted & set(loaded_by("from togetherpy import Together, AsyncTogether, Timeout, APIError"))
    assert not unwanted & set(loaded_by("import togetherpy.types.chat_completions, togetherpy.error"))


@pytest.mark.parametrize("name", ["Together", "AsyncTogether"])
def test_constructing_a_client_loads_no_network(name: str) -> None:
    code = f"import togetherpy\nclient = togetherpy.{name}(api_key='k', base_url='http://localhost/v1')\n"
    code += "client.chat.completions\nclient.with_options(timeout=1)\nrepr(client)\n"
    assert not {"urllib3", "ssl", "asyncio", "http", "logging"} & set(loaded_by(code))


def test_what_calls_send_is_declared_when_somebody_asks() -> None:
    code = """
import sys
import togetherpy.types
from togetherpy import Together
from togetherpy.testing import LocalServer
with LocalServer() as server, Together(api_key="k", base_url=server.base_url) as client:
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
assert "togetherpy.types.chat_params" not in sys.modules
assert togetherpy.types.ChatCompletionParams.__annotations__
assert "togetherpy.types.chat_params" in sys.modules
"""
    loaded_by(code)


def test_the_usual_answer_loads_no_lenient_decoder() -> None:
    code = """
import sys
import msgspec
from togetherpy._core.decode import decode_json
from togetherpy.types.chat_completions import ChatCompletionResponse
decoder = msgspec.json.Decoder(ChatCompletionResponse)
decode_json(decoder, b'{"id": "x", "choices": [], "new": 1}')
assert "togetherpy._core.lenient" not in sys.modules
decode_json(decoder, b'{"id": 5}')
assert "togetherpy._core.lenient" in sys.modules
"""
    loaded_by(code)


def test_importing_starts_nothing() -> None:
    code = """
import json, sys, threading, warnings
before = (threading.active_count(), list(warnings.filters))
import togetherpy
from togetherpy import Together, AsyncTogether
Together(api_key="k", base_url="http://localhost/v1"), AsyncTogether(api_key="k", base_url="http://localhost/v1")
assert (threading.active_count(), list(warnings.filters)) == before
"""
    loaded_by(code)


def test_every_module_says_what_it_is() -> None:
    for module in MODULES:
        tree = ast.parse((ROOT / module).read_text("utf-8"))
        assert ast.get_docstring(tree) or not tree.body or module == "_version.py", module
