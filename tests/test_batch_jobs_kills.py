"""Jobs of the service when the process is killed: at every step of `submit`, `wait` and `download`."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support import dying
from support.jobs import created, uploaded
from support.processes import PYTHON, run

from togetherpy.testing import LocalServer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
NAMES = Counter(row["custom_id"] for row in dying.ROWS)


def killed(tmp_path: Path, action: str, first: int, stride: int) -> list[Any]:
    """What came of each directory; and no job was made twice."""
    with LocalServer() as server:
        command = (*PYTHON, dying.__file__, server.base_url, str(tmp_path), action, str(first), str(stride))
        done = run(*command, seconds=300, TMPDIR=str(tmp_path))
        jobs, files = created(server), uploaded(server)
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for one in found:
        assert Counter(name for name, _ in one["rows"]) == NAMES, one
        codes = {error and error["code"] for _, error in one["rows"]}
        assert codes == ({"batch_cancelled"} if action == "cancel" else {None}), one
        assert [jobs[name] for name in one["files"]] == [1, 1], one
    assert set(files.values()) == {1}
    return found


SOME = [("submit", 13, 6), ("wait", 7, 3), ("download", 11, 3), ("cancel", 9, 2)]
"""Another sample in each process: every so many steps, and how many those are at the least."""


@pytest.mark.fault("I21")
@pytest.mark.parametrize(("action", "stride", "least"), SOME)
def test_killed_at_some_steps(tmp_path: Path, action: str, stride: int, least: int) -> None:
    assert len(killed(tmp_path, action, 1 + os.getpid() % stride, stride)) >= least


@pytest.mark.slow
@pytest.mark.fault("I21")
@pytest.mark.parametrize(("action", "least"), [("submit", 90), ("wait", 25), ("download", 40), ("cancel", 20)])
def test_killed_at_every_step(tmp_path: Path, action: str, least: int) -> None:
    assert len(killed(tmp_path, action, 1, 1)) >= least
