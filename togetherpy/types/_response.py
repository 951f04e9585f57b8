"""What is known of an answer besides its value.

In: status, headers and body of an answer. Out: frozen values that show them, for streams, raw responses and errors.
The rule: one class for each step more that is known; nothing here shows a body in its repr.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from togetherpy.types._model import parse_any_json
from togetherpy.types._seconds import clock_of, plain_number, seconds_from_now

T = TypeVar("T")


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """One limit of the server. A field that the server did not send is None."""

    limit: float | None = None
    """The most in a period of the server's; may be a fraction, such as 0.1666666667 requests a second."""
    remaining: float | None = None
    """What is left of it."""
    reset: float | None = None
    """Seconds until it is full again, whether the server said how long, or until when."""


class RateLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says about its limits in the headers of an answer."""

    requests: RateLimit
    tokens: RateLimit


class ResponseInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the head of an answer says, and how it was come by."""

    status_code: int
    headers: Mapping[str, str]
    """Case-insensitive."""
    request_id: str | None
    """The server's name for the request."""
    attempts: int
    """How many times the request was sent until it was answered."""
    elapsed: float = 0.0
    """Seconds of the whole call, waits and retries included; of a stream, up to its head."""

    @property
    def http_status(self) -> int:
        """The official package's name for `status_code`."""
        return self.status_code

    @property
    def rate_limit(self) -> RateLimits:
        """The server's limits, from the x-ratelimit-* and x-tokenlimit-* headers."""
        return RateLimits(
            requests=RateLimit(
                limit=self._number("x-ratelimit-limit", "x-ratelimit-limit-requests"),
                remaining=self._number("x-ratelimit-remaining", "x-ratelimit-remaining-requests"),
                reset=self._seconds("x-ratelimit-reset", "x-ratelimit-reset-requests"),
            ),
            tokens=RateLimit(
                limit=self._number("x-tokenlimit-limit", "x-ratelimit-limit-tokens"),
                remaining=self._number("x-tokenlimit-remaining", "x-ratelimit-remaining-tokens"),
                reset=self._seconds("x-tokenlimit-reset", "x-ratelimit-reset-tokens"),
            ),
        )

    def _texts(self, names: tuple[str, ...]) -> tuple[str, str]:
        """The first of these fields that came: its value, and of a field that came twice, or of some gateways'
        "100;w=60", the part that counts."""
        whole = next((self.headers[name] for name in names if name in self.headers), "")
        return whole, re.split("[,;]", whole)[0].strip()

    def _number(self, *names: str) -> float | None:
        return plain_number(self._texts(names)[1])

    def _seconds(self, *names: str) -> float | None:
        now = clock_of(self.headers, time.time())
        return next((found for text in self._texts(names) if (found := seconds_from_now(text, now)) is not None), None)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status_code} request_id={self.request_id!r}>"


class RawResponse(ResponseInfo, frozen=True, kw_only=True):
    """A whole answer with its body. `error.response` is one: its body is bounded and without the API key."""

    content: bytes = b""
    """The body, decompressed; b"" for an error in a stream."""

    def json(self) -> Any:
        """The body as plain Python data.

        Raises:
            ValueError: it is not JSON.
        """
        return parse_any_json(self.content)

    def __repr__(self) -> str:
        # The default would show what the model said (fault G6).
        return f"<{type(self).__name__} {self.status_code} request_id={self.request_id!r} {len(self.content)} bytes>"


class APIResponse(RawResponse, Generic[T], frozen=True, kw_only=True):
    """A whole answer, raw and decoded: what `with_raw_response.create(...)` returns."""

    value: T

    def parse(self) -> T:
        """What `create` would have returned. Decoded once, so every call gives the same object."""
        return self.value


class APIStreamResponse(ResponseInfo, Generic[T], frozen=True, kw_only=True):
    """The head of an accepted stream: what `with_raw_response.create(..., stream=True)` returns."""

    value: T

    def parse(self) -> T:
        """The Stream or AsyncStream, unread; the same object each time. It is yours to read or to close."""
        return self.value
