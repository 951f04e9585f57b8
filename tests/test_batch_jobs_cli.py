"""`togetherpy batch submit`, `status`, `wait`, `download` and `cancel` as processes."""

import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.batches import KEY, prompts, read_rows, write_rows
from support.jobs import created, replying
from support.processes import COMMAND, LIMIT, environment, run
from support.testing_helpers import eventually

from togetherpy.cli._rows import propose
from togetherpy.testing import LocalServer
from togetherpy.testing._answer import Answer


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


def where(server: LocalServer) -> dict[str, str]:
    return {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": server.base_url}


def call(server: LocalServer, *words: Any, code: int = 0, stdin: bytes | None = None) -> tuple[str, list[str]]:
    """What a command says on standard output, and the lines on standard error."""
    done = subprocess.run(
        [*COMMAND, "batch", *map(str, words)],
        env=environment(**where(server)),
        capture_output=True,
        timeout=LIMIT,
        check=False,
        **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
    )
    out, errors = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == code, errors
    assert "Traceback" not in errors
    assert KEY not in out + errors
    return out, errors.splitlines()


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


def as_a_shell_reads(line: str) -> list[str]:
    """The words of a command."""
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {line}"], env={"LC_ALL": "C.UTF-8"}, capture_output=True, check=True
    )
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


def test_one_after_the_other_as_each_says(server: LocalServer, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in file.jsonl", prompts(4))
    model = "openai/gpt-oss-20b"
    out, said = call(server, "submit", source, "--model", model, "--params", '{"top_k": 2}', "--rows-per-job", 2)
    assert [line.split()[0] for line in out.splitlines()] == ["chunk", "1", "2"]
    assert said[0] == (
        f"togetherpy: {model}: by the list of models $0.88 for a million tokens of input and $0.88 for as many of "
        "output; what they cost in a batch, the service says"
    )
    directory = str(tmp_path / "in file.jobs")
    assert said[-1] == f"togetherpy: to go on: {shlex.join(['togetherpy', 'batch', 'wait', directory])}"
    out, said = call(server, "status", directory)
    assert (out.count("IN_PROGRESS"), said) == (2, [])
    out, said = call(server, "status", directory, "--json")
    assert [job["status"] for job in json.loads(out)["jobs"]] == ["COMPLETED"] * 2
    out, said = call(server, "wait", directory)
    assert out.count("COMPLETED") == 2
    assert said[0] == "4/4 rows, 2 of 2 jobs have ended"
    assert said[-1].endswith(shlex.join(["togetherpy", "batch", "download", directory]))
    out, said = call(server, "download", directory)
    assert (out, len(said)) == ("", 1)
    assert said[0].startswith("togetherpy: 4 rows: 4 answered, 0 failed; ")
    assert len(read_rows(tmp_path / "in file.out.jsonl")) == 4
    out, said = call(server, "cancel", directory)
    assert out.count("COMPLETED") == 2


@needs_bash
def test_what_failed_is_finished_by_the_command_that_is_printed(server: LocalServer, tmp_path: Path) -> None:
    server.batch_rules.end, server.batch_rules.answered = "EXPIRED", 0.5
    source = write_rows(tmp_path / "in.jsonl", [{"q": f"it's {n}"} for n in range(5)])
    options = ("--limit", 4, "--template", "What is\n  '{q}'?", "--system=-Be brief.", "--max-tokens", 5)
    call(server, "submit", source, "--model", "no-such", *options, "--seed", 3, "-o", tmp_path / "x")
    assert call(server, "wait", tmp_path / "x", "--interval", 0.01, code=3)[0].count("EXPIRED") == 1
    _, said = call(server, "download", tmp_path / "x", "-o", tmp_path / "o.jsonl", code=3)
    assert "4 rows: 0 answered, 4 failed (2 model_not_available, 2 batch_expired)" in said[0]
    again = as_a_shell_reads(said[1].removeprefix("togetherpy: to have them answered now: "))
    assert again[:3] == ["togetherpy", "batch", "run"]
    server.reply(body={"choices": [{"message": {"content": "four"}, "finish_reason": "stop"}]}, times=None)
    call(server, *again[2:])
    assert [row["error"] for row in read_rows(tmp_path / "o.jsonl")] == [None] * 4
    assert server.requests[-1].json["seed"] == 3


ODD = ["plain", "", "two  spaces", "-dash", "it's", "$HOME `x` \\n", "é\u202e\n\t\x1b'\\", os.fsdecode(b"\xff1")]


@needs_bash
def test_commands_are_printed_as_a_shell_takes_them(capsys: pytest.CaptureFixture[str]) -> None:
    propose("to go on", ODD)
    line = capsys.readouterr().err
    assert line.startswith("togetherpy: to go on: ")
    assert line[:-1].isprintable()
    assert as_a_shell_reads(line.removeprefix("togetherpy: to go on: ")) == ["togetherpy", *ODD]


def test_the_directory_of_a_name_that_looks_like_an_option(
    server: LocalServer, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "-in.jsonl", prompts(1))
    _, said = call(server, "submit", "--model", "m", "--", "-in.jsonl")
    call(server, *shlex.split(said[-1].removeprefix("togetherpy: to go on: "))[2:], "--interval", 0.01)


def test_rows_that_cannot_be_sent(server: LocalServer, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [*prompts(1), b"{"])
    out, _ = call(server, "submit", source, "--model", "m", code=3)
    assert "1 row cannot be sent" in out
    assert "1 row cannot be sent" in call(server, "status", tmp_path / "in.jobs", code=3)[0]
    call(server, "wait", tmp_path / "in.jobs", "--no-progress", "--interval", 0.01, code=3)
    _, said = call(server, "download", tmp_path / "in.jobs", code=3)
    assert "2 rows: 1 answered, 1 failed (1 invalid_row)" in said[0]


def test_standard_input(server: LocalServer, tmp_path: Path) -> None:
    _, said = call(server, "submit", "-", "--model", "m", "--text", code=2, stdin=b"one\n")
    assert "(-o)" in said[0]
    words = ("submit", "-", "--model", "m", "--text", "-o", tmp_path / "d")
    call(server, *words, stdin=b"one\ntwo\n")
    call(server, *words, stdin=b"one\ntwo\n")
    call(server, *words)
    assert "the rows given are others" in call(server, *words, stdin=b"three\n", code=1)[1][0]
    call(server, "wait", tmp_path / "d", "--interval", 0.01)
    call(server, "download", tmp_path / "d", "-o", tmp_path / "o.jsonl")
    assert len(read_rows(tmp_path / "o.jsonl")) == 2
    call(server, "run", tmp_path / "d" / "input.jsonl", "--text", "--model", "m", "-o", tmp_path / "o.jsonl")


def test_queued(server: LocalServer, tmp_path: Path) -> None:
    server.batch_rules.enqueued = 60
    source = write_rows(tmp_path / "in.jsonl", prompts(6))
    out, said = call(server, "submit", source, "--model", "m", "--rows-per-job", 2)
    assert "Enqueued token limit reached for m" in out
    assert any("2 jobs are queued" in line for line in said)
    _, said = call(server, "download", tmp_path / "in.jobs", code=1)
    assert "have not ended; wait for them first" in said[0]
    out, said = call(server, "cancel", tmp_path / "in.jobs")
    assert (out.count("CANCELLED"), out.count("DROPPED")) == (1, 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("submit",), "required: IN"),
        (("wait",), "required: JOBDIR"),
        (("submit", "in", "--rows-per-job", "0"), "whole number"),
        (("submit", "in", "--rows-per-job", "50001"), "50000"),
        (("wait", "d", "--interval", "0"), "above 0"),
        (("submit", "in", "--concurrency", "3"), "unrecognized"),
        (("submit", "in", "--params", '{"timeout": 3}'), "timeout"),
    ],
)
def test_wrong_usage(server: LocalServer, words: tuple[str, ...], said: str) -> None:
    assert said in call(server, *words, code=2)[1][-1]
    assert server.requests == []


