"""Results as text for a terminal.

In: one case and its results. Out: lines. Rule: a figure and its unit stand together; a ratio says of what.
"""

from __future__ import annotations

from statistics import median

from benchmarks.cases import Case
from benchmarks.runner import Result

Results = dict[str, Result]


def seconds(value: float) -> str:
    """With three digits that count: 1.23 ms."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size or unit == "us":
            shown = value / size
            return f"{shown:.{2 if shown < 10 else 1 if shown < 100 else 0}f} {unit}"
    raise AssertionError


def megabytes(value: float) -> str:
    return f"{value / 1e6:.1f} MB"


def best(results: Results, roles: dict[str, str], role: str) -> float | None:
    """The least median CPU time of the contenders of a role."""
    measured = [median(r.cpu) for name, r in results.items() if roles[name] == role and r.cpu and not r.failed]
    return min(measured, default=None)


def ratio(value: float, to: float | None) -> str:
    return f"{value / to:.2f}" if to else "-"


COLUMNS = ("contender", "cpu min", "median", "max", "wall", "peak", "grown", "x best peer", "x floor")


def rows(case: Case, results: Results, roles: dict[str, str]) -> list[tuple[str, ...]]:
    """One per contender, the cheapest first, the failed last; as many cells as COLUMNS, or a name and a reason."""
    if case.op == "installed":
        return [
            (
                name,
                r.failed or f"{r.packages} packages, {megabytes(r.bytes)}, with bytecode {megabytes(r.bytes_compiled)}",
            )
            for name, r in sorted(results.items(), key=lambda item: item[1].bytes)
        ]
    peer, floor = best(results, roles, "peer"), best(results, roles, "floor")
    told = sorted((median(r.cpu), name) for name, r in results.items() if not r.failed)
    lines: list[tuple[str, ...]] = []
    for cpu, name in told:
        r = results[name]
        times = (seconds(value) for value in (min(r.cpu), cpu, max(r.cpu), median(r.wall)))
        lines.append((name, *times, megabytes(r.peak), megabytes(r.grown), ratio(cpu, peer), ratio(cpu, floor)))
    lines += [(name, f"failed: {r.failed}") for name, r in results.items() if r.failed]
    return lines


def text(case: Case, results: Results, roles: dict[str, str]) -> str:
    body = rows(case, results, roles)
    widths = [max(len(row[at]) for row in [COLUMNS, *body] if len(row) == len(COLUMNS)) for at in range(len(COLUMNS))]
    widths[0] = max(len(row[0]) for row in [COLUMNS, *body])
    per = "" if case.op == "installed" else f", per {case.unit}"
    lines = [f"{case.name}: {case.about}{per}"]
    for row in [COLUMNS, *body] if case.op != "installed" else body:
        cells = [row[0].ljust(widths[0])]
        cells += (
            [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)] if len(row) > 2 else row[1:]
        )
        lines.append("  " + "  ".join(cells))
    return "\n".join(lines)
