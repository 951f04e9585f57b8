"""What is known of an answer besides its value.

In: status, headers and body of an answer. Out: frozen values that show them, for streams, raw responses and errors.
The rule: one class for each step more that is known; nothing here shows a body in its repr.
"""

from __future__ import annotations

import re
import time
import weakref
from collections.abc import Awaitable, Generator, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from togetherpy.types._awaitable import awaitable
from togetherpy.types._model import parse_any_json
from togetherpy.types._seconds import clock_of, plain_number, seconds_from_now

T = TypeVar("T")


class _Nothing:
    """What is left to wait for: nothing."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


_NOTHING = _Nothing()


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
    """Of requests."""
    tokens: RateLimit
    """Of tokens."""


class SentRequest(msgspec.Struct, frozen=True):
    """What was asked."""

    method: str
    """"POST" ..."""
    url: str
    """Without the key; of another server than the client's own, only which one."""


class _Head:
    """A place, outside of the fields, for the stream whose head it is."""

    __slots__ = ("_stream",)
    _stream: weakref.ref[Any]


class ResponseInfo(_Head, msgspec.Struct, frozen=True, kw_only=True):
    """What the head of an answer says, and how it was come by."""

    status_code: int
    """The HTTP status."""
    headers: Mapping[str, str]
    """Case-insensitive."""
    request_id: str | None
    """The server's name for the request."""
    attempts: int
    """How many times the request was sent until it was answered."""
    elapsed: float = 0.0
    """Seconds of the whole call, waits and retries included; of a stream, up to its head."""
    http_request: SentRequest | None = None
    """What was asked."""

    @property
    def retries_taken(self) -> int:
        """How many times it was sent again."""
        return max(self.attempts - 1, 0)

    def close(self) -> Awaitable[None]:
        """Closes the stream whose head this is; nothing of a whole answer is open. Not awaiting it is no error."""
        ref = getattr(self, "_stream", None)
        stream = None if ref is None else ref()
        if stream is None:
            return _NOTHING
        return getattr(stream, "abandon", stream.close)() or _NOTHING

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

    def read(self) -> bytes:
        """The body: `content`."""
        return self.content

    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are U+FFFD."""
        return self.content.decode("utf-8", "replace")

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
    """What `parse()` gives."""
    awaited: bool = False
    """It is an AsyncTogether's: `await raw.parse()` is right, and so is `raw.parse()`. The same goes for the body; of a
    type of your own, the value is what it is, and cannot be awaited."""

    def __post_init__(self) -> None:
        if self.awaited:
            msgspec.structs.force_setattr(self, "value", awaitable(self.value))

    def parse(self) -> T:
        """What `create` would have returned. Decoded once, so every call gives the same object."""
        return self.value

    def read(self) -> bytes:
        """The body: `content`."""
        return awaitable(self.content) if self.awaited else self.content

    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are U+FFFD."""
        return awaitable(super().text()) if self.awaited else super().text()

    def json(self) -> Any:
        """The body as plain Python data.

        Raises:
            ValueError: it is not JSON.
        """
        return awaitable(super().json()) if self.awaited else super().json()


AsyncAPIResponse = APIResponse


class APIStreamResponse(ResponseInfo, Generic[T], frozen=True, kw_only=True):
    """The head of an accepted stream: what `with_raw_response.create(..., stream=True)` returns."""

    value: T
    """What `parse()` gives."""

    def parse(self) -> T:
        """The Stream or AsyncStream, unread; the same object each time. It is yours to read or to close."""
        return self.value


def heads(info: ResponseInfo, stream: object) -> ResponseInfo:
    """`info`, by which `stream` can be closed. The stream is not kept alive by it."""
    _Head.__dict__["_stream"].__set__(info, weakref.ref(stream))
    return info
