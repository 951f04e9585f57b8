"""The send loops: what a client's resources call by.

In: an endpoint and its parameters. Out: the value that its answer gives, or what its open body is read by.
The rule: the loop stands here twice, once with `await`; everything but sending and waiting is `call`'s. A loop knows no
client, so a client that holds its resources, which hold its loop, is freed when it is forgotten.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from togetherpy._core.call import Call
from togetherpy._core.config import Config, Origin, as_timeout, check_count, hide
from togetherpy._core.encode import encode_request
from togetherpy._core.retry import Quota
from togetherpy._core.wire import AsyncTransport, Endpoint, Source, Transport
from togetherpy.error import APIConnectionError

if TYPE_CHECKING:
    from togetherpy._core.events import Watchers

T = TypeVar("T")
A = TypeVar("A")


class Shared(Generic[T]):
    """What a client and those made from it by `with_options` have in common: connections and the retry quota."""

    def __init__(self, config: Config, make: Callable[[Config], T]) -> None:
        self.quota = Quota(config.retry_quota)
        self._config, self._make = config, make
        self._lock = threading.Lock()
        self._main: T | None = None
        self._others: dict[tuple[str, str, int], T] = {}
        self._closed = False

    def transport(self, origin: Origin | None = None) -> T:
        """The transport to the client's own server or to another one, made with the first request."""
        if origin is None and self._main is not None:
            return self._main
        with self._lock:
            if self._closed:
                raise APIConnectionError("The client is closed. Make a new one, or close it later.")
            if origin is None:
                if self._main is None:
                    self._main = self._make(self._config)
                return self._main
            place = origin.scheme, origin.host, origin.port
            if place not in self._others:
                self._others[place] = self._make(msgspec.structs.replace(self._config, origin=origin))
            return self._others[place]

    def close(self) -> list[T]:
        """Nothing is made from now on; what had been made is the caller's to close."""
        with self._lock:
            self._closed = True
        return [*([] if self._main is None else [self._main]), *self._others.values()]


class _Loop(Generic[T]):
    """A configuration, and the right to make calls with it."""

    __slots__ = ("config", "shared", "watchers")

    def __init__(self, config: Config, shared: Shared[T], watchers: Watchers | None) -> None:
        self.config, self.shared, self.watchers = config, shared, watchers

    def _begin(self, endpoint: Endpoint[Any], params: dict[str, Any], body: bytes | Source | None, raw: bool) -> Call:
        """What both loops start from."""
        config = self.config
        params["extra_headers"] = hide(params.get("extra_headers"))
        timeout = as_timeout(params.pop("timeout", None), config.timeout)
        max_retries = check_count(params.pop("max_retries", None), "max_retries", 0, config.max_retries)
        started = time.monotonic()
        key = os.urandom(16).hex()
        tell = None
        if self.watchers is not None:
            tell = partial(self.watchers.begin, endpoint, params, call=key, origin=config.origin, started=started)
        return Call(
            config,
            endpoint,
            partial(encode_request, config, endpoint, params, idempotency_key=key, content=body),
            self.shared.quota,
            timeout=timeout,
            max_retries=max_retries,
            started=started,
            raw=raw,
            tell=tell,
        )


class Loop(_Loop[Transport]):
    """By blocking calls."""

    __slots__ = ()

    def call(
        self,
        endpoint: Endpoint[Any],
        params: dict[str, Any],
        *,
        body: bytes | Source | None = None,
        raw: bool = False,
    ) -> Any:
        """The whole of one call. `body`: instead of the parameters as JSON. `raw`: with what came with the answer.

        Raises:
            TypeError, ValueError: the request cannot be sent; nothing was.
            APIError: what became of it.
        """
        transport = self.shared.transport()  # before the clock starts: the first one loads the HTTP stack
        call = self._begin(endpoint, params, body, raw)
        try:
            while True:
                origin = call.origin
                way = transport if origin is None else self.shared.transport(origin)
                outcome = way.send(call)
                value, wait = call.judge(outcome)
                if wait is None:
                    return call.finish(value, outcome, asynchronous=False)
                transport.sleep(wait)
        except BaseException as error:
            call.failed(error)
            raise


class AsyncLoop(_Loop[AsyncTransport]):
    """For asyncio."""

    __slots__ = ()

    async def call(
        self,
        endpoint: Endpoint[Any],
        params: dict[str, Any],
        *,
        body: bytes | Source | None = None,
        raw: bool = False,
    ) -> Any:
        """As `Loop.call`."""
        transport = self.shared.transport()  # before the clock starts: the first one loads the HTTP stack
        call = self._begin(endpoint, params, body, raw)
        try:
            while True:
                origin = call.origin
                way = transport if origin is None else self.shared.transport(origin)
                outcome = await way.send(call)
                value, wait = call.judge(outcome)
                if wait is None:
                    return call.finish(value, outcome, asynchronous=True)
                await transport.sleep(wait)
        except BaseException as error:
            call.failed(error)
            raise
