"""Runs contenders in alternation, each in its own process, and gathers what they measured.

In: cases, contenders, environments, the server's addresses. Out: for each case and contender a `Result`: one figure a
round, or the reason why there is none.
Rule: a contender that fails costs the run nothing but its own figures, and every process has a limit of time.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, TypeVar

from benchmarks import contenders
from benchmarks.cases import Case
from benchmarks.environments import ROOT, Environment
from benchmarks.scenarios import scenario
from benchmarks.server import Served

SECONDS = 300.0  # that one process may take
VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT")

IMPORTED = """\
import sys, time
sys.path.append({root!r})
wall, cpu = time.perf_counter(), time.process_time()
{statement}
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
from benchmarks.meter import peak
print('{{"cpu": %r, "wall": %r, "peak": %r, "grown": 0}}' % (cpu, wall, peak()))
"""
FIRST_ANSWER = """\
import sys
sys.path.append({root!r})
from benchmarks.ask import ask
from benchmarks.contenders import {name} as contender
print(*contender.answer(contender.connect({url!r}), ask())[:2])
from benchmarks.meter import peak
print(peak())
"""


T = TypeVar("T")
Reading = dict[str, float]  # cpu, wall, peak, grown


class FailedError(Exception):
    """A process of a contender ended without a figure; the message says why, in one line."""


@dataclass
class Result:
    """Seconds of CPU and of wall time per unit, one of each a round; bytes for the rest."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    peak: float = 0
    grown: float = 0
    packages: int = 0
    bytes: int = 0
    bytes_compiled: int = 0
    failed: str = ""


def all_contenders() -> dict[str, ModuleType]:
    """Every file in contenders/ but those that start with an underscore, by name."""
    names = [module.name for module in iter_modules(contenders.__path__) if not module.name.startswith("_")]
    return {name: import_module(f"{contenders.__name__}.{name}") for name in names}


def takes_part(contender: ModuleType, case: Case) -> bool:
    return contender.ROLE in case.roles and (not case.needs or hasattr(contender, case.needs))


def run(
    batch: list[Case],
    entered: dict[str, ModuleType],
    environments: dict[str, Environment | str],
    served: Served,
    rounds: int,
    say: Callable[[str], object],
) -> dict[str, dict[str, Result]]:
    """Round after round, in each round every case, and for it every contender once; others begin the next round.

    So a round's figures are of nearly the same time, of cases that are compared with one another, too.
    """
    parts = {
        case.name: {name: Result() for name, contender in entered.items() if takes_part(contender, case)}
        for case in batch
    }
    for number in range(rounds):
        for case in _from(number, batch):
            results = parts[case.name]
            names = list(results) if number < (case.rounds or rounds) else []
            for name in _from(number, names):
                result, environment = results[name], environments[name]
                if isinstance(environment, str):
                    result.failed = environment
                elif not result.failed:
                    say(f"{case.name}: round {number + 1}, {name}")
                    try:
                        _measure(case, name, entered[name], environment, served, result)
                    except FailedError as reason:
                        result.failed = str(reason)
    return parts


def _from(number: int, turns: list[T]) -> list[T]:
    """Whose turn it is in this round, in order."""
    begins = number % max(len(turns), 1)
    return turns[begins:] + turns[:begins]


def _measure(case: Case, name: str, contender: ModuleType, where: Environment, served: Served, result: Result) -> None:
    """One round: adds its figures to the result's."""
    if case.op == "installed":
        result.packages, result.bytes, result.bytes_compiled = len(where.packages), where.bytes, where.bytes_compiled
        return
    address = served.https if case.tls else served.http
    if not address:
        raise FailedError("trustme is not installed, which makes the certificate")
    readings = _readings(case, name, contender, where.python, f"{address}/{case.serves}", served.authority)
    units = case.count * case.units
    result.cpu.append(sum(reading["cpu"] for reading in readings) / units)
    result.wall.append(sum(reading["wall"] for reading in readings) / units)
    result.peak = max([result.peak, *(reading["peak"] for reading in readings)])
    result.grown = max([result.grown, *(reading["grown"] for reading in readings)])


def _readings(case: Case, name: str, contender: ModuleType, python: str, url: str, authority: str) -> list[Reading]:
    """Of one process for all operations, or of a process for each where its start is what is measured."""
    if case.op == "started":
        return _several(case.count, lambda: _of_a_process([python, "-P", "-c", contender.IMPORT_STACK]))
    if case.op in ("imported", "imported_client"):
        statement = contender.IMPORT if case.op == "imported" else contender.IMPORT_CLIENT
        command = [python, "-P", "-c", IMPORTED.format(statement=statement, root=str(ROOT))]
        return _several(case.count, lambda: _told(run_process(command)))
    if case.op == "first_answer":
        command = [python, "-P", "-c", FIRST_ANSWER.format(name=name, url=url, root=str(ROOT))]
        return _several(case.count, lambda: _first_answer(command, case))
    worker = str(Path(__file__).with_name("worker.py"))
    return [_told(run_process([python, "-P", worker, json.dumps(_spec(case, name, url))], authority))]


def _told(output: str) -> Reading:
    """The last line: a client may have printed something before it."""
    try:
        reading: Reading = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        raise FailedError(f"printed {output[-80:]!r} where its figures were to be") from None
    return reading


def _spec(case: Case, name: str, url: str) -> dict[str, Any]:
    says = scenario(case.serves).says
    if case.needs == "accumulate":
        says = says._replace(chunks=1)
    warms = f"{url.rpartition('/')[0]}/{case.warms}" if case.warms else ""
    return {"contender": name, "url": url, "warms": warms, "says": says} | {
        key: getattr(case, key) for key in ("op", "needs", "count", "at_once", "prompt")
    }


def _several(count: int, measure: Callable[[], Reading]) -> list[Reading]:
    """One more than `count` and without the first, which may have to write bytecode."""
    return [measure() for _ in range(count + 1)][1:]


def _first_answer(command: list[str], case: Case) -> Reading:
    reading, output = _watched(command)
    answer, peak = output.splitlines()[-2:]
    if answer.split() != [str(value) for value in scenario(case.serves).says[:2]]:
        raise FailedError(f"read {answer!r} where {scenario(case.serves).says[:2]} was served")
    return reading | {"peak": int(peak)}


def _of_a_process(command: list[str]) -> Reading:
    reading, _ = _watched(command)
    return reading


def _watched(command: list[str]) -> tuple[Reading, str]:
    """What the whole of a process took, from outside, and what it printed."""
    cpu, wall = _cpu_of_children(), time.perf_counter()
    output = run_process(command)
    cpu, wall = _cpu_of_children() - cpu, time.perf_counter() - wall
    return {"cpu": cpu, "wall": wall, "peak": 0, "grown": 0}, output


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_process(command: list[str], authority: str = "") -> str:
    """What the process printed; it inherits neither proxies nor keys nor anything else that could change its course.

    `authority`: a file of certificates to be trusted, told in the ways that the clients know.
    """
    variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    variables |= {"TOGETHER_NO_BANNER": "1", "NO_PROXY": "*", "PYTHONHASHSEED": "0"}
    if authority:
        variables |= {"SSL_CERT_FILE": authority, "REQUESTS_CA_BUNDLE": authority}
    try:
        done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise FailedError(f"took more than {SECONDS:.0f} s") from None
    except OSError as reason:
        raise FailedError(str(reason)) from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise FailedError(lines[-1].strip() if lines else f"exit code {done.returncode}")
    return done.stdout


def failures(results: Iterable[dict[str, Result]]) -> int:
    return sum(1 for by_name in results for result in by_name.values() if result.failed)
