"""What a check found, as a line for people and as JSON for programs.

In: checks. Out: text.
The rule: one line for what is, one for each thing to do about it; in JSON the same words, and beside them the values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import fill
from typing import Any, Literal

import msgspec

from togetherpy._version import __version__

State = Literal["ok", "note", "failed", "skipped"]
"""It is well; it works, but look at it; it does not work; it was not tried."""

_MARKS = {"ok": "ok", "note": "note", "failed": "FAIL", "skipped": "skip"}
_LONGEST = 400
"""Characters of a line; what a server says has no bound of its own."""
_NARROWEST = 60
"""Columns; a terminal with fewer breaks lines itself."""


class Check(msgspec.Struct, frozen=True):
    """One check."""

    name: str
    state: State
    summary: str
    hints: tuple[str, ...] = ()
    """What to do, a sentence or two each."""
    details: dict[str, Any] = {}  # of a Struct each has its own


def ok(name: str, summary: str, *notes: str, **details: Any) -> Check:
    """What works; with `notes`, what to look at."""
    return Check(name, "note" if notes else "ok", summary, notes, details)


def failed(name: str, message: str, *hints: str, **details: Any) -> Check:
    """What does not work. `message`: what happened, and in sentences after the first what to do."""
    what, *rest = sentences(message)
    return Check(name, "failed", what, (*rest, *hints), details)


def sentences(message: str) -> list[str]:
    """The first sentence of a message, and the others together, if there are any."""
    return re.split(r"(?<=[.)])\s+(?=[A-Z])", message.strip(), maxsplit=1)


def skipped(name: str, cause: str) -> Check:
    """What could not be tried. `cause`: the check that failed."""
    return Check(name, "skipped", f"not tried, for the check of {cause} failed")


def as_text(check: Check, width: int = 0) -> str:
    """A line, and one below for each hint; broken at `width` columns, if that is not 0."""
    lines = [(f"{_MARKS[check.state]:<6}{check.name:<14}", check.summary)]
    lines += [(f"{'':20}-> ", hint) for hint in check.hints]
    return "\n".join(
        fill(
            _line(text),
            max(width, _NARROWEST),
            initial_indent=start,
            subsequent_indent=" " * len(start),
            break_long_words=False,
            break_on_hyphens=False,
        )
        if width
        else start + _line(text)
        for start, text in lines
    )


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def summary(checks: Sequence[Check]) -> str:
    """The last line."""
    bad = [check.name for check in checks if check.state == "failed"]
    if bad:
        return f"\n{len(bad)} of {len(checks)} checks failed: {', '.join(bad)}."
    noted = [check.name for check in checks if check.state == "note"]
    return "\nAll is well" + (f", but look at: {', '.join(noted)}." if noted else ".")


def as_object(checks: Sequence[Check]) -> dict[str, Any]:
    """{"ok", "togetherpy", "checks": [{"name", "state", "summary", "hints", "details"}]}"""
    well = all(check.state != "failed" for check in checks)
    return {"ok": well, "togetherpy": __version__, "checks": msgspec.to_builtins(checks)}


def milliseconds(seconds: float) -> str:
    """For people."""
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.0f} s"
