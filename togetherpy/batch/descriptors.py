"""As many connections as asked for need as many open files.

In: how many requests may be in flight. Out: how many can be. The rule: the soft limit of this process is raised as far
as the system lets it; what is still lacking lowers the ceiling, with a warning.
"""

from __future__ import annotations

import warnings

_SPARE = 64
"""Files that the program has open besides."""


def affordable(ceiling: int, *, stacklevel: int = 3) -> int:
    """`ceiling`, or less when there cannot be so many connections."""
    try:
        import resource
    except ImportError:  # Windows, where sockets are no files
        return ceiling
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ceiling + _SPARE
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return ceiling
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (OSError, ValueError):
        allowed = soft
    if allowed >= wanted:
        return ceiling
    lowered = max(1, allowed - _SPARE)
    warnings.warn(
        f"concurrency={ceiling} needs {wanted} open files and the system allows {allowed} (ulimit -n); "
        f"going on with {lowered}",
        RuntimeWarning,
        stacklevel=stacklevel,
    )
    return lowered
