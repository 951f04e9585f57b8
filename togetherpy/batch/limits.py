"""Which controller belongs to a run: one per server, key and model in a process.

In: base_url, key, model and the run's bounds. Out: the Limit that all runs to the same place share.
The rule: a forked child begins anew, for the requests that its parent has in flight never end in it.
"""

from __future__ import annotations

import os
import random
import threading

from togetherpy._core.config import Secret
from togetherpy.batch.limit import CEILING, Limit

KEPT = 64
"""How many controllers that nobody uses are remembered, with what they have learnt."""

_Place = tuple[str, Secret | None, str]
_limits: dict[_Place, Limit] = {}
_lock = threading.Lock()


def limit_for(
    base_url: str,
    key: Secret | None,
    model: str,
    *,
    ceiling: int = CEILING,
    rpm: float | None = None,
    tpm: float | None = None,
    share: float = 1.0,
) -> Limit:
    """The controller for this place; the bounds are from now on those of the run that came last.

    Raises:
        ValueError: a bound that is out of range, named.
    """
    place = (base_url, key, model)
    with _lock:
        limit = _limits.pop(place, None)
        if limit is None:
            limit = Limit(ceiling, rpm=rpm, tpm=tpm, share=share, random=random.random)
        else:
            limit.bound(ceiling, rpm=rpm, tpm=tpm, share=share)
        _limits[place] = limit  # the last one: the first are forgotten first
        idle = [other for other, known in _limits.items() if not known.in_flight and known is not limit]
        for other in idle[: max(0, len(_limits) - KEPT)]:
            del _limits[other]
        return limit


def _after_fork() -> None:
    global _limits, _lock
    _limits, _lock = {}, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
