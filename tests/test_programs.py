"""Public programs that use `together`, run with togetherpy in its place; those of them that are installed."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.programs import PROGRAMS

from togetherpy.testing import LocalServer

DRIVER = Path(__file__).parent / "support" / "programs.py"


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_runs_unchanged(name: str) -> None:
    if importlib.util.find_spec(PROGRAMS[name][0]) is None:
        pytest.skip(f"{name} is not installed")
    with LocalServer() as server:
        settings = {"TOGETHER_API_KEY": "k", "TOGETHER_BASE_URL": server.base_url, "MEM0_TELEMETRY": "False"}
        command = [sys.executable, str(DRIVER), name]
        done = subprocess.run(
            command, env=os.environ | settings, capture_output=True, text=True, timeout=300, check=False
        )
    steps = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"step"')]
    assert steps, done.stderr
    assert [one for one in steps if "error" in one] == []
