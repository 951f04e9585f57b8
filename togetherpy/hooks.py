"""Hooks: what a program is told about its calls, for logs, traces and metrics.

In: `Together(hooks=...)`, any object with some of the methods of `Hooks`. Out: events, which are frozen values.
The rule: each call gives `on_request`, any number of `on_retry`, and then one of `on_response`, `on_stream_start` and
`on_error`; after `on_stream_start` comes one `on_stream_end`, however the stream ends. Events hold no bodies unless
the object asks for them (`content = True`), and never the key.

Hooks run where the call runs: in the caller's thread or task, where its context variables are seen; of a stream that
was forgotten they hear with the client's next call, or when it is closed, for the garbage collector is no place for
them. They are called, not awaited, and the call waits for them. An exception in
a hook is logged, once for each method, and the call goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from togetherpy.types.common import UsageData


class Event(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What all events of a call have in common."""

    call: str
    """The same in all events of one call and in no other; sent as its Idempotency-Key."""
    endpoint: str
    """"chat.completions", "models.list" ..."""
    operation: str | None
    """What OpenTelemetry's conventions call what is done: "chat" ...; None where they have no name for it."""
    model: str | None
    """The model that was asked for."""
    stream: bool
    """The answer is read while it arrives."""
    server_address: str
    """The host that is asked."""
    server_port: int
    """Its TCP port."""
    started: float
    """When the call began, in seconds on the monotonic clock (`time.monotonic()`)."""
    time: float
    """When this happened, on the same clock."""
    attempt: int
    """Which attempt this is about, from 1; the repetition on a connection that had gone stale is not counted."""

    @property
    def elapsed(self) -> float:
        """Seconds from the start of the call to this event."""
        return self.time - self.started

    def __repr__(self) -> str:
        # Nothing that a model or a user said, for a hook that asked for it may also be logged (fault G6).
        return f"<{type(self).__name__} {self.endpoint} {self.model} attempt={self.attempt} call={self.call}>"


class RequestEvent(Event, frozen=True, kw_only=True, eq=False):
    """A call begins: its turn has come, and its request is encoded and not yet sent."""

    settings: Mapping[str, int | float]
    """Those parameters that are numbers, and no text: temperature, max_tokens, n, seed ..."""
    messages: list[Any] | None = None
    """Of a chat. None unless the hooks have `content = True`."""


class RetryEvent(Event, frozen=True, kw_only=True, eq=False):
    """An attempt failed and will be repeated."""

    reason: str
    """The HTTP status ("429"), or what failed: "refused", "dns", "tls", "proxy", "timeout", "reset", "protocol" ..."""
    status_code: int | None
    """None when no answer came."""
    request_id: str | None
    """The server's name for the request; None when it gave none."""
    wait: float
    """Seconds until the next attempt."""


class StreamStartEvent(Event, frozen=True, kw_only=True, eq=False):
    """A stream was accepted; nothing of it has been read."""

    status_code: int
    """The HTTP status."""
    request_id: str | None
    """The server's name for the request; None when it gave none."""


class ResponseEvent(Event, frozen=True, kw_only=True, eq=False):
    """A whole answer came."""

    status_code: int
    """The HTTP status."""
    request_id: str | None
    """The server's name for the request; None when it gave none."""
    response_id: str | None
    """The `id` in the answer."""
    response_model: str | None
    """The model that answered."""
    finish_reasons: tuple[str, ...]
    """Of each choice that has one."""
    usage: UsageData | None
    """The tokens that it took; None when the server does not say."""
    messages: list[Any] | None = None
    """Of a chat, what the model said: dicts with role, content, tool_calls ... and finish_reason. None unless the hooks
    have `content = True`."""
    answer: Any = None
    """The answer, a ChatCompletionResponse for example, read from its stream if it had one. None unless the hooks have
    `content = True`; and with a `response_type` of your own."""


class StreamEndEvent(ResponseEvent, frozen=True, kw_only=True, eq=False):
    """A stream is over: read to its end, broken off, left early or forgotten."""

    complete: bool
    """Its end was seen."""
    error: BaseException | None
    """What ended it; None for a stream that was complete or left early."""
    first_data: float | None
    """When the first bytes of an event came, on the monotonic clock; None if none did."""


class ErrorEvent(Event, frozen=True, kw_only=True, eq=False):
    """A call failed for good, or was cancelled or interrupted, before there was an answer or a stream."""

    error: BaseException
    """What the call raises."""
    status_code: int | None
    """None when no answer came."""
    request_id: str | None
    """The server's name for the request; None when it gave none."""


class Hooks:
    """A base with methods that do nothing. Objects that are none of its kind do as well, with some of the methods."""

    content: bool = False
    """True: `RequestEvent.messages`, `ResponseEvent.answer` and `StreamEndEvent.answer` are filled in."""

    def on_request(self, event: RequestEvent) -> None:
        """A call begins."""

    def on_retry(self, event: RetryEvent) -> None:
        """An attempt failed and will be repeated."""

    def on_response(self, event: ResponseEvent) -> None:
        """A whole answer came."""

    def on_stream_start(self, event: StreamStartEvent) -> None:
        """A stream was accepted."""

    def on_stream_end(self, event: StreamEndEvent) -> None:
        """A stream is over; comes exactly once for each."""

    def on_error(self, event: ErrorEvent) -> None:
        """A call failed for good."""
