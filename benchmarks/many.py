"""Many rows from a file into a file, each contender's own way: `python -m benchmarks batch [--rows N] [--growth]`.

In: how many rows, how many in flight. Out: a table of CPU time a row, rows a second and the peak of memory.
The rule: the same rows, the same server, one process each, which reads the rows, asks, and writes what came. Processes
of half as many rows are subtracted, so that what a process costs to start counts for nobody.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks import meter
from benchmarks.ask import KEY, TIMEOUT

ROOT = Path(__file__).resolve().parent.parent
SERVES = "answer-500"
IN_FLIGHT = 64
WORKER = "import sys; sys.path.append({root!r}); from benchmarks.many import work; work(*sys.argv[1:])"
Asking = Callable[[dict[str, Any]], Awaitable[Any]]


def write_rows(path: Path, count: int) -> None:
    with path.open("w") as file:
        for number in range(count):
            said = [{"role": "user", "content": f"What is deep learning, in {number} words?"}]
            body = {"model": "m", "messages": said, "max_tokens": 64}
            file.write(json.dumps({"custom_id": f"row-{number}", "body": body}) + "\n")


async def _gathered(rows: Path, out: Path, ask: Asking) -> None:
    """A task for each row and a semaphore: what programs do that have no engine."""
    gate = asyncio.Semaphore(IN_FLIGHT)
    with rows.open() as source, out.open("w") as sink:

        async def one(row: dict[str, Any]) -> None:
            async with gate:
                answer = await ask(row["body"])
            sink.write(json.dumps({"custom_id": row["custom_id"], "body": answer}) + "\n")

        await asyncio.gather(*(one(json.loads(line)) for line in source))


def run(url: str, rows: Path, out: Path) -> None:
    """togetherpy.batch.run"""
    from togetherpy import Together, batch

    client = Together(api_key=KEY, base_url=url, timeout=TIMEOUT)
    batch.run(rows, out, client=client, concurrency=IN_FLIGHT)


def map_(url: str, rows: Path, out: Path) -> None:
    """togetherpy, chat.completions.map"""
    from togetherpy import Together

    client = Together(api_key=KEY, base_url=url, timeout=TIMEOUT)
    with rows.open() as source, out.open("w") as sink:
        bodies = (json.loads(line)["body"] for line in source)
        for one in client.chat.completions.map(bodies, concurrency=IN_FLIGHT):
            sink.write(json.dumps({"index": one.index, "body": one.response.to_dict()}) + "\n")


def plain(url: str, rows: Path, out: Path) -> None:
    """togetherpy, plain calls, semaphore and gather"""
    from togetherpy import AsyncTogether

    async def main() -> None:
        async with AsyncTogether(api_key=KEY, base_url=url, timeout=TIMEOUT, max_connections=IN_FLIGHT) as client:
            await _gathered(rows, out, lambda body: _dict(client.chat.completions.create(response_type=dict, **body)))

    asyncio.run(main())


async def _dict(answer: Awaitable[Any]) -> Any:
    made = await answer
    return made if isinstance(made, dict) else made.model_dump()


def openai(url: str, rows: Path, out: Path) -> None:
    """openai, semaphore and gather"""
    from benchmarks.contenders.openai import aclose, aconnect

    async def main() -> None:
        client = await aconnect(url.removesuffix("/v1"), IN_FLIGHT)
        await _gathered(rows, out, lambda body: _dict(client.chat.completions.create(**body)))
        await aclose(client)

    asyncio.run(main())


def together(url: str, rows: Path, out: Path) -> None:
    """together, semaphore and gather"""
    from benchmarks.contenders.together import aclose, aconnect

    async def main() -> None:
        client = await aconnect(url, IN_FLIGHT)
        await _gathered(rows, out, lambda body: _dict(client.chat.completions.create(**body)))
        await aclose(client)

    asyncio.run(main())


def cookbook(url: str, rows: Path, out: Path) -> None:
    """The OpenAI cookbook's script: no client, aiohttp alone, a task for each row"""
    import aiohttp

    async def main() -> None:
        connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
        async with aiohttp.ClientSession(connector=connector, headers={"Authorization": f"Bearer {KEY}"}) as session:

            async def ask(body: dict[str, Any]) -> Any:
                async with session.post(url + "/chat/completions", json=body) as response:
                    return await response.json()

            await _gathered(rows, out, ask)

    asyncio.run(main())


CONTENDERS: dict[str, tuple[Callable[[str, Path, Path], None], list[str]]] = {
    "run": (run, ["."]),
    "map": (map_, ["."]),
    "plain": (plain, ["."]),
    "cookbook": (cookbook, ["aiohttp"]),
    "openai": (openai, ["openai"]),
    "together": (together, ["together"]),
}


def work(name: str, url: str, rows: str, out: str) -> None:
    """One contender in this process; prints what it took."""
    begun = time.perf_counter()
    CONTENDERS[name][0](url, Path(rows), Path(out))
    used = resource.getrusage(resource.RUSAGE_SELF)
    with open(out, "rb") as file:
        lines = sum(1 for _ in file)
    taken = {"cpu": used.ru_utime + used.ru_stime, "seconds": time.perf_counter() - begun, "peak": meter.peak()}
    print(json.dumps({**taken, "lines": lines}))


def main(arguments: list[str]) -> int:
    from benchmarks import environments, runner, server

    options = _options(arguments)
    counts = [10**power for power in range(3, 7)] if options.growth else [options.rows // 2, options.rows]
    print(f"{'':40} {'rows':>8} {'us CPU a row':>13} {'rows/s':>8} {'peak MB':>8}")
    with server.running() as served, tempfile.TemporaryDirectory(dir=options.folder) as folder:
        url, where = f"{served.http}/{SERVES}/v1", Path(folder)
        for name in options.contenders or (["run"] if options.growth else list(CONTENDERS)):
            python = environments.make(CONTENDERS[name][1], options.envs).python
            before: dict[str, float] = {"cpu": 0.0, "lines": 0}
            for count in counts:
                write_rows(where / "in.jsonl", count)
                words = (name, url, str(where / "in.jsonl"), str(where / f"{name}.{count}.jsonl"))
                try:
                    told = runner.run_process([python, "-P", "-c", WORKER.format(root=str(ROOT)), *words])
                except runner.FailedError as failed:
                    print(f"{name:40} {count:8} failed: {failed}")
                    break
                now = json.loads(told)
                if options.growth or before["lines"]:
                    print(_line(name, now, before))
                before = now
    return 0


def _line(name: str, now: dict[str, float], before: dict[str, float]) -> str:
    rows = now["lines"] - before["lines"]
    about = (CONTENDERS[name][0].__doc__ or name).split(":")[0]
    cost = (now["cpu"] - before["cpu"]) / rows * 1e6
    return f"{about:40} {now['lines']:8.0f} {cost:13.0f} {now['lines'] / now['seconds']:8.0f} {now['peak'] / 1e6:8.1f}"


def _options(arguments: list[str]) -> argparse.Namespace:
    from benchmarks.environments import default_directory

    parser = argparse.ArgumentParser(prog="python -m benchmarks batch", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--growth", action="store_true", help="batch.run with 10^3 to 10^6 rows")
    parser.add_argument("--contenders", nargs="*", choices=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--envs", type=Path, default=default_directory(), metavar="DIR")
    parser.add_argument("--folder", default=os.environ.get("TMPDIR"), help="where the rows and the outputs go")
    return parser.parse_args(arguments)
