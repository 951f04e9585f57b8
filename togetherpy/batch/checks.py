"""Numbers that callers give, checked.

In: a value and the argument's name. Out: the value as a number, or the default.
The rule: what cannot be meant is refused when it is given, with its name, and not when a row meets it.
"""

from __future__ import annotations

from typing import Any

from togetherpy._core.config import check_count
from togetherpy.batch.engine import GRACE, MAX_RETRIES, STALL, Settings

BOUNDS = "rpm", "tpm", "share"
"""Of the controller."""


def settings_of(ceiling: int, given: dict[str, Any]) -> Settings:
    """The engine's, out of arguments by name. Raises TypeError, ValueError."""
    return Settings(
        ceiling=ceiling,
        max_retries=check_count(given.get("max_retries"), "max_retries", 0, MAX_RETRIES),
        stall=check_number(given.get("stall"), "stall") or STALL,
        grace=check_number(given.get("grace"), "grace") or GRACE,
    )


def bounds_of(given: dict[str, Any]) -> dict[str, float]:
    """Those of BOUNDS that are given. Raises TypeError, ValueError."""
    found = {name: check_number(given.get(name), name) for name in BOUNDS}
    if (found["share"] or 1) > 1:
        raise ValueError(f"share must be above 0 and at most 1, not {found['share']:g}")
    return {name: value for name, value in found.items() if value is not None}


def check_number(value: Any, name: str) -> float | None:
    """A number above 0, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    if not value > 0:
        raise ValueError(f"{name} must be above 0, not {value:g}")
    return float(value)
