"""Eight processes share one server's limit, and are seldom refused."""

import subprocess
import sys

import pytest
from support.processes import environment

from togetherpy.testing import LocalServer

PROCESSES = 8
ROWS = 3000
RPM = 3000.0
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


@pytest.mark.slow
def test_eight_processes_share_a_limit() -> None:
    """All rows are answered, and few requests are refused. How fast that is, is the simulation's to say."""
    with LocalServer(rpm=RPM, dynamic=True, latency=(0.2, 0.6), seed=1) as server:
        variables = environment(TOGETHER_API_KEY="k", TOGETHER_BASE_URL=server.base_url)
        each = ROWS // PROCESSES
        running = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(PROCESSES), str(n * each), str(each)],
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for n in range(PROCESSES)
        ]
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline()
        for process in running:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            process.stdin.close()
        assert [process.wait(timeout=300) for process in running] == [0] * PROCESSES
        for process in running:
            assert process.stdout is not None
            process.stdout.close()
        refused = len(server.requests) - ROWS
    assert refused / (ROWS + refused) < 0.03
