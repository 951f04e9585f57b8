"""How long to wait for what.

In: seconds. Out: a checked Timeout. The rule: every limit is a positive number of seconds.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec


class Timeout(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one call, in seconds; `math.inf` switches one off.

    `total` bounds a plain call from its start to its last byte, with every attempt and every wait between them. Of
    a stream it bounds the opening only; a stream that keeps delivering is never cut.

    Raises:
        TypeError, ValueError: a limit is no number, or not above 0.
    """

    total: float = 600.0
    """The whole call; for a stream, up to its first byte."""
    connect: float = 5.0
    """One attempt to connect: name look-up, TCP, proxy, TLS."""
    stream_idle: float = 120.0
    """Silence between two content events of a stream; comments and pings do not count as content."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            check_seconds(getattr(self, name), f"Timeout({name}=...)")


def check_seconds(value: Any, name: str) -> float:
    """`value` as seconds above 0 (inf allowed); TypeError or ValueError that says which argument is wrong."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} takes a number of seconds, not {type(value).__name__}")
    if math.isnan(value) or value <= 0:
        raise ValueError(f"{name} takes seconds above 0, not {value!r}; math.inf means no limit")
    return float(value)
