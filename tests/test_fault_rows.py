"""Every row of the fault matrix (FAULTS.md) has a test that is marked with it, and every mark names a row."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def rows() -> Iterator[str]:
    """The rows of the tables, `A1-A3` taken for three."""
    for line in (HERE / "FAULTS.md").read_text("utf-8").splitlines():
        if found := re.match(r"\| ([A-I])(\d+)(?:-[A-I](\d+))? \|", line):
            part, first, last = found[1], int(found[2]), int(found[3] or found[2])
            yield from (f"{part}{number}" for number in range(first, last + 1))


def marks() -> Iterator[str]:
    """What the tests are marked with, read from the sources: a run of some tests only says the same."""
    for path in HERE.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
                yield from (str(ast.literal_eval(row)) for row in node.args)


ROWS = list(rows())
MARKS = set(marks())


def test_no_row_stands_twice() -> None:
    assert len(ROWS) > 100
    assert len(ROWS) == len(set(ROWS))


@pytest.mark.parametrize("row", ROWS)
def test_row_has_a_test(row: str) -> None:
    assert row in MARKS


def test_marks_name_rows() -> None:
    assert not MARKS - set(ROWS)
