"""The report: README.md's generated sections, and the plot, from the JSON of a run.

In: what `--json` wrote. Out: the text between the markers of README.md replaced, plot.svg written.
Rule: every figure comes from that run; a section whose cases were not measured says so.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchmarks import cases, limits, plot, table
from benchmarks.runner import Result

HERE = Path(__file__).resolve().parent
Results = dict[str, dict[str, Result]]


def write(run: dict[str, Any], directory: Path = HERE) -> None:
    results = read(run)
    roles = {name: about["role"] for name, about in run["contenders"].items()}
    readme = directory / "README.md"
    text = readme.read_text()
    sections = {
        "machine": _machine(run),
        "contenders": _contenders(run),
        "limits": _limits(results),
        "results": _results(results, roles),
    }
    for name, body in sections.items():
        text = replace_section(text, name, body)
    readme.write_text(text)
    (directory / "plot.svg").write_text(plot.picture(results, roles))


def read(run: dict[str, Any]) -> Results:
    """The results of a run's JSON, without the cases that are no longer known."""
    return {
        case: {name: Result(**figures) for name, figures in by_name.items()}
        for case, by_name in run["results"].items()
        if case in cases.CASES
    }


def replace_section(text: str, name: str, body: str) -> str:
    """Raises ValueError when the text has no such section."""
    pattern = re.compile(f"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    new, count = pattern.subn(lambda found: f"{found[1]}{body.rstrip()}\n{found[2]}", text)
    if count != 1:
        raise ValueError(f"no section {name!r}")
    return new


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    """The first column to the left, the others to the right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _machine(run: dict[str, Any]) -> str:
    machine = run["machine"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores; {machine['system']}; {machine['python']}; "
        f"at most {run['rounds']} rounds.\n"
    )


def _contenders(run: dict[str, Any]) -> str:
    rows = []
    for name, about in run["contenders"].items():
        required = " ".join(about["requires"]) or "nothing"
        packages = ", ".join(f"{package} {version}" for package, version in sorted(about["packages"].items()))
        rows.append([f"`{name}`", about["role"], f"`{required}`", packages or "none"])
    table = _markdown(["contender", "role", "installed by", "packages"], rows).replace("---:", "---")
    return f"<details><summary>Contenders and what is in their environments</summary>\n\n{table}\n</details>\n"


def _limits(results: Results) -> str:
    verdicts = limits.judge(results)
    if not verdicts:
        return "Not measured.\n"
    rows = [[f"`{v.limit.case}`", f"`{v.limit.who}`", v.bound(), v.figure(), v.word] for v in verdicts]
    return _markdown(["case", "contender", "limit", "measured", ""], rows)


def _results(results: Results, roles: dict[str, str]) -> str:
    parts = []
    for name, by_name in results.items():
        case = cases.CASES[name]
        rows = [list(row) for row in table.rows(case, by_name, roles)]
        if case.op == "installed":
            body = _markdown(["contender", ""], rows)
        else:
            width = len(table.COLUMNS)
            rows = [row + [""] * (width - len(row)) for row in rows]
            body = _markdown(list(table.COLUMNS), rows)
        per = "" if case.op == "installed" else f", per {case.unit}"
        parts.append(f"### {name}\n\n{case.about[0].upper()}{case.about[1:]}{per}.\n\n{body}")
    return "\n" + "\n".join(parts)
