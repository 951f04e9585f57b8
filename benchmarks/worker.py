"""One contender, one case, one process: the part that runs in the contender's environment.

In: a `Spec` as JSON in the first argument. Out: one line of JSON: the CPU time (user and system) and the wall
time of all the operations, the peak memory, and what was resident more at their end than at their start; or a traceback
and a non-zero exit.
Rule: every answer is compared with what was served; a client that drops something does not get a figure.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parent.parent))  # last: what is installed is found first

from benchmarks.ask import ask
from benchmarks.meter import peak, resident

Measured = dict[str, float]
Spec = dict[str, Any]  # contender, url, warms, op, needs, count, at_once, prompt, says


class Stopwatch:
    """Takes the readings at its start and, by `stop`, what was used since."""

    def __init__(self) -> None:
        self.resident = resident()
        self.cpu = time.process_time()
        self.wall = time.perf_counter()

    def stop(self) -> Measured:
        cpu, wall = time.process_time() - self.cpu, time.perf_counter() - self.wall
        return {"cpu": cpu, "wall": wall, "grown": resident() - self.resident, "peak": peak()}


def _check(tally: Any, says: Any) -> None:
    if list(tally) != says:
        raise ValueError(f"read {list(tally)} where {says} was served")


def _warm(spec: Spec) -> int:
    """How many operations go before the measured ones: a tenth, or one of another kind."""
    count: int = spec["count"]
    return 1 if spec["warms"] else -(-count // 10)


def construct(contender: ModuleType, spec: Spec) -> Measured:
    contender.connect(spec["url"])
    watch = Stopwatch()
    for _ in range(spec["count"]):
        contender.connect(spec["url"])
    return watch.stop()


def repeat(contender: ModuleType, spec: Spec) -> Measured:
    """One after another on one client."""
    client, question = contender.connect(spec["url"]), ask(spec["prompt"])
    operation: Callable[..., Any] = getattr(contender, spec["needs"])
    other = contender.connect(spec["warms"]) if spec["warms"] else client
    for _ in range(_warm(spec)):
        operation(other, question)
    says = spec["says"]
    watch = Stopwatch()
    for _ in range(spec["count"]):
        _check(operation(client, question), says)
    return watch.stop()


def threads(contender: ModuleType, spec: Spec) -> Measured:
    """`at_once` threads share one client, and the operations evenly."""
    from concurrent.futures import ThreadPoolExecutor

    client, question = contender.connect(spec["url"]), ask(spec["prompt"])
    operation: Callable[..., Any] = getattr(contender, spec["needs"])

    def several(count: int) -> None:
        for _ in range(count):
            _check(operation(client, question), spec["says"])

    with ThreadPoolExecutor(spec["at_once"]) as pool:
        list(pool.map(several, [1] * spec["at_once"]))
        watch = Stopwatch()
        list(pool.map(several, [spec["count"] // spec["at_once"]] * spec["at_once"]))
        return watch.stop()


def flight(contender: ModuleType, spec: Spec) -> Measured:
    """`at_once` tasks on one event loop share one client, and the operations evenly."""
    import asyncio

    async def fly() -> Measured:
        client, question = await contender.aconnect(spec["url"], max(spec["at_once"], 100)), ask(spec["prompt"])
        operation: Callable[..., Any] = getattr(contender, spec["needs"])

        async def several(count: int) -> None:
            for _ in range(count):
                _check(await operation(client, question), spec["says"])

        async def all_at_once(count: int) -> None:
            await asyncio.gather(*(several(count) for _ in range(spec["at_once"])))

        if spec["warms"]:
            other = await contender.aconnect(spec["warms"], 100)
            await operation(other, question)
            await contender.aclose(other)
        else:
            await all_at_once(1)
        watch = Stopwatch()
        await all_at_once(spec["count"] // spec["at_once"])
        measured = watch.stop()
        await contender.aclose(client)
        return measured

    return asyncio.run(fly())


OPS: dict[str, Callable[[ModuleType, Spec], Measured]] = {
    "construct": construct,
    "repeat": repeat,
    "threads": threads,
    "flight": flight,
}


def main() -> None:
    import importlib

    spec = json.loads(sys.argv[1])
    contender = importlib.import_module("benchmarks.contenders." + spec["contender"])
    print(json.dumps(OPS[spec["op"]](contender, spec)))


if __name__ == "__main__":
    main()
