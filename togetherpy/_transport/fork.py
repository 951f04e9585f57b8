"""Which process this is, without asking the system: that is a system call, and some ask for every chunk.

In: nothing. Out: `pid`, in a forked child the child's; and where such a child leaves what it must not touch.
The rule: read it as `process.pid`, for a name imported from here would stay the parent's.
"""

from __future__ import annotations

import os

pid = os.getpid()
inherited: list[object] = []
"""A forked child keeps its parent's connections alive unused (fault E8): collecting them would take locks that were
held at the fork, say goodbye in TLS's manner, or take them out of the parent's event loop."""


def _after_fork() -> None:
    global pid
    pid = os.getpid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
