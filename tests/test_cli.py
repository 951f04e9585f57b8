"""The `togetherpy` command, as a process of its own, against real servers and real ports."""

import importlib
import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.processes import COMMAND, LIMIT, PYTHON, environment, run, started
from support.terminal import terminal
from support.testing_helpers import eventually

import togetherpy
from togetherpy.cli import main
from togetherpy.testing import LocalServer

KEY = "sk-k3yK3yk3yK3y"
TITLES = (
    "A stream, shown as it arrives",
    "A plain call",
    "An answer as a value of your own type",
    "A function that the model calls",
)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


def where(server: LocalServer) -> dict[str, str]:
    return {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": server.base_url}


def demo(server: LocalServer | None, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run(*COMMAND, "demo", *options, **{**({} if server is None else where(server)), **variables})


def fails(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit status 1, one readable line that holds `words`, and the key nowhere."""
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("togetherpy: error: ")
    for word in words:
        assert word in line
    assert "Traceback" not in result.stdout + result.stderr
    assert KEY not in result.stdout + result.stderr


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields}]}


def until(process: subprocess.Popen[bytes], end: bytes) -> bytes:
    """What the program writes up to and with `end`."""
    assert process.stdout is not None
    seen = b""
    while not seen.endswith(end):
        byte = process.stdout.read(1)
        assert byte, f"it ended after {seen!r}"
        seen += byte
    return seen


# Usage


def test_version() -> None:
    result = run(*COMMAND, "--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"togetherpy {togetherpy.__version__}\n", "")


def test_version_does_not_load_the_client() -> None:
    code = "import sys; from togetherpy.cli import main; main(['--version']); print('togetherpy.client' in sys.modules)"
    assert run(*PYTHON, "-c", code).stdout.endswith("\nFalse\n")


def test_the_console_script_is_main() -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="togetherpy")
    assert script.load() is main


@pytest.mark.parametrize("arguments", [("--help",), ("demo", "--help")])
def test_help(arguments: tuple[str, ...]) -> None:
    result = run(*COMMAND, *arguments)
    assert result.returncode == 0
    assert result.stdout.startswith("usage: togetherpy")
    assert "demo" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "required: COMMAND"),
        (("dmeo",), "invalid choice"),
        (("--vers",), "COMMAND"),
        (("demo", "--modle", "m"), "unrecognized arguments"),
        (("demo", "--model"), "expected one argument"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], complaint: str) -> None:
    result = run(*COMMAND, *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("usage: ")
    assert complaint in result.stderr.splitlines()[-1]


# The demonstration


def test_demo_without_a_key_brings_its_own_server() -> None:
    result = demo(None)
    assert (result.returncode, result.stderr) == (0, "")
    assert "TOGETHER_API_KEY is not set" in result.stdout
    assert "http://127.0.0.1:" in result.stdout
    streamed, plain, typed, tool = result.stdout.split("\n--- ")[1:]
    assert [part.splitlines()[0] for part in (streamed, plain, typed, tool)] == list(TITLES)
    assert "blue light comes to your eyes from the whole sky" in streamed
    for word in ("first token after ", " tokens (", " per second), request "):
        assert word in streamed.splitlines()[-1]
    assert "\nHello! Bonjour ! ¡Hola! Hallo! " in plain
    assert "\nCity(name='Paris', country='France', population=2100000)\n" in typed
    assert "\nIn Paris it is 21 degrees and sunny now.\n" in tool
    assert 'it called get_weather({"city":"Paris"})' in tool
    assert all(" tokens, request " in part for part in (plain, typed))


def test_the_lines_that_demo_shows_are_a_program_that_does_the_same(server: LocalServer, tmp_path: Path) -> None:
    shown = demo(server, "--prompt", 'Is it "blue"?\n').stdout.splitlines()
    asked = [request.json for request in server.requests]
    server.requests.clear()
    # Each part is a block of its own for a REPL; in a file a compound statement ends where its indentation does.
    program = tmp_path / "shown.py"
    program.write_text("\n".join(line[4:] for line in shown if line.startswith((">>> ", "... "))), encoding="utf-8")
    assert run(sys.executable, str(program), **where(server)).returncode == 0
    assert [request.json for request in server.requests] == asked
    assert len(asked) == 5


def test_demo_breaks_lines_at_the_ends_of_words_on_a_terminal() -> None:
    with terminal(*COMMAND, "demo", columns=50) as process:
        shown = process.rest()
    text = [line for line in shown.splitlines() if not line.startswith((">>> ", "... "))]
    assert max(map(len, text)) <= 50
    assert "\nSunlight holds all colours, and the air scatters\nthe blue ones far more than the red ones." in shown


def test_a_stand_in_says_that_it_knows_no_answer() -> None:
    assert "know no answer to that. Set TOGETHER_API_KEY" in demo(None, "--prompt", "Who are you?").stdout


def test_demo_without_a_key_ignores_an_empty_one_and_proxies() -> None:
    result = demo(None, TOGETHER_API_KEY=" ", HTTP_PROXY="http://127.0.0.1:9", TOGETHER_BASE_URL="http://127.0.0.1:9")
    assert (result.returncode, result.stderr) == (0, "")
    assert "TOGETHER_API_KEY is not set" in result.stdout


def test_demo_with_a_key_asks_the_server_of_the_environment(server: LocalServer) -> None:
    result = demo(server, "--model", "some/model", "--prompt", "Où est Zoé ?")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"talking to {server.base_url}" in result.stdout
    assert "some/model" in result.stdout
    assert '>>> prompt = "Où est Zoé ?"' in result.stdout
    assert len(server.requests) == 5
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
    assert {request.json["model"] for request in server.requests} == {"some/model"}
    assert server.requests[0].json["messages"] == [{"role": "user", "content": "Où est Zoé ?"}]
    assert server.requests[0].json["stream"] is True
    assert server.requests[2].json["response_format"]["type"] == "json_schema"
    assert server.requests[3].json["tools"][0]["function"]["name"] == "get_weather"
    assert KEY not in result.stdout


def test_the_option_wins_over_the_environment(server: LocalServer) -> None:
    result = demo(
        None,
        "--base-url",
        server.base_url,
        TOGETHER_API_KEY=KEY,
        TOGETHER_BASE_URL="http://127.0.0.1:9",
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert len(server.requests) == 5


def test_demo_shows_a_model_that_reasons_and_one_that_answers_oddly(server: LocalServer) -> None:
    server.reply(
        events=[
            {"choices": []},
            delta(role="assistant", content=""),
            delta(reasoning="First "),
            delta(reasoning_content="this."),
            delta(content="Then "),
            delta(content="that."),
            {"choices": [{"index": 0, "finish_reason": "stop"}]},
        ]
    )
    server.reply(body={"choices": []})
    server.reply(body={"choices": [{"message": {"content": "no JSON"}}]})
    server.reply(body={"choices": [{"message": {"content": "It rains."}}]})
    result = demo(server)
    assert (result.returncode, result.stderr) == (0, "")
    assert "(reasoning)\nFirst this.\n(answer)\nThen that.\n  first token after" in result.stdout
    assert " per second" not in result.stdout  # no usage came, so there is no number of tokens
    assert "\n(no text)\n" in result.stdout
    assert "(this model's answer does not fit) no JSON\n" in result.stdout
    assert "\nIt rains.\n" in result.stdout
    assert "this model called no tool\n" in result.stdout


def test_demo_of_a_stream_without_text(server: LocalServer) -> None:
    server.reply(events=[{"choices": [{"index": 0, "finish_reason": "stop"}]}])
    result = demo(server)
    assert result.returncode == 0
    assert "  no token came, request " in result.stdout


# What a terminal, a pipe or a file can take


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_no_text_stops_an_output_of_a_poor_encoding(server: LocalServer, encoding: str) -> None:
    server.reply(
        events=[delta(content="caf\u00e9 \u4e2d \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"))]
    )
    command = [*COMMAND, "demo"]
    variables = {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": server.base_url, "PYTHONIOENCODING": encoding}
    with started(*command, **variables) as process:
        out, _ = process.communicate(timeout=LIMIT)
    assert (b"caf" + (rb"\xe9" if encoding == "ascii" else b"\xe9") + rb" \u4e2d \U0001f600") in out


def test_no_text_drives_the_terminal(server: LocalServer) -> None:
    text = "\x1b[31mred\x07\x9b2J\ttab\r\n\u202eevil"
    server.reply(events=[delta(content=text)])
    server.reply(status=400, body={"error": {"message": "line one\nline two \x1b[31m"}})
    with terminal(*COMMAND, "demo", TOGETHER_API_KEY=KEY, TOGETHER_BASE_URL=server.base_url) as process:
        shown = process.rest()
    assert "?[31mred??2J\ttab\n?evil" in shown
    assert "line one line two ?[31m" in shown
    assert process.status == 1


def test_a_pipe_gets_text_as_it_is(server: LocalServer) -> None:
    text = "\x1b[31mred\x07\x9b2J\ttab\n\u202eevil"
    server.reply(events=[delta(content=text)])
    server.reply(status=400, body={"error": {"message": "line one\nline two \x1b[31m"}})
    result = demo(server)
    fails(result, "line one line two ?[31m")  # what is said of it is a line for people, wherever it goes
    assert text in result.stdout


def test_ctrl_c_in_a_stream_ends_quietly(server: LocalServer) -> None:
    # The second piece would come after an hour, so the signal meets a program that waits for it.
    server.reply(events=[delta(content="One, "), delta(content="two.")], pace=3600)
    variables = {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": server.base_url}
    with started(*COMMAND, "demo", **variables) as process:
        until(process, b"One, ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out, err) == (130, b"\n", b"")


def test_ctrl_c_while_nothing_comes_ends_quietly(server: LocalServer) -> None:
    server.reply(events=[delta(content="late")], delay=3600)
    variables = {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": server.base_url}
    with started(*COMMAND, "demo", **variables) as process:
        eventually(lambda: len(server.requests) == 1)
        until(process, b"flush=True)\n\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out, err) == (130, b"", b"")


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    with started(*COMMAND, "demo") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        until(process, b"\n")
        process.stdout.close()
        assert process.wait(timeout=LIMIT) == 141
        assert process.stderr.read() == b""


@pytest.mark.parametrize("arguments", [("--version",), ("--help",)])
def test_a_reader_that_was_never_there_ends_it_quietly(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        result = subprocess.run(
            [*COMMAND, *arguments],
            env=environment(),
            stdout=nobody,
            stderr=subprocess.PIPE,
            timeout=LIMIT,
            check=False,
        )
    assert (result.returncode, result.stderr) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a file that is always full is Linux's")
def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [*COMMAND, "--version"],
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=LIMIT,
            check=False,
        )
    assert result.stdout is None
    assert result.returncode == 1
    assert result.stderr == "togetherpy: error: cannot write the output: No space left on device\n"


def test_an_output_closed_from_the_start_is_one_line() -> None:
    result = run("sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, "demo")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "togetherpy: error: cannot write the output: standard output is closed\n"


def test_a_standard_error_closed_from_the_start_goes_nowhere_else(server: LocalServer) -> None:
    server.reply(events=[delta(reasoning="hm"), delta(content="Four."), delta()])
    closed = ("sh", "-c", 'exec "$@" 2>&-', "sh", *COMMAND)
    result = run(*closed, "chat", "--usage", "--reasoning", "show", "2+2?", **where(server))
    assert (result.returncode, result.stdout) == (0, "Four.\n")
    server.reply(status=401)
    result = run(*closed, "models", **where(server))
    assert (result.returncode, result.stdout) == (1, "")


# Failures


def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as bound:  # bound and not listening: nobody else can take the port meanwhile
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        result = demo(None, "--base-url", f"http://127.0.0.1:{port}", TOGETHER_API_KEY=KEY)
    fails(result, f"127.0.0.1:{port}", "refused")


def test_a_key_that_the_server_refuses(server: LocalServer) -> None:
    error = {"message": f"Invalid API key provided: {KEY}", "type": "invalid_request_error", "code": "invalid_api_key"}
    server.reply(status=401, body={"id": "req-1", "error": error})
    fails(demo(server), "401", "Invalid API key provided", "TOGETHER_API_KEY", "equest id: req-1")


def test_a_key_that_cannot_be_one(server: LocalServer) -> None:
    fails(demo(server, TOGETHER_API_KEY=f"{KEY} {KEY}"), "API key", "blank")
    assert server.requests == []


def test_a_server_without_a_key(server: LocalServer) -> None:
    fails(demo(None, "--base-url", server.base_url), "--base-url", "TOGETHER_API_KEY")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:80", "http://"])
def test_a_base_url_that_is_none(url: str) -> None:
    fails(demo(None, "--base-url", url, TOGETHER_API_KEY=KEY), "base_url")


def test_an_unknown_model(server: LocalServer) -> None:
    fails(demo(server, "--model", "no-such/model"), "404", "no-such/model", "equest id: ")


def test_a_stream_that_breaks_off(server: LocalServer) -> None:
    server.reply(events=[delta(content="Half of")], done=False, cut=True)
    result = demo(server)
    fails(result, "stream")
    assert result.stdout.endswith("Half of\n")


def test_a_prompt_that_is_no_text(server: LocalServer) -> None:
    result = demo(server, "--prompt", os.fsdecode(b"\xff"), PYTHONUTF8="1")
    fails(result, "messages[0].content")
    assert server.requests == []


def test_what_nobody_foresaw_is_one_line_too(server: LocalServer, tmp_path: Path) -> None:
    tmp_path.joinpath("urllib3.py").write_text("raise RuntimeError('not\\nthe one')")
    fails(demo(server, PYTHONPATH=str(tmp_path)), "RuntimeError: not the one")


def test_a_warning_is_one_line(server: LocalServer) -> None:
    # 0.0.0.0 reaches this machine but is not the loopback address, so the key would travel in the clear.
    url = f"http://0.0.0.0:{server.port}"
    result = run(
        sys.executable, "-m", "togetherpy", "demo", "--base-url", url, TOGETHER_API_KEY=KEY, PYTHONWARNINGS="default"
    )
    assert result.returncode == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith("togetherpy: warning: ")
    assert "unencrypted" in line


def test_importing_the_module_runs_nothing() -> None:
    assert importlib.import_module("togetherpy.__main__").main is main
