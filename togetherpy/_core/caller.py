"""A warning about what a program wrote, at the line where it wrote it.

In: a message. Out: a warning that names the caller's file and line.
The rule: the caller is the nearest frame that is neither ours nor asyncio's, however many of ours there are.
"""

from __future__ import annotations

import sys
import warnings

_NOT_THE_CALLER = ("togetherpy", "asyncio")


def warn_caller(message: str) -> None:
    """A UserWarning at the line of the program that called us, or that runs the event loop in which we are called."""
    frame, level = sys._getframe(), 1  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _NOT_THE_CALLER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)
