"""Every program of the pages passes mypy and pyright, both strict; where they are installed (the lint extra)."""

import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.pages import ROOT, programs
from support.processes import run

pytestmark = pytest.mark.slow
SECONDS = 300.0
# What a program imports that may not be there, or has no types. The engines are partly typed, each in its own way.
UNTYPED = {"ray", "pyspark", "daft", "dask", "pandas", "polars"}
ELSEWHERE = {"fastapi"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for each program, named for where it stands."""
    made = tmp_path_factory.mktemp("programs")
    for program in programs():
        imported = set(re.findall(r"^(?:import|from) (\w+)", program.code, re.MULTILINE))
        missing = {name for name in imported & ELSEWHERE if find_spec(name) is None}
        if not imported & UNTYPED and not missing:
            name = re.sub(r"\W+", "_", program.name).lower()
            (made / f"{name}.py").write_text(program.code, encoding="utf-8")
    assert len(list(made.iterdir())) > 20
    return made


def test_mypy(folder: Path) -> None:
    pytest.importorskip("mypy")
    command = (sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(folder))
    result = run(*command, cwd=str(folder), seconds=SECONDS, MYPYPATH=str(ROOT))
    assert result.returncode == 0, result.stdout + result.stderr


def test_pyright(folder: Path) -> None:
    pytest.importorskip("pyright")
    settings = {"typeCheckingMode": "strict", "include": ["."], "extraPaths": [str(ROOT)]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = (sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--project", str(folder))
    result = run(*command, cwd=str(folder), seconds=SECONDS)
    assert result.returncode == 0, result.stdout + result.stderr
