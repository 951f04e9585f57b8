"""From calls to hooks: makes the events of a call and hands them to those who want them.

In: what the client's loop and a stream go through. Out: calls of the hooks' methods.
The rule: nothing here is loaded, and nothing done, where there are no hooks; with hooks, nothing is done for a chunk,
and no hook, however broken, changes what a call does.
"""

from __future__ import annotations

import gc
import time
from _thread import get_ident
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from togetherpy._core.config import Origin
from togetherpy._core.errors import request_id
from togetherpy._core.expected import Expected, Facts
from togetherpy._core.wire import Endpoint, Fault, Reply
from togetherpy.error import APIError, APIStatusError
from togetherpy.hooks import (
    ErrorEvent,
    Event,
    Hooks,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    StreamEndEvent,
    StreamStartEvent,
)

METHODS = ("on_request", "on_retry", "on_response", "on_stream_start", "on_stream_end", "on_error")
_COROUTINE = 0x80 | 0x200
"""inspect.CO_COROUTINE and CO_ASYNC_GENERATOR, without importing inspect."""


_collecting: set[int] = set()
"""The threads in which the garbage collector runs."""


def _see_collector(phase: str, info: object) -> None:
    (_collecting.add if phase == "start" else _collecting.discard)(get_ident())


gc.callbacks.append(_see_collector)


class Watchers:
    """The hooks of one client."""

    __slots__ = ("_complained", "_later", "_methods")

    def __init__(self, hooks: object, *more: object) -> None:
        """`hooks`: an object, or a list or tuple of them.

        Raises:
            TypeError: one of them has none of the methods, is a class, or has methods that must be awaited.
        """
        given: list[object] = [*hooks] if isinstance(hooks, (list, tuple)) else [] if hooks is None else [hooks]
        self._methods: dict[str, list[tuple[Callable[[Any], object], bool]]] = {name: [] for name in METHODS}
        self._complained: set[str] = set()
        self._later: deque[Callable[[], None]] = deque()
        for one in (*given, *more):
            self._take(one)

    def _take(self, hooks: object) -> None:
        found = {name: method for name in METHODS if callable(method := getattr(hooks, name, None))}
        if isinstance(hooks, type) or not found:
            raise TypeError(
                f"hooks must be an object with some of the methods {', '.join(METHODS)}, not {_name_of(hooks)}"
            )
        for name, method in found.items():
            if getattr(getattr(method, "__code__", None), "co_flags", 0) & _COROUTINE:
                raise TypeError(f"{_name_of(hooks)}.{name} is asynchronous; hooks are called, not awaited")
            if getattr(type(hooks), name, None) is not getattr(Hooks, name):
                self._methods[name].append((method, bool(getattr(hooks, "content", False))))

    @property
    def wanted(self) -> bool:
        """Whether anybody wants any event."""
        return any(self._methods.values())

    def later(self, tell: Callable[[], None]) -> None:
        """Tells something with the client's next call or at its close: the collector runs at any point of any program,
        under any lock of those whom hooks talk to."""
        self._later.append(tell)

    def catch_up(self) -> None:
        """Tells what was left for later."""
        while self._later:
            try:
                tell = self._later.popleft()
            except IndexError:
                return  # another thread tells it
            tell()

    def emit(self, name: str, event: Event, **content: Callable[[], object]) -> None:
        """Calls the methods of this name; `content`: makes the fields that only those get who want content."""
        for method, wants in self._methods[name]:
            try:
                made = {field: make() for field, make in content.items()} if wants else {}
                method(msgspec.structs.replace(event, **made) if made else event)
            except Exception as error:
                self._complain(method, error)

    def _complain(self, method: Callable[[Any], object], error: Exception) -> None:
        name = getattr(method, "__qualname__", repr(method))
        if name not in self._complained:
            self._complained.add(name)
            import logging

            logging.getLogger("togetherpy").warning(
                "the hook %s failed with %s; the call goes on, and this is not said again",
                name,
                type(error).__name__,
                exc_info=error,
            )

    def begin(
        self, endpoint: Endpoint[Any], params: Mapping[str, Any], *, call: str, origin: Origin, started: float
    ) -> Watch:
        """A call begins."""
        self.catch_up()
        return Watch(self, endpoint, params, call=call, origin=origin, started=started)


def make_watchers(hooks: object, word: str | None) -> Watchers | None:
    """`hooks`: as `Together` takes them. `word`: what TOGETHER_LOG says. None when nobody wants to know anything."""
    more: list[object] = []
    if word:
        from togetherpy.contrib.log import turned_on

        more = [turned_on(word)]
    watchers = Watchers(hooks, *(one for one in more if one is not None))
    return watchers if watchers.wanted else None


