"""The command: `python -m benchmarks [CASE ...] [--contenders NAME ...] [--quick] [--json FILE] [--report]`,
or `python -m benchmarks simulate`, `batch`, `engines` or `scale`, which are explained there.

In: names of cases, groups and contenders; none means all. Out: a table on standard output, progress on standard error.
Rule: exit code 0 when every contender that was asked for gave its figures, 1 when one failed, 2 for a name that is not
known. No figure changes the exit code: the machine it runs on is not ours to judge.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import cases, environments, limits, many, report, runner, server, simulate, table
from benchmarks.engines import command as engines
from benchmarks.scale import command as scale


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    others = {"simulate": simulate.main, "batch": many.main, "engines": engines.main, "scale": scale.main}
    return others[given[0]](given[1:]) if given[:1] and given[0] in others else _compare(given)


def _compare(arguments: list[str]) -> int:
    options = _options(arguments)
    if options.report:
        report.write(json.loads(options.report.read_text()))
        return 0
    try:
        chosen = cases.select(options.cases)
    except KeyError as unknown:
        return _unknown("case", unknown.args[0], [*cases.GROUPS, *cases.CASES])
    contenders = runner.all_contenders()
    for name in options.contenders:
        if name not in contenders:
            return _unknown("contender", name, list(contenders))
    entered = {name: c for name, c in contenders.items() if not options.contenders or name in options.contenders}
    if options.quick:
        chosen = [small for case in chosen if (small := cases.quick(case))]
        entered = {name: c for name, c in entered.items() if c.ROLE != "peer"}
    where = _environments(entered, options.envs, options.quick)
    results: dict[str, dict[str, runner.Result]] = {}
    run = {"machine": _machine(), "contenders": _about(entered, where), "rounds": options.rounds, "results": results}
    with server.running() as served:
        for batch in cases.batches(chosen):
            results |= runner.run(batch, entered, where, served, options.rounds, _say)
            _say("")
            _print(batch, results, {name: contender.ROLE for name, contender in entered.items()})
            if options.json:
                options.json.write_text(json.dumps(run, default=asdict, indent=1))
    if not options.quick:
        for verdict in limits.judge(results):
            print(verdict.sentence())
    return 1 if runner.failures(results.values()) else 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="togetherpy beside its peers.",
        epilog="`python -m benchmarks simulate --help`: the controller of batch runs against models of services.",
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"a case, or a group of {', '.join(cases.GROUPS)}")
    parser.add_argument("--contenders", nargs="+", default=[], metavar="NAME", help="only these")
    parser.add_argument("--rounds", type=_whole, default=5, help="how many; the costliest cases do 1 or 3 (default: 5)")
    parser.add_argument("--quick", action="store_true", help="small, one round, no peers, nothing installed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every figure, written as the run goes on")
    parser.add_argument(
        "--envs", type=Path, default=environments.default_directory(), help="where environments are kept"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write README.md and its plot from a run's JSON")
    return parser.parse_args(arguments)


def _whole(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _unknown(kind: str, name: str, known: list[str]) -> int:
    print(f"unknown {kind} {name!r}; known: {', '.join(known)}", file=sys.stderr)
    return 2


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _print(batch: list[cases.Case], results: dict[str, dict[str, runner.Result]], roles: dict[str, str]) -> None:
    for case in batch:
        print(table.text(case, results[case.name], roles), end="\n\n", flush=True)


def _environments(
    entered: dict[str, ModuleType], directory: Path, quick: bool
) -> dict[str, environments.Environment | str]:
    """For each contender where it runs, or why it cannot."""
    where: dict[str, environments.Environment | str] = {}
    for name, contender in entered.items():
        _say(f"environment: {name}")
        try:
            where[name] = environments.current() if quick else environments.make(contender.REQUIRES, directory)
        except (environments.InstallError, OSError) as reason:
            where[name] = f"cannot be installed: {reason}"
    return where


def _machine() -> dict[str, Any]:
    """What a reader needs to compare, and nothing that names the machine."""
    model = platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    import os

    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _about(entered: dict[str, ModuleType], where: dict[str, environments.Environment | str]) -> dict[str, Any]:
    about = {}
    for name, contender in entered.items():
        environment = where[name]
        packages = {} if isinstance(environment, str) else environment.packages
        about[name] = {"role": contender.ROLE, "requires": contender.REQUIRES, "packages": packages}
    return about


if __name__ == "__main__":
    sys.exit(main())
