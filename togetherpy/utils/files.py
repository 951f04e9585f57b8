"""Looks at a file before it is uploaded.

In: a path. Out: a report. The rule: what is looked at is whether it can be read as what it is called; what the server
does with its contents is the server's to judge. Read once, a line at a time.
Facts: keys of the report, limits, and what is looked at are those of version 3 of the official package; a Parquet
file is known by its first and last bytes, without a package that reads it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from togetherpy.types._model import parse_any_json

__all__ = ["MAX_FILE_SIZE_GB", "check_file"]

MAX_FILE_SIZE_GB = 50.1
_GB = 2**30
_KINDS = (".jsonl", ".parquet", ".csv")
_LONGEST = 256 * 1024 * 1024
"""Bytes of a line, so that a file without any end of a line does not fill the memory."""


def check_file(file: str | os.PathLike[str], purpose: str = "fine-tune") -> dict[str, Any]:
    """Whether a file can be what it is to be uploaded as.

    The report: `is_check_passed`, and `message`, which says why not; `found`, `file_size` (bytes), `filetype`, `utf8`,
    `num_samples`, `has_min_samples`, `line_type`, `load_json`, `load_csv`, `load_parquet`, `line_number`: what was
    looked at, and came out like that; `text_field`, `key_value`: True, for other programs' sake. None: not looked at.
    """
    path = Path(file)
    if not path.is_file():
        return {**_NOTHING, "found": False, "is_check_passed": False, "message": f"{path} is no file"}
    with path.open("rb") as opened:
        return check_open(opened, path.suffix, purpose)


def check_open(file: IO[bytes], suffix: str, purpose: str) -> dict[str, Any]:
    """The same of an open file, which is read from where it stands and left there."""
    start = file.tell()
    size = file.seek(0, os.SEEK_END) - start
    report = {**_NOTHING, "found": True, "file_size": size}
    file.seek(start)
    if size > MAX_FILE_SIZE_GB * _GB:
        return _failed(report, f"the file has {size / _GB:.1f} GB; the most is {MAX_FILE_SIZE_GB} GB")
    if size == 0:
        return _failed(report, "the file is empty")
    if suffix not in _KINDS:
        said = f"the file's name must end in {', '.join(_KINDS)}, not in {suffix!r}"
        return _failed(report, said, filetype=said)
    report["filetype"] = suffix[1:]
    if (suffix == ".csv") != (purpose == "eval") and suffix != ".jsonl":
        return _failed(report, f"a {suffix} file cannot be used for {purpose}")
    try:
        _LOOKS[suffix](file, report)
    except _BadError as bad:
        _failed(report, *bad.args, **bad.found)
    finally:
        file.seek(start)
    return report


_NOTHING: dict[str, Any] = {
    "is_check_passed": True,
    "message": "Checks passed",
    **dict.fromkeys(("found", "file_size", "utf8", "line_type", "text_field", "key_value")),
    **dict.fromkeys(("has_min_samples", "num_samples", "load_json", "load_csv")),
}


class _BadError(Exception):
    def __init__(self, message: str, **found: Any) -> None:
        super().__init__(message)
        self.found = found


def _failed(report: dict[str, Any], message: str, **found: Any) -> dict[str, Any]:
    report.update(is_check_passed=False, message=message, **found)
    return report


def _lines(file: IO[bytes], report: dict[str, Any]) -> Iterator[tuple[int, str]]:
    number, report["utf8"] = 0, True  # so far
    while line := file.readline(_LONGEST):
        number += 1
        if len(line) == _LONGEST:
            raise _BadError(f"line {number} is longer than {_LONGEST >> 20} MiB", line_number=number, load_json=False)
        try:
            yield number, line.decode()
        except UnicodeDecodeError as error:
            unseen = dict.fromkeys(("text_field", "key_value", "line_type"))
            raise _BadError(f"line {number} is not UTF-8: {error}", utf8=False, **unseen) from None


def _look_at_jsonl(file: IO[bytes], report: dict[str, Any]) -> None:
    report.update(text_field=True, key_value=True, line_type=True)
    samples = 0
    for number, text in _lines(file, report):
        line = text.strip()
        if not line:
            continue
        if _object(line, number) is None:
            said = f"line {number} is no JSON object; each line must be one"
            raise _BadError(said, line_type=False, load_json=False, line_number=number)
        samples += 1
    report["load_json"] = True
    _count(report, samples)


def _object(line: str, number: int) -> object:
    """The line if it is an object, and else None."""
    try:
        value = msgspec.json.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        try:
            value = parse_any_json(line.encode())
        except (ValueError, RecursionError):
            raise _BadError(f"line {number} is not JSON", load_json=False, line_number=number) from None
    return cast(object, value) if isinstance(value, dict) else None


def _look_at_csv(file: IO[bytes], report: dict[str, Any]) -> None:
    import csv

    def texts() -> Iterable[str]:
        for _, text in _lines(file, report):
            yield text

    rows = csv.reader(texts())
    try:
        names = next(rows, None)
        if not names:
            raise _BadError("the first line must name the columns", load_csv=False)
        samples = 0
        for row in rows:
            if row and len(row) != len(names):
                said = f"line {rows.line_num} has {len(row)} columns, and the first line names {len(names)}"
                raise _BadError(said, load_csv=False, format=False, line_number=rows.line_num)
            samples += bool(row)
    except csv.Error as error:
        raise _BadError(
            f"line {rows.line_num} is not CSV: {error}", load_csv=False, line_number=rows.line_num
        ) from None
    report["load_csv"] = True
    _count(report, samples)


def _look_at_parquet(file: IO[bytes], report: dict[str, Any]) -> None:
    size, start = report["file_size"], file.tell()
    first = file.read(4)
    file.seek(start + max(0, size - 4))
    if size < 12 or first != b"PAR1" or file.read(4) != b"PAR1":
        said = "the file is no Parquet file: its first and last four bytes must be PAR1"
        raise _BadError(said, load_parquet=said)


def _count(report: dict[str, Any], samples: int) -> None:
    if not samples:
        raise _BadError("the file holds no samples", has_min_samples=False)
    report.update(num_samples=samples, has_min_samples=True)


_LOOKS = {".jsonl": _look_at_jsonl, ".csv": _look_at_csv, ".parquet": _look_at_parquet}
