"""ChatOp on the engines: the programs of the batch README as they stand, each where its engine is installed."""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.processes import run

from togetherpy.testing import LocalServer

README = (Path(__file__).parent.parent / "togetherpy" / "batch" / "README.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"^### ([\w ]+)\n\n```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE))
ENGINES = {"Ray Data": "ray", "Spark": "pyspark", "Daft": "daft", "Dask": "dask", "Polars": "polars"}
SLOW = ("Ray Data", "Spark", "Daft")
"""What the usual tests do not bring: run by hand, in an environment that has them."""


def test_there_is_a_program_for_each_engine_in_a_dozen_lines() -> None:
    assert set(PROGRAMS) == set(ENGINES)
    for engine, program in PROGRAMS.items():
        assert len([line for line in program.splitlines() if line]) <= 12, engine
        assert f"### {engine}\n" in README
    assert README.partition("## On an engine")[2].count("The trap: ") == len(ENGINES)


def answered(engine: str, tmp_path: Path) -> str:
    """What the program prints; six rows, each sent once."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAMS[engine], encoding="utf-8")
    root = str(Path(__file__).parent.parent)
    with LocalServer() as server:
        variables = {"TOGETHER_API_KEY": "test", "TOGETHER_BASE_URL": server.base_url, "PYTHONPATH": root}
        variables["PYSPARK_PYTHON"] = sys.executable
        done = run(sys.executable, str(program), cwd=str(tmp_path), seconds=300, **variables)
        # Daft 0.7 crashes now and then when a program ends, one that asks nothing too.
        assert done.returncode == 0 or (engine == "Daft" and done.returncode < 0), done.stderr
        assert len(server.requests) == 6, [request.json["messages"] for request in server.requests]
    return done.stdout


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine not in SLOW])
def test_program(engine: str, tmp_path: Path) -> None:
    pytest.importorskip(ENGINES[engine])
    assert answered(engine, tmp_path) == "6 answered\n"


@pytest.mark.slow
@pytest.mark.parametrize("engine", SLOW)
def test_program_of_a_large_engine(engine: str, tmp_path: Path) -> None:
    if find_spec(ENGINES[engine]) is None:
        pytest.skip(f"{ENGINES[engine]} is not installed")
    said = answered(engine, tmp_path).splitlines()[-1]
    assert said == ("6 answered, 0 sent again" if engine == "Spark" else "6 answered")
