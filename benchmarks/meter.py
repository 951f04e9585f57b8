"""How much memory this process takes, in bytes.

Rule: the peak is this program's own. `ru_maxrss` is not that, and is asked only where there is no /proc: a process is
born with the peak of the one that forked it, and executing another program does not clear it.
"""

from __future__ import annotations

import sys


def _status(field: bytes) -> int:
    with open("/proc/self/status", "rb") as status:
        for line in status:
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    raise OSError(field.decode())


def peak() -> int:
    try:
        return _status(b"VmHWM")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def resident() -> int:
    try:
        return _status(b"VmRSS")
    except OSError:
        return peak()
