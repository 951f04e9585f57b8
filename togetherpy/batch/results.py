"""What becomes of one of many requests.

In: nothing. Out: MapResult. The rule: a result says which request it belongs to, whatever became of it.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class MapResult(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One request of `map` and what became of it: either `response` or `error` is there."""

    index: int
    """Which of the requests it is, from 0."""
    request: Any
    """The request as it was given."""
    response: T | None = None
    """The answer; None when it failed."""
    error: Exception | None = None
    """Why it failed; None when it did not."""
    attempts: int = 0
    """Times that it was sent; those that met a rate limit or a lack of capacity are not counted."""
    seconds: float = 0.0
    """What the last of them took."""
