"""The operator's store: answers that were paid for are not paid for again, whoever was killed when."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.answers import completion
from support.processes import PYTHON, environment, run
from support.testing_helpers import eventually

from togetherpy.batch import ChatOp
from togetherpy.batch import store as stores
from togetherpy.testing import LocalServer

ROWS = [f"n{index}" for index in range(40)]
PROGRAM = """
import sys
from togetherpy.batch import ChatOp
op = ChatOp(model="m", prompt="q", store=sys.argv[1], concurrency=4)
for row in op.map_partition({"q": f"n{index}"} for index in range(40)):
    assert row["error"] is None, row
    print(row["attempts"], flush=True)
"""


class Number(msgspec.Struct):
    value: int


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    with LocalServer() as server:
        monkeypatch.setenv("TOGETHER_API_KEY", "k")
        monkeypatch.setenv("TOGETHER_BASE_URL", server.base_url)
        yield server


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """No test finds another one's stores in memory."""
    stores._stores.clear()
    yield
    stores._stores.clear()


def op(tmp_path: Path, **options: Any) -> ChatOp:
    return ChatOp(**{"model": "m", "prompt": "q", "store": tmp_path / "store", **options})


def env(server: LocalServer) -> dict[str, str]:
    return {"TOGETHER_API_KEY": "k", "TOGETHER_BASE_URL": server.base_url}


def parts(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "store").glob("*.jsonl"))


def test_a_second_action_costs_nothing(server: LocalServer, tmp_path: Path) -> None:
    first = op(tmp_path).map_list(ROWS)
    again = pickle.loads(pickle.dumps(op(tmp_path))).map_list(ROWS)
    assert len(server.requests) == 40
    assert [(row["answer"], row["usage"]) for row in again] == [(row["answer"], row["usage"]) for row in first]
    assert {row["attempts"] for row in again} == {0}
    assert len(parts(tmp_path)) == 1


def test_a_restarted_job_costs_nothing(server: LocalServer, tmp_path: Path) -> None:
    first = op(tmp_path).map_list(ROWS)
    stores._stores.clear()  # as a new process begins
    again = op(tmp_path).map_list(ROWS[::-1])
    assert len(server.requests) == 40
    assert [row["answer"] for row in again] == [row["answer"] for row in first[::-1]]


def test_other_requests_are_not_the_same(server: LocalServer, tmp_path: Path) -> None:
    for options in ({}, {"temperature": 0.5}, {"system": "x"}, {"model": "m2"}):
        op(tmp_path, **options).map_list(["a"])
    op(tmp_path, timeout=30.0, extra_headers={"X-A": "1"}, concurrency=2).map_list(["a"])  # how, not what
    assert len(server.requests) == 4


def test_the_order_of_keys_makes_no_difference(server: LocalServer, tmp_path: Path) -> None:
    op(tmp_path).map_list([[{"role": "user", "content": "a"}], [{"content": "a", "role": "user"}]])
    assert len(server.requests) == 1


def test_equal_rows_are_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalServer(delay=0.1) as server:
        for name, value in env(server).items():
            monkeypatch.setenv(name, value)
        one = op(tmp_path)
        with ThreadPoolExecutor(2) as threads:
            found = list(threads.map(one.map_list, [["a"] * 10, ["a"] * 10]))
        assert len({row["answer"] for rows in found for row in rows}) == 1
        assert len(server.requests) == 1


def test_a_failure_is_not_kept(server: LocalServer, tmp_path: Path) -> None:
    server.reply(status=400)
    assert op(tmp_path).map_list(["a"])[0]["error"]
    assert op(tmp_path).map_list(["a"])[0]["error"] is None


def test_an_answer_that_did_not_fit_is_kept_for_it_was_paid_for(server: LocalServer, tmp_path: Path) -> None:
    server.reply(body=completion("no number"))
    typed = op(tmp_path, response_format=Number)
    first, again = typed.map_list(["a"]), typed.map_list(["a"])
    assert first[0]["error"] == again[0]["error"]
    assert len(server.requests) == 1


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_half_a_last_line_is_no_answer(server: LocalServer, tmp_path: Path, cut: int) -> None:
    op(tmp_path, concurrency=1).map_list(ROWS[:3])
    [part] = parts(tmp_path)
    os.truncate(part, part.stat().st_size - cut)
    stores._stores.clear()
    assert all(row["error"] is None for row in op(tmp_path).map_list(ROWS[:3]))
    assert len(server.requests) == 4
    assert len(parts(tmp_path)) == 2  # what another process wrote is left as it is
    stores._stores.clear()
    op(tmp_path).map_list(ROWS[:3])
    assert len(server.requests) == 4


def test_damaged_lines_are_asked_again(server: LocalServer, tmp_path: Path) -> None:
    op(tmp_path, concurrency=1).map_list(ROWS[:3])
    [part] = parts(tmp_path)
    lines = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"\0" * 64 + b"\n" + lines[0] + lines[1][:60] + b"\n" + lines[2])
    stores._stores.clear()
    assert all(row["error"] is None for row in op(tmp_path).map_list(ROWS[:3]))
    assert len(server.requests) == 4


def test_a_part_that_was_taken_away_is_asked_again(server: LocalServer, tmp_path: Path) -> None:
    op(tmp_path).map_list(ROWS[:3])
    [part] = parts(tmp_path)
    part.unlink()
    assert all(row["error"] is None for row in op(tmp_path).map_list(ROWS[:3]))


def test_a_killed_process_loses_only_what_was_in_flight(tmp_path: Path) -> None:
    with LocalServer(delay=0.02) as server:
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / "store")]
        with subprocess.Popen(command, env=environment(**env(server)), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(10):
                assert process.stdout.readline()
            process.kill()
        eventually(lambda: server.open_connections == 0)
        before = len(server.requests)
        done = run(*PYTHON, "-c", PROGRAM, str(tmp_path / "store"), **env(server))
        assert (done.returncode, done.stderr) == (0, "")
        assert before < 40
        assert done.stdout.count("0") >= 10
        assert 40 <= len(server.requests) <= 44


def test_a_copy_that_runs_at_the_same_time_finds_what_the_other_has_written(tmp_path: Path) -> None:
    """Speculation: the same task in two processes."""
    with LocalServer(delay=0.02) as server:
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / "store")]
        running = [subprocess.Popen(command, env=environment(**env(server)), stdout=subprocess.PIPE) for _ in "ab"]
        for process in running:
            process.communicate(timeout=60)
        assert [process.returncode for process in running] == [0, 0]
        assert len(server.requests) == 40


def test_a_disk_that_refuses_loses_no_answer(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from togetherpy.batch.output import Output, OutputError

    def refuse(self: Output, line: bytes) -> None:
        raise OutputError("cannot write: disk full")

    monkeypatch.setattr(Output, "write", refuse)
    with pytest.warns(RuntimeWarning, match="disk full"):
        assert op(tmp_path).map_list(["a"])[0]["error"] is None
