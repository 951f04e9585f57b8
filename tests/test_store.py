"""The operator's store: answers that were paid for are not paid for again, whoever was killed when."""

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from support.answers import completion
from support.processes import PYTHON, environment, run
from support.testing_helpers import eventually

from togetherpy.batch import ChatOp
from togetherpy.batch import store as stores
from togetherpy.batch.line_index import LineIndex
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


def test_what_is_no_part_or_cannot_be_read_is_passed_over(server: LocalServer, tmp_path: Path) -> None:
    op(tmp_path).map_list(ROWS[:3])
    store = tmp_path / "store"
    (store / "folder.jsonl").mkdir()
    (store / "lost.jsonl").symlink_to(tmp_path / "nowhere")
    (store / "empty.jsonl").touch()
    if hasattr(os, "mkfifo"):
        os.mkfifo(store / "pipe.jsonl")  # opening it would wait for a writer
    stores._stores.clear()
    assert [row["attempts"] for row in op(tmp_path).map_list(ROWS[:3])] == [0, 0, 0]


@pytest.mark.parametrize("key", ["-23456789abcdef0", "", "zz", "1_2_3", "\xff" * 32, "f" * 40])
def test_a_damaged_key_in_the_middle_spoils_its_line_only(server: LocalServer, tmp_path: Path, key: str) -> None:
    op(tmp_path, concurrency=1).map_list(ROWS[:3])
    [part] = parts(tmp_path)
    lines = part.read_bytes().splitlines(keepends=True)
    damaged = b'{"key":"' + key.encode() + b'","body":{}}\n'
    part.write_bytes(damaged + lines[0] + damaged + lines[1] + damaged + lines[2])
    stores._stores.clear()
    assert [row["attempts"] for row in op(tmp_path).map_list(ROWS[:3])] == [0, 0, 0]


def test_a_store_that_is_taken_away_meanwhile_fails_no_row(server: LocalServer, tmp_path: Path) -> None:
    one = op(tmp_path)
    one.map_list(["a"])
    shutil.rmtree(tmp_path / "store")
    assert [row["error"] for row in one.map_list(["a", "b"])] == [None, None]


def test_a_place_where_no_store_can_be_is_said_before_anything_is_sent(server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(OSError, match="store"):
        op(tmp_path).map_list(["a"])
    assert server.requests == []


FULL = """
import resource, sys, warnings
from pathlib import Path
from togetherpy.batch import ChatOp
warnings.simplefilter("always")
sys.dont_write_bytecode = True
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
op = ChatOp(model="m", prompt="q", store=sys.argv[1], concurrency=2)
found = op.map_list([f"n{index}" for index in range(20)])
assert [row["error"] for row in found] == [None] * 20
[part] = Path(sys.argv[1]).glob("*.jsonl")
print(len(part.read_bytes().splitlines()), part.read_bytes()[-1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="files have no limits there")
def test_a_full_disk_keeps_whole_lines_and_loses_no_answer(server: LocalServer, tmp_path: Path) -> None:
    """The system writes a part of a line and then refuses, as on a full disk."""
    done = run(sys.executable, "-c", FULL, str(tmp_path / "store"), **env(server))
    assert done.returncode == 0, done.stderr
    assert "an answer was not kept in the store: cannot write" in done.stderr
    kept = int(done.stdout.split()[0])
    assert 0 < kept < 20
    assert done.stdout.split()[1] == repr(b"\n")
    assert sum(row["attempts"] for row in op(tmp_path).map_list([f"n{index}" for index in range(20)])) == 20 - kept


def test_places_are_found_however_many_there_are() -> None:
    """Across the sizes at which buckets are halved; equal numbers, and the least and the greatest."""
    places, random = LineIndex(), Random(1)
    numbers = [random.getrandbits(64) for _ in range(20_000)] + [0, 0, (1 << 64) - 1, (1 << 64) - 1]
    for place, number in enumerate(numbers):
        places.add(number, place)
    assert len(places._buckets) == 32
    assert all(place in places.get(number) for place, number in enumerate(numbers))
    assert sorted(places.get(0)) == [20_000, 20_001]
    assert sorted(places.get((1 << 64) - 1)) == [20_002, 20_003]
    assert places.get(12345) == []
    assert all(list(one) == sorted(one) for one, _ in places._buckets)
    assert sorted(places) == list(range(20_004))
    assert [places.pop(0) in (20_000, 20_001) for _ in range(3)] == [True, True, False]
    assert len(places) == 20_002


def test_of_a_number_the_best_place_is_kept() -> None:
    places = LineIndex()
    assert [places.add_best(number % 3_000, number) for number in range(9_000)] == [True] * 3_000 + [False] * 6_000
    assert places.add_best(7, 7) is False
    assert [places.get(number) for number in range(3_000)] == [[number] for number in range(6_000, 9_000)]


WORKER = """
import sys
from togetherpy.batch import ChatOp
op = ChatOp(model="m", prompt="q", store=sys.argv[1], concurrency=8)
rows = op.map_partition({"q": f"n{index}"} for index in range(120))
assert all(row["error"] is None for row in rows)
"""


def test_processes_that_are_killed_and_started_again_pay_once_for_what_was_kept(tmp_path: Path) -> None:
    """Four at the same rows; each is killed once in the middle, by kill -9, and started again."""
    with LocalServer(delay=0.02) as server:
        command = [sys.executable, "-c", WORKER, str(tmp_path / "store")]

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(command, env=environment(**env(server)))

        running = [start() for _ in range(4)]
        for at in range(4):
            goal = min(len(server.requests) + 15, 120)
            eventually(lambda goal=goal: len(server.requests) >= goal)  # type: ignore[misc]
            running[at].kill()
            running[at].wait(60)
            running[at] = start()
        assert [process.wait(120) for process in running] == [0] * 4
        assert 120 <= len(server.requests) <= 120 + 4 * 8  # what was in flight when it was killed
    stores._stores.clear()
    kept = stores.Store(str(tmp_path / "store"))
    lines = [line for part in parts(tmp_path) for line in part.read_bytes().splitlines(keepends=True)]
    whole = {msgspec.json.decode(line)["key"] for line in lines if line.endswith(b"\n")}
    assert len(whole) == 120
    assert all(kept.find(key) for key in whole)
