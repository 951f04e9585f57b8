"""A warning about what a program wrote, at the line where it wrote it.

In: a message. Out: a warning that names the caller's file and line.
The rule: the caller is the nearest frame that is neither ours nor asyncio's, however many of ours there are; where the
program called in another thread, it is what `remember_caller` found there.
"""

from __future__ import annotations

import sys
import warnings
from contextvars import ContextVar
from types import FrameType
from typing import Any

_NOT_THE_CALLER = ("togetherpy", "asyncio")
_remembered: ContextVar[dict[str, Any] | None] = ContextVar("togetherpy_caller", default=None)


def warn_caller(message: str) -> None:
    """A UserWarning at the line of the program that called us, or that runs the event loop in which we are called."""
    where = _remembered.get()
    if where is not None:
        warnings.warn_explicit(message, UserWarning, **where)
        return
    _, level = _caller()
    warnings.warn(message, UserWarning, stacklevel=level)


def remember_caller() -> None:
    """From now on, in this context, the caller is who calls now, whichever thread the context is taken to."""
    frame, _ = _caller()
    _remembered.set(
        {
            "filename": frame.f_code.co_filename,
            "lineno": frame.f_lineno,
            "module": frame.f_globals.get("__name__"),
            "registry": frame.f_globals.setdefault("__warningregistry__", {}),
        }
    )


def _caller() -> tuple[FrameType, int]:
    """The frame of the caller, and its level above who called this."""
    frame, level = sys._getframe(1), 1  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _NOT_THE_CALLER:
        frame, level = frame.f_back, level + 1
    return frame, level
