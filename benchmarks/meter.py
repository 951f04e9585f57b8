"""How much memory this process takes, in bytes.

Rule: the peak is the one of this program. `ru_maxrss` is not, where /proc is there to be asked instead: a process starts
its life with the peak of the one that forked it, and executing another program does not clear that.
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
