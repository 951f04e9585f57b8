"""A command on a directory of jobs, killed at each of its steps in turn and then gone on with.

Run as a program: `dying.py BASE_URL FOLDER ACTION FIRST STRIDE`. In: a server. Out: a line of JSON for each step at
which a process killed itself (SIGKILL), which says what the directory came to when the commands were simply run again.
A step is anything that outlasts a process: before and after each write and each rename of a file, before a request is
sent, after it was sent, after its answer came. There is one thread here, so that a fork is a whole process.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from togetherpy import Together, batch
from togetherpy.batch.jobs import service

ROWS = [{"custom_id": "long " * 20 if n == 2 else f"c{n}", "prompt": f"question {n}"} for n in range(5)]
ACTIONS = ("submit", "cancel", "wait", "download")
"""In their order; only who asks for it cancels."""


class Steps:
    """Counts them, and ends the process at one of them."""

    def __init__(self, last: int) -> None:
        self._left = last

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str) -> None:
        """Makes steps of the beginning and the end of each call."""
        function = getattr(owner, name)

        def counted(*given: Any, **named: Any) -> Any:
            self.step()
            try:
                return function(*given, **named)
            finally:
                self.step()

        setattr(owner, name, counted)


def act(action: str, source: Path, directory: Path, out: Path, client: Together) -> None:
    if action == "submit":
        batch.submit(source, directory, client=client, model="m", rows_per_job=3)
    elif action == "cancel":
        batch.cancel(directory, client=client)
    elif action == "wait":
        batch.wait(directory, client=client, interval=0.0001)
    else:
        batch.download(directory, out, client=client)


def killed_at(step: int, action: str, *where: Any) -> bool:
    """Whether the action, in a process of its own, came to this step."""
    child = os.fork()
    if child == 0:
        steps = Steps(step)
        for name in ("write", "replace", "fsync", "unlink", "truncate"):
            steps.around(os, name)
        for name in ("send", "sendall", "recv", "recv_into"):
            steps.around(socket.socket, name)
        act(action, *where)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return status != 0


def main(base_url: str, folder: str, action: str, first: str, stride: str) -> None:
    source = Path(folder, "in.jsonl")
    source.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    service.BREATH = 0.001
    for step in range(int(first), 100_000, int(stride)):
        directory, out = Path(folder, f"jobs-{step}"), Path(folder, f"out-{step}.jsonl")
        with Together(api_key="test", base_url=base_url, max_retries=0) as client:
            where = source, directory, out, client
            actions = [one for one in ACTIONS if one in ("submit", "wait", "download", action)]
            for before in actions[: actions.index(action)]:
                act(before, *where)
            if not killed_at(step, action, *where):
                return
            for after in actions[actions.index(action) :]:
                act(after, *where)
            files = [chunk.input_file_id for chunk in batch.status(directory, client=client).jobs]
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        print(json.dumps({"step": step, "files": files, "rows": [[row["custom_id"], row["error"]] for row in rows]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
