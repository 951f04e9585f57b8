"""`togetherpy batch run` as a process: signals, kills, pipes, disks that are full."""

import contextlib
import json
import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.answers import completion
from support.batches import KEY, asked, prompts, read_rows, write_rows
from support.processes import COMMAND, LIMIT, environment, run
from support.testing_helpers import eventually

from togetherpy.testing import LocalServer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as Unix has them")


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


def where(server: LocalServer) -> dict[str, str]:
    return {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": server.base_url}


def batch(server: LocalServer, *arguments: Any, **variables: str) -> subprocess.CompletedProcess[str]:
    words = ("batch", "run", *map(str, arguments), "--model", "m")
    result = run(*COMMAND, *words, **{**where(server), **variables})
    assert "Traceback" not in result.stderr
    assert KEY not in result.stderr + result.stdout
    return result


@contextlib.contextmanager
def going(server: LocalServer, *arguments: Any, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [*COMMAND, "batch", "run", *map(str, arguments), "--model", "m"],
        env=environment(**where(server)),
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def whole_rows(path: Path) -> set[str]:
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return {json.loads(line)["custom_id"] for line in lines}


def test_all_good(server: LocalServer, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", prompts(20))
    result = batch(server, source, "--max-tokens", 7, "--temperature", 0, "--params", '{"top_k": 3}')
    assert (result.returncode, result.stdout) == (0, "")
    rows, last = result.stderr.splitlines()
    assert rows.startswith("20/20 rows, 0 failed, 0 in flight")
    assert last.startswith("togetherpy: 20 rows: 20 answered, 0 failed; ")
    assert len(read_rows(tmp_path / "in.out.jsonl")) == 20
    sent = server.requests[0].json
    assert (sent["max_tokens"], sent["temperature"], sent["top_k"]) == (7, 0, 3)


def test_some_failed(server: LocalServer, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [*prompts(3), {"no": "prompt"}])
    result = batch(server, source, "-o", tmp_path / "o.jsonl", "--no-progress", "--summary", tmp_path / "s.json")
    assert result.returncode == 3
    report, again = result.stderr.splitlines()
    assert "3 answered, 1 failed (first: line 4: it has neither body, messages nor prompt" in report
    assert again.startswith("togetherpy: to go on: togetherpy batch run ")
    assert json.loads((tmp_path / "s.json").read_text())["exit_code"] == 3


def test_an_option_goes_before_what_params_say(server: LocalServer, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", prompts(1))
    batch(server, source, "--temperature", 0.5, "--params", '{"model": "other", "temperature": 1, "top_k": 3}')
    sent = server.requests[0].json
    assert (sent["model"], sent["temperature"], sent["top_k"]) == ("m", 0.5, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "required: IN"),
        (("in", "--concurrency", "many"), "invalid int"),
        (("in", "--params", "[]"), "not a JSON object"),
        (("in", "--unknown"), "unrecognized"),
        (("in", "--template", "none"), "template"),
        (("in", "--concurrency", "0"), "concurrency"),
    ],
)
def test_wrong_usage(server: LocalServer, arguments: tuple[str, ...], words: str) -> None:
    result = batch(server, *arguments)
    assert result.returncode == 2
    assert words in result.stderr.splitlines()[-1]
    assert server.requests == []


def test_help_says_all_of_it() -> None:
    result = run(*COMMAND, "batch", "run", "--help")
    assert result.returncode == 0
    for word in ("exit status", "130", "--system", "--template", "--fail-on", "--plot", "OUT.meta.json", "custom_id"):
        assert word in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 120


def test_it_could_not_run(server: LocalServer, tmp_path: Path) -> None:
    result = batch(server, tmp_path / "none.jsonl")
    assert (result.returncode, result.stdout) == (1, "")
    assert "No such file" in result.stderr


def test_a_dry_run_sends_nothing(server: LocalServer, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [*prompts(3), {"custom_id": "c1", "prompt": "x"}, b"{"])
    result = batch(server, source, "--dry-run", "--max-tokens", 10)
    assert result.returncode == 3
    assert {request.path for request in server.requests} == {"/v1/models"}
    said = dict(line.split(": ") for line in result.stdout.splitlines())
    assert {"rows": "5", "bad": "1", "duplicates": "1", "completion tokens": "40"}.items() <= said.items()
    assert int(said["bytes"]) > 100
    assert "line 5: it is not a JSON object" in result.stderr
    assert not (tmp_path / "in.out.jsonl").exists()


def test_texts_that_were_meant_as_prompts(server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("How deep is Lake Kivu?\n", encoding="utf-8")
    result = batch(server, tmp_path / "in.txt")
    assert result.returncode == 3
    assert "with --text each line is a prompt" in result.stderr
    assert "--text" not in batch(server, write_rows(tmp_path / "in.jsonl", [b"{"])).stderr


# Pipes


def test_from_a_pipe_into_a_pipe(server: LocalServer) -> None:
    with going(server, "-", "--text", stdin=subprocess.PIPE) as process:
        out, _ = process.communicate(b"one\ntwo\nthree", timeout=LIMIT)
    assert process.returncode == 0
    assert sorted(asked(server)) == ["one", "three", "two"]
    assert len(out.splitlines()) == 3


def test_texts_into_a_pipe(server: LocalServer) -> None:
    server.reply(body=completion("an answer"), times=None)
    with going(server, "-", "--text", "--only-text", stdin=subprocess.PIPE) as process:
        out, _ = process.communicate(b"one\ntwo\n", timeout=LIMIT)
    assert out == b"an answer\n" * 2


def test_an_input_that_stalls_holds_nothing_up(server: LocalServer, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with going(server, "-", "--text", "-o", out, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"one\ntwo\nthr")
        process.stdin.flush()
        eventually(lambda: lines_in(out) == 2)
        process.send_signal(signal.SIGINT)  # nobody waits for the rest
        assert process.wait(LIMIT) == 130


@pytest.mark.fault("I20")
def test_a_reader_that_leaves(server: LocalServer, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", prompts(200))
    with going(server, source, "-o", "-", "--no-progress") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(LIMIT) == 141
        assert process.stderr.read() == b""


# Signals


@pytest.mark.fault("I1")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_what_is_in_flight_end(server: LocalServer, tmp_path: Path, number: signal.Signals) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(5000)), tmp_path / "out.jsonl"
    server.reply(body=completion("x"), delay=0.3, times=None)
    with going(server, source, "-o", out, "--concurrency", 4) as process:
        eventually(lambda: len(server.requests) >= 4)
        process.send_signal(number)
        _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert len(read_rows(out)) == len(server.requests) < 100
    assert b"to go on: togetherpy batch run" in err
    assert not (tmp_path / "out.jsonl.lock").exists()


@pytest.mark.fault("I1")
def test_a_second_signal_ends_at_once(server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(5)), tmp_path / "out.jsonl"
    server.reply(delay=3600, times=None)
    with going(server, source, "-o", out, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        eventually(lambda: len(server.requests) == 5)
        process.send_signal(signal.SIGINT)
        assert b"once more" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert b"5 attempts maybe billed without an answer" in err
    assert read_rows(out) == []


# Kills


@pytest.mark.slow
@pytest.mark.fault("I2")
def test_killed_twenty_times(server: LocalServer, tmp_path: Path) -> None:
    """Every row once, and none that was on disk before a kill is asked for again."""
    chance = random.Random(7)
    count = 4000
    source, out = write_rows(tmp_path / "in.jsonl", prompts(count)), tmp_path / "out.jsonl"
    server.reply(body=completion("x"), delay=0.005, times=None)
    for _ in range(20):
        before = lines_in(out)
        on_disk = (
            {row["custom_id"] for row in map(json.loads, out.read_bytes().split(b"\n")[:before])} if before else set()
        )
        server.requests.clear()
        wanted = before + chance.randrange(1, 120)
        with going(server, source, "-o", out, "--concurrency", 8, stderr=subprocess.DEVNULL) as process:
            eventually(lambda wanted=wanted, process=process: lines_in(out) >= wanted or process.poll() is not None)
            process.kill()
        again = {f"c{text.split()[-1]}" for text in asked(server)} & on_disk
        assert not again
    server.requests.clear()
    on_disk = whole_rows(out)
    result = batch(server, source, "-o", out, "--concurrency", 64, "--summary", tmp_path / "s.json")
    assert result.returncode == 0
    times = Counter(row["custom_id"] for row in read_rows(out))
    assert len(times) == count
    assert set(times.values()) == {1}
    assert len(server.requests) == count - len(on_disk)
    summary = json.loads((tmp_path / "s.json").read_text())
    assert (summary["rows"], summary["succeeded"], summary["skipped"]) == (count, count, len(on_disk))


@pytest.mark.fault("I4")
def test_two_at_once(server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(5)), tmp_path / "out.jsonl"
    server.reply(delay=3600, times=None)
    with going(server, source, "-o", out) as first:
        eventually(lambda: len(server.requests) == 5)
        result = batch(server, source, "-o", out)
        assert result.returncode == 1
        assert "another run is writing" in result.stderr
        assert len(server.requests) == 5
        first.kill()
        first.wait(LIMIT)
    server.reset()
    assert batch(server, source, "-o", out).returncode == 0  # the lock is gone with its process


# Disks


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
from togetherpy.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.fault("I5")
def test_a_disk_that_becomes_full(server: LocalServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", prompts(500)), tmp_path / "out.jsonl"
    words = ("batch", "run", str(source), "-o", str(out), "--model", "m", "--concurrency", "4", "--no-progress")
    result = run(COMMAND[0], "-c", LIMITED, *words, **where(server))
    assert result.returncode == 1
    assert "File too large" in result.stderr
    rows = read_rows(out)  # each whole
    assert 0 < len(rows) < 60
    assert f"{len(rows)} answered" in result.stderr
    assert "to go on" in result.stderr
    assert len(server.requests) < 100


def test_a_folder_that_cannot_be_written_to(server: LocalServer, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        folder = Path("/proc/self")  # root may write anywhere else
    else:
        folder = tmp_path / "read-only"
        folder.mkdir(mode=0o500)
    source = write_rows(tmp_path / "in.jsonl", prompts(5))
    result = batch(server, source, "-o", folder / "out.jsonl")
    assert result.returncode == 1
    assert "cannot write" in result.stderr
    assert server.requests == []
