"""Eight processes share one server's limit: together they do nearly what one does, and are seldom refused."""

import subprocess
import sys

import pytest
from support.processes import environment

from togetherpy.testing import LocalServer

PROCESSES = 8
ROWS = 1600
RPM = 3000.0
TRIES = 3
PROGRAM = """
import sys
from togetherpy.batch import ChatOp
share, first, count = map(int, sys.argv[1:])
op = ChatOp(model="m", prompt="q", share=share, max_tokens=8)
assert op.map_list([]) == []
print("ready", flush=True)
assert sys.stdin.readline()
failed = [row for row in op.map_list([f"n{n}" for n in range(first, first + count)]) if row["error"]]
assert not failed, failed[0]
"""


def asked_by(processes: int) -> tuple[float, float]:
    """All rows are asked, and answered: rows a second as the server saw them, and the part of requests that it refused.

    They begin together, when all have started, so that what counts is the server's limit and not the machine.
    """
    with LocalServer(rpm=RPM, dynamic=True, latency=(0.2, 0.6), seed=1) as server:
        variables = environment(TOGETHER_API_KEY="k", TOGETHER_BASE_URL=server.base_url)
        each = ROWS // processes
        running = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(processes), str(n * each), str(each)],
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for n in range(processes)
        ]
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline()
        for process in running:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            process.stdin.close()
        assert [process.wait(timeout=300) for process in running] == [0] * processes
        for process in running:
            assert process.stdout is not None
            process.stdout.close()
        times = [request.time for request in server.requests]
    assert len(times) >= ROWS
    return ROWS / (max(times) - min(times)), 1 - ROWS / len(times)


@pytest.mark.slow
def test_eight_processes_share_a_limit() -> None:
    """Goodput is at least 85 % of one process's, and fewer than 3 % are refused. A machine that others use may spoil a
    try, so there are some. (Without `share` it is some 70 %, and 4 % are refused.)"""
    found = []
    for _ in range(TRIES):
        (alone, _), (together, refused) = asked_by(1), asked_by(PROCESSES)
        found.append((together / alone, refused))
        if together / alone >= 0.85 and refused < 0.03:
            return
    pytest.fail(f"goodput of one process's, and refused: {found}")