class Watch:
    """One call and its stream, as the hooks see it."""

    __slots__ = ("_answer", "_common", "_emit", "_later", "_over")

    def __init__(
        self,
        watchers: Watchers,
        endpoint: Endpoint[Any],
        params: Mapping[str, Any],
        *,
        call: str,
        origin: Origin,
        started: float,
    ) -> None:
        self._emit, self._later = watchers.emit, watchers.later
        self._over = False
        self._answer: Expected[Any] = endpoint.answer
        self._common: dict[str, Any] = {
            "call": call,
            "endpoint": endpoint.name,
            "operation": endpoint.answer.operation,
            "model": params.get("model"),
            "stream": endpoint.answer.take != "whole",
            "server_address": origin.host,
            "server_port": origin.port,
            "started": started,
        }
        settings = {name: value for name, value in params.items() if type(value) in (int, float)}
        event = RequestEvent(**self._now(1), settings=settings)
        content = {field: partial(params.get, name) for name, field in endpoint.answer.asked.items()}
        self._emit("on_request", event, **content)

    def _now(self, attempt: int) -> dict[str, Any]:
        return {**self._common, "attempt": attempt, "time": time.monotonic()}

    def retry(self, outcome: object, attempt: int, wait: float) -> None:
        """An attempt is to be repeated."""
        reply = outcome if isinstance(outcome, Reply) else None
        event = RetryEvent(
            **self._now(attempt),
            reason=outcome.kind if isinstance(outcome, Fault) else str(reply.status) if reply is not None else "",
            status_code=None if reply is None else reply.status,
            request_id=None if reply is None else request_id(reply.headers, None),
            wait=wait,
        )
        self._emit("on_retry", event)

    def failed(self, error: BaseException, attempt: int) -> None:
        """The call ends with an exception, unless it had ended before."""
        if self._over:
            return
        self._over = True
        event = ErrorEvent(
            **self._now(attempt),
            error=error,
            status_code=_status_of(error),
            request_id=error.request_id if isinstance(error, APIError) else None,
        )
        self._emit("on_error", event)

    def answered(self, value: object, reply: Reply, attempt: int) -> None:
        """A whole answer came."""
        self._over = True
        facts = self._answer.facts(value, reply.body)
        event = ResponseEvent(**self._now(attempt), **_head(reply), **_told(facts))
        self._emit("on_response", event, **_content(facts))

    def opened(self, opened: Any, reader: Any, attempt: int) -> Any:
        """A stream was accepted; returns its body, which from now on tells of its end."""
        self._over = True
        start = StreamStartEvent(**self._now(attempt), **_head(opened))

        def ended(first_data: float | None, error: BaseException | None) -> None:
            facts: Facts = reader.facts()
            event = StreamEndEvent(
                **self._now(attempt),
                **_head(opened),
                **_told(facts),
                complete=reader.complete,
                error=error if error is not None else reader.error,
                first_data=first_data,
            )
            self._emit("on_stream_end", event, **_content(facts))

        kind = _AsyncBody if hasattr(opened.body, "aclose") else _BlockingBody
        # Of events, not a comment to keep the connection alive.
        body = kind(opened.body, ended, b"data" if self._answer.take == "events" else b"", self._later)
        try:
            self._emit("on_stream_start", start)
        except BaseException as error:  # KeyboardInterrupt: nobody will read it
            body.broke(error)
            raise
        return body


class _WatchedBody:
    """The body of a stream, which says once that it is over. Chunks are none of its business."""

    __slots__ = ("_body", "_ended", "_error", "_first_data", "_later", "_mark")

    def __init__(
        self,
        body: Any,
        ended: Callable[[float | None, BaseException | None], None],
        mark: bytes,
        later: Callable[[Callable[[], None]], None],
    ) -> None:
        """`mark`: what is in the first data that count. `later`: puts off what must not be said now."""
        self._body, self._later, self._mark = body, later, mark
        self._ended: Callable[[float | None, BaseException | None], None] | None = ended
        self._first_data: float | None = None
        self._error: BaseException | None = None

    def _see(self, data: bytes | Fault) -> bytes | Fault:
        if self._first_data is None and isinstance(data, bytes) and data and self._mark in data:
            self._first_data = time.monotonic()
        return data

    def _say(self, *, later: bool = False) -> None:
        ended, self._ended = self._ended, None
        if ended is None:
            return
        tell = partial(ended, self._first_data, self._error)
        # An iterator that is left may be closed by the collector, too.
        if later or get_ident() in _collecting:
            self._later(tell)
        else:
            tell()

    def broke(self, error: BaseException) -> None:
        """Nobody will read it."""
        self._error = error
        self.abandon()

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""
        try:
            self._body.abandon()
        finally:
            self._say()

    def forget(self) -> None:
        """The same, from the collector."""
        try:
            self._body.forget()
        finally:
            self._say(later=True)


class _BlockingBody(_WatchedBody):
    """A Body."""

    __slots__ = ()

    def read(self, deadline: float) -> bytes | Fault:
        try:
            return self._see(self._body.read(deadline))
        except BaseException as error:  # KeyboardInterrupt
            self._error = error
            raise

    def close(self, *, drained: bool) -> None:
        try:
            self._body.close(drained=drained)
        finally:
            self._say()


class _AsyncBody(_WatchedBody):
    """An AsyncBody."""

    __slots__ = ()

    async def read(self, deadline: float) -> bytes | Fault:
        try:
            return self._see(await self._body.read(deadline))
        except BaseException as error:  # CancelledError
            self._error = error
            raise

    async def aclose(self, *, drained: bool) -> None:
        try:
            await self._body.aclose(drained=drained)
        finally:
            self._say()


def _head(answer: Any) -> dict[str, Any]:
    return {"status_code": answer.status, "request_id": request_id(answer.headers, None)}


def _told(facts: Facts) -> dict[str, Any]:
    return {
        "response_id": facts.id,
        "response_model": facts.model,
        "finish_reasons": facts.finish_reasons,
        "usage": facts.usage,
    }


def _content(facts: Facts) -> dict[str, Callable[[], Any]]:
    said = {} if facts.messages is None else {"messages": facts.messages}
    return {"answer": lambda: facts.answer, **said}


def _status_of(error: BaseException) -> int | None:
    if isinstance(error, APIStatusError):
        return error.status_code or None
    return error.http_status if isinstance(error, APIError) else None


def _name_of(hooks: object) -> str:
    return hooks.__name__ if isinstance(hooks, type) else type(hooks).__name__
