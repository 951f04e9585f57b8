"""`python -m benchmarks engines`: what it measures is of all processes, and what it cannot run it tells."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from support.testing_helpers import eventually

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import __main__ as command
from benchmarks.engines import command as engines
from benchmarks.engines import work
from benchmarks.engines.tree import MARK, Tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are watched by /proc")

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {BURN!r} + "time.sleep(1.5)"])  # a child that has ended when it is asked
subprocess.Popen([sys.executable, "-c", {BURN!r} + "time.sleep(600)"], start_new_session=True)  # and one left behind
"""


@pytest.mark.parametrize("name", engines.ENGINES)
def test_an_engine_has_the_names_of_all(name: str) -> None:
    engine = import_module(f"benchmarks.engines.{name}")
    assert isinstance(engine.TITLE, str)
    assert isinstance(engine.OWN, str)
    assert all(isinstance(one, str) for one in engine.REQUIRES)
    assert callable(engine.started)
    assert all(callable(getattr(engine, way)) for way in engines.WAYS)
    assert set(getattr(engine, "COLD", ())) <= set(engines.WAYS)


def test_the_operator_is_measured_and_an_engine_that_is_not_there_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = import_module("benchmarks.engines.daft")
    monkeypatch.setattr(lost, "TITLE", "Lost")
    measured: list[tuple[str, str]] = []
    measure = engines.measure

    def watched(python: str, engine: str, way: str, url: str, rows: int, *rest: float) -> engines.Figures:
        measured.append((engine, way))
        return measure("no-such-python" if engine == "daft" else python, engine, way, url, rows, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(engines, "measure", watched)
    assert command.main(["engines", "--quick", "--only", "loop,daft"]) == 1
    assert measured == [("loop", "operator"), ("loop", "own"), ("daft", "operator"), ("daft", "own")]
    loop, _, *others = capsys.readouterr().out.splitlines()[2:]
    cells = [cell.strip().replace(",", "") for cell in loop.split("|")[1:-1]]
    assert cells[:2] == ["none a loop", "`ChatOp`"]
    assert all(float(cell) > 0 for cell in cells[2:])
    assert [line.split(" | ")[0] for line in others] == ["| Lost"] * 2
    assert all("failed: " in line and "no-such-python" in line for line in others)


def test_an_engine_that_cannot_be_installed_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        import_module("benchmarks.engines.ray"), "REQUIRES", [str(tmp_path / "no-1.0-py3-none-any.whl")]
    )
    assert command.main(["engines", "--rows", "10", "--only", "ray", "--envs", str(tmp_path / "envs")]) == 1
    assert capsys.readouterr().out.count("failed: cannot be installed: ") == 2


def test_a_way_that_takes_too_long_is_ended_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["engines", "--quick", "--delay", "60000", "--seconds", "2", "--only", "loop"]) == 1
    assert "`ChatOp` | failed: took more than 2 s |" in capsys.readouterr().out


def test_the_reason_is_the_exception_and_not_what_an_engine_says_after_it() -> None:
    said = "INFO up\nTraceback (most recent call last):\n  File x\nray.RayTaskError(ValueError): no\nINFO down\n"
    assert engines._reason(said) == "ray.RayTaskError(ValueError): no"
    assert engines._reason("killed\n") == "killed"
    assert engines._reason("") == "it ended without a word"


def test_answers_that_are_not_what_was_served_give_no_figure() -> None:
    work.check(["abc", "abc"], 2, 3)
    for answers in (["abc"], ["abc", None], ["abc", "ab"], ["abc"] * 3):
        with pytest.raises(ValueError, match="right answers in"):
            work.check(answers, 2, 3)


def test_an_unknown_engine_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(["engines", "--only", "pandas"])
    assert "unknown engine 'pandas'; known: loop, dask" in capsys.readouterr().err


def test_all_processes_count_those_too_that_have_ended_or_lost_their_parent() -> None:
    mine = f"mine-{os.getpid()}"  # for these tests may run for several Pythons at once
    with Tree(mine) as tree, Tree("another") as other:
        subprocess.run([sys.executable, "-c", PARENT], env={MARK: mine}, check=True)
        eventually(lambda: tree.look() > 0.5)
        assert tree.peak > 4e6
        assert other.look() == 0
        left = [key for key, _ in tree._alive()]
        assert len(left) == 1
    eventually(lambda: not list(tree._alive()))  # nothing is left running
