"""The recipes for functions, as they stand on the client's page, each run in the surroundings that it is for."""

import contextlib
import http.client
import io
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from support.answers import DONE, HELLO, OK, SSE, answer, chunk, chunked, error_body, event
from support.clients import KEY
from support.lambda_api import RuntimeApi
from support.pages import ROOT, programs, read
from support.processes import run, started
from support.scripted import (
    ScriptedServer,
    Step,
    close,
    refusing_port,
    repeat,
    request,
    send,
    until_gone,
    wait,
)

PAGE = Path("togetherpy/README.md")
PROGRAMS = {program.heading: program.code for program in programs() if program.page == PAGE}
FIRST = SSE + chunked(event(chunk("Hello")), end=False)
REST = chunked(event(chunk(" world")) + event(chunk("", "stop")) + DONE)
QUESTION = {"question": "How deep is Lake Kivu?"}
stops = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP")


# The package


def zipped(files: dict[str, bytes]) -> int:
    """Bytes of an archive as `zip` makes it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return len(made.getvalue())


def installed(name: str) -> dict[str, bytes]:
    """What pip puts into a folder for a distribution, without bytecode and scripts."""
    return {
        str(file): file.read_binary()
        for file in metadata.files(name) or ()
        if file.suffix != ".pyc" and ".." not in file.parts
    }


def test_the_package_of_a_function_is_below_a_megabyte() -> None:
    ours = {
        str(path.relative_to(ROOT)): path.read_bytes()
        for path in (ROOT / "togetherpy").rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".md")
    }
    assert "togetherpy/py.typed" in ours
    size = zipped({**ours, **installed("urllib3"), **installed("msgspec")})
    assert 300_000 < size < 1_000_000, size


@pytest.mark.slow
def test_the_package_by_the_page_s_own_commands(tmp_path: Path) -> None:
    """With what pip brings of an index."""
    pip = run(sys.executable, "-m", "pip", "install", "-q", "--target", str(tmp_path), str(ROOT), seconds=300)
    assert pip.returncode == 0, pip.stderr
    files = {
        str(path.relative_to(tmp_path)): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and "bin" not in path.relative_to(tmp_path).parts[:1]
    }
    assert not [name for name in files if name.startswith("togetherpy/") and name.endswith(".md")]
    size = zipped(files)
    print(f"the package of a function: {size / 1e6:.2f} MB")
    assert 300_000 < size < 1_000_000, size


# AWS Lambda


@contextlib.contextmanager
def function(folder: Path, code: str, server: ScriptedServer, *command: str, **variables: str) -> Iterator[Any]:
    """A function's process, and the API that it talks to."""
    (folder / "lambda_function.py").write_text(code, encoding="utf-8")
    where = {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": server.base_url, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    with (
        RuntimeApi() as api,
        started(sys.executable, *command, AWS_LAMBDA_RUNTIME_API=api.address, **where, **variables) as process,
    ):
        yield api, process


def freeze(process: subprocess.Popen[bytes], server: ScriptedServer, frozen: threading.Event, connection: int) -> None:
    """Stops the process until the server has closed a connection."""
    process.send_signal(signal.SIGSTOP)
    assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
    frozen.set()
    server.wait_gone(connection)
    process.send_signal(signal.SIGCONT)


@stops
@pytest.mark.slow
def test_a_lambda_function(tmp_path: Path) -> None:
    pytest.importorskip("awslambdaric")
    frozen = threading.Event()
    closes: list[Step] = [request, send(OK), wait(frozen), close]
    with (
        ScriptedServer(closes, [repeat(request, send(OK))]) as server,
        function(tmp_path, PROGRAMS["AWS Lambda"], server, "-m", "awslambdaric", "lambda_function.handler") as (
            api,
            process,
        ),
    ):
        assert api.asked.get(timeout=30) == "invocation/next"
        server.wait_connections(1)
        assert not server.requests
        api.invoke(QUESTION)
        where, _, body = api.answer()
        assert (where, json.loads(body)["tokens"]) == ("invocation/request-1/response", 3)
        assert server.connections == 1
        assert api.asked.get(timeout=30) == "invocation/next"
        freeze(process, server, frozen, 0)
        api.invoke(QUESTION)
        assert api.answer()[0] == "invocation/request-2/response"
        assert (server.connections, len(server.requests)) == (2, 2)
        api.invoke({"no": "question"})
        where, _, body = api.answer()
        assert (where, json.loads(body)["errorType"]) == ("invocation/request-3/error", "KeyError")


@stops
@pytest.mark.slow
def test_a_lambda_function_with_snapstart(tmp_path: Path) -> None:
    """A snapshot is taken after the start; what stands in it as an open connection is none any more."""
    pytest.importorskip("awslambdaric")
    line = re.search(r"`(snapshot_restore_py\.register_after_restore\(.*?\))`", read(PAGE))
    assert line is not None
    code = f"{PROGRAMS['AWS Lambda']}\nimport snapshot_restore_py\n{line[1]}\n"
    frozen = threading.Event()
    with (
        ScriptedServer([wait(frozen), close], [request, send(OK), until_gone]) as server,
        function(
            tmp_path,
            code,
            server,
            "-m",
            "awslambdaric",
            "lambda_function.handler",
            AWS_LAMBDA_INITIALIZATION_TYPE="snap-start",
        ) as (api, process),
    ):
        assert api.asked.get(timeout=30) == "restore/next"
        server.wait_connections(1)
        freeze(process, server, frozen, 0)
        api.restore()
        assert api.asked.get(timeout=30) == "invocation/next"
        server.wait_connections(2)
        api.invoke(QUESTION)
        assert api.answer()[0] == "invocation/request-1/response"
        assert (server.connections, len(server.requests)) == (2, 1)


