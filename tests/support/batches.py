"""What the tests of `togetherpy.batch` share: inputs, outputs, and both ways to run."""

import asyncio
import json
from pathlib import Path
from typing import Any

from togetherpy import Together, batch
from togetherpy.testing import LocalServer

KEY = "sk-" + "B4tch9" * 5


def write_rows(path: Path, rows: list[Any]) -> Path:
    """JSON lines; bytes stand as they are."""
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def prompts(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"custom_id": f"c{number}", "prompt": f"question {number}"} for number in range(start, start + count)]


def read_rows(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    assert not data or data.endswith(b"\n")
    return [json.loads(line) for line in data.split(b"\n")[:-1]]


def asked(server: LocalServer) -> list[str]:
    """The last message of each request, in order of arrival."""
    found: list[str] = [request.json["messages"][-1]["content"] for request in server.requests]
    return found


class Runner:
    """`run` or `arun`."""

    def __init__(self, kind: str, server: LocalServer) -> None:
        self.kind, self.server = kind, server

    def __call__(self, given: Any, output: Any, **options: Any) -> batch.BatchSummary:
        with Together(api_key=KEY, base_url=self.server.base_url) as client:
            arguments = {"client": client, "model": "m", **options}
            if self.kind == "sync":
                return batch.run(given, output, **arguments)
            return asyncio.run(batch.arun(given, output, **arguments))
