"""The command: `python -m benchmarks engines [--rows N] [--only ENGINE ...] [--delay MS]`.

In: how many rows, which engines. Out: a Markdown table: rows a second and CPU time a row, by the operator and by the
engine's own way, one right after the other.
The rule: an engine that is not installed and cannot be, or that fails, is a line that says why, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from statistics import median
from threading import Timer
from typing import NamedTuple

from benchmarks import environments, runner, server
from benchmarks.ask import KEY
from benchmarks.engines import IN_FLIGHT, PROCESSES
from benchmarks.engines.tree import MARK, Tree
from benchmarks.scenarios import scenario

ENGINES = ("loop", "dask", "polars", "daft", "ray", "spark")
WAYS = ("operator", "own")
SERVES = "answer-500"
WORKER = "import sys; from benchmarks.engines.work import main; main(*sys.argv[1:])"
VARIABLES = {
    "PYTHONPATH": str(environments.ROOT),
    "TOGETHER_API_KEY": KEY,
    "OPENAI_API_KEY": KEY,
    "NO_PROXY": "*",
    "TOGETHER_NO_BANNER": "1",
    # Nothing is told to anybody of what is measured here.
    "RAY_USAGE_STATS_ENABLED": "0",
    "DAFT_ANALYTICS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
}
COLUMNS = "| engine | way | rows/s | us CPU a row | peak MB | CPU, x operator |\n|---|---|---:|---:|---:|---:|"


class Figures(NamedTuple):
    rate: float  # rows a second
    cpu: float  # seconds a row, of all processes
    peak: float  # bytes of memory, of all processes


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    failed = False
    print(COLUMNS, flush=True)
    with server.running() as served:
        serves = f"delayed-{options.delay}" if options.delay else SERVES
        for name in options.only or ENGINES:
            found, reasons = _compared(name, f"{served.http}/{serves}/v1", serves, options)
            failed = failed or bool(reasons)
            for line in _lines(name, found, reasons):
                print(line, flush=True)
    return 1 if failed else 0


def _compared(
    name: str, url: str, serves: str, options: argparse.Namespace
) -> tuple[dict[str, list[Figures]], dict[str, str]]:
    """The figures of each way, one a round, or the reason why there are none."""
    engine = import_module(f"benchmarks.engines.{name}")
    found: dict[str, list[Figures]] = {way: [] for way in WAYS}
    reasons: dict[str, str] = {}
    try:
        python = sys.executable if options.quick else environments.make(engine.REQUIRES, options.envs).python
    except (environments.InstallError, OSError) as reason:
        return found, dict.fromkeys(WAYS, f"cannot be installed: {reason}")
    for number in range(options.rounds):
        for way in WAYS[:: -1 if number % 2 else 1]:
            if way not in reasons:
                try:
                    chars = scenario(serves).says.chars
                    found[way].append(measure(python, name, way, url, options.rows, chars, options.seconds))
                except (runner.FailedError, OSError) as reason:
                    reasons[way] = str(reason)
    return found, reasons


def measure(python: str, engine: str, way: str, url: str, rows: int, chars: int, seconds: float) -> Figures:
    """One way on one engine, in processes of its own. Raises FailedError."""
    mark = os.urandom(8).hex()
    inherited = {name: os.environ[name] for name in (*runner.VARIABLES, "JAVA_HOME") if name in os.environ}
    variables = {**inherited, **VARIABLES, "PYSPARK_PYTHON": python, MARK: mark}
    before = max(PROCESSES, rows // 10)
    command = [python, "-P", "-c", WORKER, engine, way, url, str(rows), str(before), str(chars)]
    with (
        tempfile.TemporaryFile() as said,  # no pipe: nobody reads what engines have to say, unless one fails
        Tree(mark) as tree,
        subprocess.Popen(
            command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
        ) as process,
    ):
        timer = Timer(seconds, process.kill)
        timer.start()
        try:
            return _followed(process, tree, rows)
        except (OSError, ValueError):
            if not timer.is_alive():
                raise runner.FailedError(f"took more than {seconds:.0f} s") from None
            said.seek(0)
            raise runner.FailedError(_reason(said.read().decode(errors="replace"))) from None
        finally:
            timer.cancel()
            process.kill()


def _followed(process: subprocess.Popen[str], tree: Tree, rows: int) -> Figures:
    """Raises OSError or ValueError: it ended before it had told all."""
    assert process.stdin is not None
    assert process.stdout is not None
    told, cpu = [], []
    for _ in range(2):
        told.append(json.loads(process.stdout.readline()))
        cpu.append(tree.look())
        process.stdin.write("go on\n")
        process.stdin.flush()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=30)  # its engine may end its processes itself
    return Figures(rows / told[1]["seconds"], (cpu[1] - cpu[0]) / rows, tree.peak)


def _reason(said: str) -> str:
    """The exception that ended a program, of all that it and its engine wrote."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Exit)\b.*: ", line)]
    return (errors or lines or ["it ended without a word"])[-1][:300]


def _lines(name: str, found: dict[str, list[Figures]], reasons: dict[str, str]) -> Iterator[str]:
    engine = import_module(f"benchmarks.engines.{name}")
    for way, title in zip(WAYS, ("`ChatOp`", engine.OWN), strict=True):
        if way in reasons:
            yield f"| {engine.TITLE} | {title} | failed: {reasons[way]} | | | |"
            continue
        rate, cpu, peak = (median(column) for column in zip(*found[way], strict=True))
        ratios = [ours.cpu / figures.cpu for ours, figures in zip(found["operator"], found[way], strict=False)]
        times = f"{1 / median(ratios):.1f}" if ratios else "-"
        yield f"| {engine.TITLE} | {title} | {rate:,.0f} | {cpu * 1e6:,.0f} | {peak / 1e6:,.0f} | {times} |"


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks engines",
        description=f"The operator beside each engine's own way; {IN_FLIGHT} in flight, {PROCESSES} processes.",
    )
    parser.add_argument("--rows", type=int, default=20_000, help="default: %(default)s")
    parser.add_argument("--only", type=_engines, metavar="ENGINE,...", help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--rounds", type=int, default=1, help="the medians are shown; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=1800, help="that a way may take; default: %(default)s")
    parser.add_argument("--delay", type=int, default=0, metavar="MS", help="the server answers after so long")
    parser.add_argument("--envs", type=Path, default=environments.default_directory(), metavar="DIR")
    parser.add_argument("--quick", action="store_true", help="40 rows, in the running interpreter: does it run?")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rows, options.rounds = 40, 1
    return options


def _engines(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in ENGINES:
            raise argparse.ArgumentTypeError(f"unknown engine {name!r}; known: {', '.join(ENGINES)}")
    return names
