"""What the model multiplies: measured here and now, each in less than some seconds.

In: the job. Out: `Measured`. The rule: each figure is of the code as it runs, in a process of its own where memory is
measured; what was not measured is not in it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import meter, runner, server
from benchmarks.ask import KEY
from benchmarks.scale.model import Job, Shared
from benchmarks.services import Latency, Service
from benchmarks.simulate import Simulation
from togetherpy.testing._limits import Limits

WORKER = "import sys; sys.path.append({root!r}); from benchmarks.scale import measured; measured.{what}(*sys.argv[1:])"
CHARS = 4  # a token, about
SIMULATED = 200_000  # rows at most, of as many workers as have them in that time
SECONDS = 100  # of made-up time


@dataclass(frozen=True)
class Measured:
    """Seconds and bytes."""

    row_cpu: float  # of a row that is asked
    kept_cpu: float  # more, where there is a store
    worker_bytes: float  # of memory, with one request in flight
    flight_bytes: float  # of memory, for each one more
    row_bytes: float  # of a row in the store
    entry_cpu: float  # of a row of the store to be read and remembered
    entry_bytes: float  # of memory for it
    look_cpu: float  # to see whether one of the other parts has grown
    claim_cpu: float  # to claim a request, for each that others have in flight
    untold: Shared  # by workers that know how many they are
    told: Shared  # and are told the limit, too


def measure(job: Job, quick: bool) -> Measured:
    rows, entries, parts, locks = (150, 50_000, 20, 200) if quick else (6_000, 200_000, 1_000, 4_000)
    with server.running() as served, tempfile.TemporaryDirectory() as folder:
        url = f"{served.http}/answer-{max(1, round(job.completion * CHARS))}/v1"
        flight = min(job.each, 256)
        plain = _process("ask", url, rows, job.prompt, flight, "")
        kept = _process("ask", url, rows, job.prompt, flight, os.path.join(folder, "asked"))
        store = _process("remember", entries, os.path.join(folder, "kept"))
        looks = _process("look", parts, os.path.join(folder, "parts"))
        claims = _process("claim", locks, os.path.join(folder, "claims"))
    return Measured(
        row_cpu=plain["cpu"],
        kept_cpu=max(0.0, kept["cpu"] - plain["cpu"]),
        worker_bytes=plain["base"],
        flight_bytes=max(0.0, plain["peak"] - plain["base"]) / flight,
        row_bytes=kept["bytes"],
        entry_cpu=store["cpu"],
        entry_bytes=store["bytes"],
        look_cpu=looks["cpu"],
        claim_cpu=claims["cpu"],
        untold=simulated(job, quick, told=False),
        told=simulated(job, quick, told=True),
    )


def simulated(job: Job, quick: bool, *, told: bool) -> Shared:
    """As many workers as there is time for, with their part of the service's limit, at the job's pace for each."""
    seconds, most = (10, 2_000) if quick else (SECONDS, SIMULATED)
    own = job.rate / job.workers * seconds
    workers = max(1, min(job.workers, int(most / own)))
    rpm = job.rate * 60 * workers / job.workers
    rows = round(max(workers, min(most, own * workers)))
    service = Service(Latency(job.latency, 4 * job.latency), Limits(rpm=rpm))
    got = Simulation(service, rows, workers, share=workers, ceiling=job.each * workers, rpm=rpm if told else None).run()
    return Shared(workers, got.refused, rows / got.seconds / (rpm / 60))


def _process(what: str, *arguments: Any) -> dict[str, float]:
    """Raises FailedError."""
    command = [sys.executable, "-P", "-c", WORKER.format(root=str(runner.ROOT), what=what), *map(str, arguments)]
    told: dict[str, float] = json.loads(runner.run_process(command))
    return told


# In processes of their own


def ask(url: str, rows: str, tokens: str, flight: str, store: str) -> None:
    """The operator over so many rows."""
    from togetherpy.batch import ChatOp

    os.environ["TOGETHER_API_KEY"] = KEY
    op = ChatOp(model="m", prompt="text", base_url=url, concurrency=int(flight), store=store or None)
    text = "word" * int(float(tokens))
    assert op.map_list([text])[0]["error"] is None
    base = meter.resident()
    _asked(op, text, "first", int(rows) // 10)
    begun = time.process_time()
    _asked(op, text, "then", int(rows))
    cpu = (time.process_time() - begun) / int(rows)
    size = sum(part.stat().st_size for part in Path(store).glob("*.jsonl")) / (1 + int(rows) // 10 + int(rows))
    print(json.dumps({"cpu": cpu, "base": base, "peak": meter.peak(), "bytes": size}))


def _asked(op: Any, text: str, what: str, count: int) -> None:
    rows = ({"text": f"{text} {what} {number}"} for number in range(count))
    failed = [row["error"] for row in op.map_partition(rows) if row["error"] is not None]
    if failed:
        raise ValueError(f"{len(failed)} of {count} rows failed: {failed[0]}")


def remember(entries: str, folder: str) -> None:
    """A store that has so many answers is opened."""
    from togetherpy.batch.store import Store

    _write(Path(folder), "part-1-0.jsonl", range(int(entries)))
    before, begun = meter.resident(), time.process_time()
    store = Store(folder)
    cpu = (time.process_time() - begun) / int(entries)
    grown = (meter.resident() - before) / int(entries)
    assert all(store.find(_key(number)) for number in _some(int(entries)))
    print(json.dumps({"cpu": cpu, "bytes": grown}))


def look(parts: str, folder: str) -> None:
    """What so many others have written is looked for, and they have written nothing."""
    from togetherpy.batch.store import Store

    for number in range(int(parts)):
        _write(Path(folder), f"part-{number}-0.jsonl", [number])
    store, times = Store(folder), 20
    begun = time.process_time()
    for number in range(times):
        assert store.find(_key(-1 - number), fresh=True) is None
    print(json.dumps({"cpu": (time.process_time() - begun) / times / int(parts)}))


def claim(locks: str, path: str) -> None:
    """Some requests are claimed, and given back, while another process has so many in flight."""
    from togetherpy.batch.claims import Claims

    random = Random(1)
    numbers = [random.getrandbits(62) for _ in range(int(locks))]
    came, left = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        claims = Claims(path)
        assert all(claims.take(number) for number in numbers)
        os.write(came[1], b"x")
        os.close(left[1])
        os.read(left[0], 1)
        os._exit(0)
    os.read(came[0], 1)
    claims = Claims(path)
    assert not claims.take(numbers[0])
    times, begun = 200, time.process_time()
    for number in range(times):
        assert claims.take(number << 40)
        claims.give_back(number << 40)
    cpu = (time.process_time() - begun) / times / int(locks)
    os.close(left[1])
    os.waitpid(child, 0)
    print(json.dumps({"cpu": cpu}))


def _key(number: int) -> str:
    from togetherpy.batch.store import key_of

    return key_of(b"%d" % number)


def _some(count: int) -> Iterator[int]:
    return iter(range(0, count, max(1, count // 100)))


def _write(folder: Path, name: str, numbers: Any) -> None:
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w") as part:
        for number in numbers:
            part.write(json.dumps({"key": _key(number), "body": {"answer": "x" * 500}}, separators=(",", ":")) + "\n")