@pytest.mark.parametrize("action", ["status", "wait", "download", "cancel"])
def test_no_jobs(server: LocalServer, tmp_path: Path, action: str) -> None:
    assert "holds no jobs" in call(server, action, tmp_path, code=1)[1][0]


@pytest.mark.parametrize("action", ["submit", "status", "wait", "download", "cancel"])
def test_help_says_all_of_it(action: str) -> None:
    done = run(*COMMAND, "batch", action, "--help")
    assert done.returncode == 0
    for word in ("exit status", "  0 ", "  1 ", "  2 ", "130", "--base-url"):
        assert word in done.stdout
    assert ("  3 " in done.stdout) == (action != "cancel")
    assert max(map(len, done.stdout.splitlines())) <= 120


@pytest.mark.skipif(os.name == "nt", reason="signals as Unix has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(server: LocalServer, tmp_path: Path, number: int) -> None:
    server.batch_rules.looks = 10**9
    source = write_rows(tmp_path / "in.jsonl", prompts(2))
    call(server, "submit", source, "--model", "m")
    directory = str(tmp_path / "in.jobs")
    server.requests.clear()
    command = [*COMMAND, "batch", "wait", directory, "--base-url", server.base_url]
    with subprocess.Popen(command, env=environment(**where(server)), stderr=subprocess.PIPE) as process:
        try:
            eventually(lambda: bool(server.requests))
            process.send_signal(number)
            _, errors = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
    assert process.returncode == 130
    said = errors.decode().splitlines()
    where_to = f"{shlex.quote(directory)} --base-url {server.base_url}"
    assert said[-3:] == [
        "togetherpy: interrupted; the jobs go on at the service",
        f"togetherpy: to cancel them: togetherpy batch cancel {where_to}",
        f"togetherpy: to go on: togetherpy batch wait {where_to}",
    ]
    with server.client() as client:
        assert [job.status for job in client.batches.list()] == ["IN_PROGRESS"]
    assert call(server, "cancel", directory)[0].count("CANCELLED") == 1


@pytest.mark.skipif(os.name == "nt", reason="signals as Unix has them")
def test_submit_interrupted(server: LocalServer, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", prompts(4))
    command = [*COMMAND, "batch", "submit", str(source), "--model", "m", "--rows-per-job", "2"]
    late = Answer((b"",), delay=600)
    with (
        replying(server, "POST", "/v1/batches", [None, late], undone=True) as replied,
        subprocess.Popen(command, env=environment(**where(server)), stderr=subprocess.PIPE) as process,
    ):
        try:
            eventually(lambda: len(replied) == 2)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
    assert process.returncode == 130
    said = [line.removeprefix("togetherpy: ") for line in errors.decode().splitlines()]
    assert said == [
        "interrupted; the jobs go on at the service",
        f"to cancel them: togetherpy batch cancel {tmp_path / 'in.jobs'}",
        f"to go on: {shlex.join(['togetherpy', *command[len(COMMAND) :]])}",
    ]
    assert list(created(server).values()) == [1]