@pytest.mark.slow
def test_a_lambda_function_that_cannot_start(tmp_path: Path) -> None:
    pytest.importorskip("awslambdaric")
    with ScriptedServer([until_gone]) as server, refusing_port() as port:
        base_url = f"http://127.0.0.1:{port}"
        command = ("-m", "awslambdaric", "lambda_function.handler")
        (tmp_path / "lambda_function.py").write_text(PROGRAMS["AWS Lambda"], encoding="utf-8")
        with RuntimeApi() as api:
            where = {
                "TOGETHER_API_KEY": KEY,
                "TOGETHER_BASE_URL": base_url,
                "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
            }
            done = run(sys.executable, *command, AWS_LAMBDA_RUNTIME_API=api.address, **where)
            assert done.returncode == 1
            where_to, _, body = api.answer()
        assert (where_to, json.loads(body)["errorType"]) == ("init/error", "APIConnectionError")
        assert KEY not in done.stdout + done.stderr + body.decode()
        assert not server.connections


def test_a_lambda_function_that_streams(tmp_path: Path) -> None:
    """Each piece is posted while the model goes on."""
    seen = threading.Event()
    streamed: list[Step] = [
        request,
        send(FIRST),
        wait(seen),
        send(REST),
        request,
        send(answer(error_body(), 404)),
        until_gone,
    ]
    with (
        ScriptedServer(streamed) as server,
        function(
            tmp_path, PROGRAMS["AWS Lambda, streamed"], server, "-W", "error", str(tmp_path / "lambda_function.py")
        ) as (api, _),
    ):
        assert api.asked.get(timeout=30) == "invocation/next"
        server.wait_connections(1)
        assert not server.requests
        api.invoke(QUESTION)
        where, fields, piece = api.said.get(timeout=30)
        assert (where, piece) == ("invocation/request-1/response", b"Hello")
        assert fields["lambda-runtime-function-response-mode"] == "streaming"
        with pytest.raises(queue.Empty):
            api.said.get_nowait()
        seen.set()
        assert api.answer()[2] == b" world"
        api.invoke(QUESTION)
        where, _, body = api.answer()
        assert (where, json.loads(body)["errorType"]) == ("invocation/request-2/error", "NotFoundError")
        assert server.connections == 1


# Servers


@contextlib.contextmanager
def serving(folder: Path, code: str, server: ScriptedServer) -> Iterator[int]:
    """The app under uvicorn, on this port."""
    (folder / "main.py").write_text(code, encoding="utf-8")
    where = {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": server.base_url, "PYTHONPATH": str(ROOT)}
    command = ("-m", "uvicorn", "main:app", "--app-dir", str(folder), "--port", "0", "--no-use-colors")
    with started(sys.executable, *command, **where) as process:
        assert process.stderr is not None
        said = b""
        while (port := re.search(rb"running on http://127\.0\.0\.1:(\d+)", said)) is None:
            line = process.stderr.readline()
            assert line, said
            said += line
        yield int(port[1])


@contextlib.contextmanager
def asked(port: int) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", "/ask?question=How%20deep%3F")
        yield connection.getresponse()


APPS = ["An ASGI app", "A FastAPI server"]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", APPS)
def test_an_app_passes_on_what_comes_as_it_comes(recipe: str, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    pytest.importorskip("fastapi" if "FastAPI" in recipe else "uvicorn")
    seen = threading.Event()
    with (
        ScriptedServer([request, send(FIRST), wait(seen), send(REST), until_gone]) as server,
        serving(tmp_path, PROGRAMS[recipe], server) as port,
    ):
        if recipe == "An ASGI app":
            server.wait_connections(1)
            assert not server.requests
        with asked(port) as response:
            assert (response.status, response.headers["content-type"]) == (200, "text/plain; charset=utf-8")
            assert response.read1() == b"Hello"
            seen.set()
            assert response.read() == b" world"
        assert json.loads(server.requests[0].body)["messages"][0]["content"] == "How deep?"


@pytest.mark.slow
@pytest.mark.parametrize("recipe", APPS)
def test_a_reader_that_goes_away_ends_the_call(recipe: str, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    pytest.importorskip("fastapi" if "FastAPI" in recipe else "uvicorn")
    good = [request, send(SSE + chunked(HELLO)), until_gone]
    with (
        ScriptedServer([request, send(FIRST), until_gone], good) as server,
        serving(tmp_path, PROGRAMS[recipe], server) as port,
    ):
        with asked(port) as response:
            assert response.read1() == b"Hello"
        server.wait_hung_up(0)
        with asked(port) as response:
            assert response.read() == b"Hello world"
        assert server.connections == 2
