"""Every row of the fault matrix has a test that names it: a comment such as `# fault B7` or `# faults B2, F3`."""

import re
from pathlib import Path

import pytest

ROWS = {
    "A": range(1, 12),  # connecting
    "B": range(1, 27),  # waiting and reading
    "C": range(1, 16),  # statuses
    "D": range(1, 15),  # server-sent events
    "E": [*range(1, 11), *range(12, 19)],  # lifetime and concurrency
    "F": range(1, 6),  # retrying
    "G": [*range(1, 8), 9, 11, 12],  # security
    "H": [1, *range(3, 8)],  # inputs
}
UNTESTED = {
    "C7": "is about batches",
}
NAMED = {
    row
    for path in Path(__file__).parent.glob("test_*.py")
    for line in path.read_text(encoding="utf-8").splitlines()
    if "# fault" in line and path.name != Path(__file__).name
    for row in re.findall(r"\b[A-H][0-9]{1,2}\b", line.partition("# fault")[2])
}


@pytest.mark.parametrize("row", [f"{part}{number}" for part, numbers in ROWS.items() for number in numbers])
def test_row_has_a_test(row: str) -> None:
    assert (row in NAMED) != (row in UNTESTED)
