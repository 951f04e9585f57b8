"""Which process this is, and what a forked child must begin anew.

In: objects that hold locks, threads or connections. Out: `pid`, in a child the child's, without asking the system:
that is a system call, and some ask for every chunk.
The rule: one handler renews everything before the child's first line runs, so that no lock is held there by a thread
that it does not have. Read `fork.pid`: a name imported from here would stay the parent's. What is being loaded cannot
be renewed, so a fork waits for it.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Protocol
    from weakref import WeakSet
else:
    from _weakrefset import WeakSet  # of weakref, whose other half nobody needs here, the half that loads quickly

    Protocol = object

pid = os.getpid()
inherited: list[object] = []
"""A forked child keeps its parent's connections alive unused (fault E8): collecting them would take locks that were
held at the fork, say goodbye in TLS's manner, or take them out of the parent's event loop."""


class Renewable(Protocol):
    """What cannot be used in a child as it was."""

    def renew(self) -> None:
        """Begins anew; the child has one thread, this one."""


_ROUNDS = 100
"""A bound, for a fork in the middle of loading has nothing to wait for."""
_all: WeakSet[Renewable] = WeakSet()


def watch(one: Renewable) -> None:
    """From now on `one` is renewed in every child."""
    _all.add(one)


class Lock:
    """A lock that is free in every child. Nothing that `__del__` reaches may take one."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self.renew()
        watch(self)

    def renew(self) -> None:
        """Free, whoever held it."""
        self._lock = allocate_lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _before_fork() -> None:
    """Lets other threads load what they are loading of us: a child would wait for ever for a module's lock that is
    held by a thread which it does not have. What a library of ours imports in turn is loaded when the library is."""
    locks: Any = getattr(sys.modules.get("importlib._bootstrap"), "_module_locks", {})
    for _ in range(_ROUNDS):  # what has been loaded goes on to load more
        loading = [name for name in list(locks) if name.partition(".")[0] in ("togetherpy", "urllib3", "msgspec")]
        if not loading:
            return
        for name in loading:
            with suppress(Exception):  # whoever loads it is told
                import_module(name)  # which waits, and knows when that would be for ever


def _after_fork() -> None:
    global pid
    pid = os.getpid()
    for one in list(_all):
        one.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
