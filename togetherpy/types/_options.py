"""What every method takes besides its own parameters.

In: nothing. Out: a TypedDict. The rule: declared once, for all methods of all areas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from togetherpy.types._timeout import TimeoutTypes


class CallOptions(TypedDict, total=False):
    """Of one call."""

    timeout: TimeoutTypes | None
    """Seconds, or a `Timeout`, for this call only."""
    max_retries: int | None
    """Retries after the first attempt, >= 0."""
    extra_headers: Mapping[str, str | None] | None
    """Header fields to add; a value of None removes a default one."""
    extra_query: Mapping[str, str | int | float | bool | Sequence[str | int | float | bool] | None] | None
    """Query parameters to add."""
    extra_body: Mapping[str, Any] | None
    """Fields to add to the body, over all others."""


class RequestOptions(TypedDict, total=False):
    """What `client.get`, `post` and the like take as `options`: the names of version 3 of the official package."""

    headers: Mapping[str, Any]
    """Header fields to add."""
    params: Mapping[str, Any]
    """Of the query."""
    timeout: Any
    """Seconds, or a `Timeout`, for this call only."""
    max_retries: int
    """Retries after the first attempt, >= 0."""
    extra_json: Mapping[str, Any]
    """Fields to add to the body."""
    idempotency_key: str
    """What is sent as Idempotency-Key."""
