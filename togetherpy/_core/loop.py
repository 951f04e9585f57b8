"""The send loops: what a client's resources call by.

In: an endpoint and its parameters. Out: the value that its answer gives, or what its open body is read by.
The rule: the loop stands here twice, once with `await`; everything but sending and waiting is `call`'s. A loop knows no
client, so a client that holds its resources, which hold its loop, is freed when it is forgotten.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import msgspec

from togetherpy._core import fork
from togetherpy._core.call import Call
from togetherpy._core.config import Config, Origin, Secret, as_timeout, check_count, hide
from togetherpy._core.encode import encode_request
from togetherpy._core.retry import Quota
from togetherpy._core.wire import AsyncTransport, Endpoint, Source, Transport
from togetherpy.error import APIConnectionError

if TYPE_CHECKING:
    from togetherpy._core.events import Watchers
    from togetherpy.types._timeout import TimeoutTypes

T = TypeVar("T", bound="Transport | AsyncTransport")
Body = bytes | Source


class Shared(Generic[T]):
    """What a client and those made from it by `with_options` have in common: connections and the retry quota."""

    def __init__(self, config: Config, make: Callable[[Config], T]) -> None:
        self.quota: Quota = Quota(config.retry_quota)
        self._config, self._make = config, make
        self._lock = fork.Lock()
        self.main: T | None = None
        """The transport to the client's own server, if it has been made."""
        self._others: dict[tuple[str, str, int], T] = {}
        self._closed = False

    def transport(self, origin: Origin | None = None) -> T:
        """The transport to the client's own server or to another one, made with the first request."""
        if origin is None and self.main is not None:
            return self.main
        place = None if origin is None else (origin.scheme, origin.host, origin.port)
        made = None if place is None else self._others.get(place)
        if made is None:
            self.check_open()
            # Not under the lock: it loads modules, and has begun nothing if another thread was faster.
            made = self._make(self._config if origin is None else msgspec.structs.replace(self._config, origin=origin))
        with self._lock:
            self.check_open()
            if place is not None:
                return self._others.setdefault(place, made)
            self.main = self.main or made
            return self.main

    @property
    def closed(self) -> bool:
        """Nothing can be sent any more."""
        return self._closed

    def check_open(self) -> None:
        """Raises APIConnectionError when nothing can be sent any more."""
        if self._closed:
            raise APIConnectionError("The client is closed. Make a new one, or close it later.")

    async def load(self) -> None:
        """Makes the transport to the client's own server without holding the event loop up: the first one of a process
        loads the HTTP stack, which takes 30 to 70 ms, and certificates."""
        if self.main is not None or self._closed:
            return
        from togetherpy._core.loading import in_thread

        await in_thread(self._prepare)

    def _prepare(self) -> None:
        self.transport().prepare()

    def close(self) -> list[T]:
        """Nothing is made from now on; what had been made is the caller's to close."""
        with self._lock:
            self._closed = True
        return [*([] if self.main is None else [self.main]), *self._others.values()]


class _Loop(Generic[T]):
    """A configuration, and the right to make calls with it."""

    __slots__ = ("config", "shared", "watchers")

    _asynchronous: ClassVar[bool] = False

    def __init__(self, config: Config, shared: Shared[T], watchers: Watchers | None) -> None:
        self.config: Config = config
        self.shared: Shared[T] = shared
        self.watchers: Watchers | None = watchers

    def catch_up(self) -> None:
        """Tells the hooks of streams that were forgotten."""
        if self.watchers is not None:
            self.watchers.catch_up()

    def _begin(
        self,
        endpoint: Endpoint[Any],
        params: dict[str, Any],
        body: Body | None,
        url: Secret | None,
        raw: bool,
        key: str | None = None,
    ) -> Call:
        """What both loops start from. `key`: the Idempotency-Key, where the caller has one."""
        config = self.config
        # A plain call makes some hundred calls of functions, so none is made to find out that nothing was given.
        timeout, max_retries = config.timeout, config.max_retries
        if "timeout" in params:
            timeout = as_timeout(params.pop("timeout"), timeout)
        if "max_retries" in params:
            max_retries = check_count(params.pop("max_retries"), "max_retries", 0, max_retries)
        if "extra_headers" in params:
            params["extra_headers"] = hide(params["extra_headers"])
        asked = None
        if config.asks:
            from togetherpy._core.keys import asking

            config, asked = asking(config)
        started = time.monotonic()
        if key is None:
            key = os.urandom(16).hex()
        encode = partial(encode_request, config, endpoint, params, key, body)
        place = tell = None
        if url is not None:
            from togetherpy._core.elsewhere import encode_for, place_of

            place = place_of(config, url)
            encode = partial(encode_for, place, encode)
        if self.watchers is not None:
            tell = partial(self.watchers.begin, endpoint, params, call=key, origin=config.origin, started=started)
        return Call(
            config,
            endpoint,
            encode,
            self.shared.quota,
            timeout,
            max_retries,
            started,
            self._asynchronous,
            raw,
            tell,
            place,
            asked,
        )  # by place, for which a class takes half as long as by name

    def _begin_nothing(self, timeout: TimeoutTypes | None) -> Call:
        """A call that is connected and no more. No hook hears of it, and no key is asked for."""
        config = self.config
        return Call(
            config,
            Endpoint("warm_up", "", "", cast(Any, None)),
            lambda: None,
            self.shared.quota,
            as_timeout(timeout, config.timeout),
            config.max_retries,
            time.monotonic(),
        )


class Loop(_Loop[Transport]):
    """By blocking calls."""

    __slots__ = ()

    def call(
        self,
        endpoint: Endpoint[Any],
        params: dict[str, Any],
        *,
        body: Body | None = None,
        url: Secret | None = None,
        raw: bool = False,
    ) -> Any:
        """The whole of one call.

        `body`: instead of the parameters as JSON. `url`: a place that the API gave, instead of the endpoint's path.
        `raw`: with what came with the answer.

        Raises:
            TypeError, ValueError: the request cannot be sent; nothing was.
            APIError: what became of it.
        """
        transport = self.shared.main or self.shared.transport()  # before the clock starts: it loads the HTTP stack
        return self._run(transport, self._begin(endpoint, params, body, url, raw))

    def connect(self, timeout: TimeoutTypes | None) -> None:
        """Has a connection lie open, unless all are in use; raises what `call` does."""
        transport = self.shared.transport()
        if not transport.busy:
            self._run(transport, self._begin_nothing(timeout))

    def _run(self, transport: Transport, call: Call) -> Any:
        outcome = None
        try:
            while True:
                origin = call.origin
                way = transport if origin is None else self.shared.transport(origin)
                if call.key is not None:
                    call.hide(call.key.ask())
                outcome = way.send(call)
                value, wait = call.judge(outcome)
                if wait is None:
                    return value
                transport.sleep(wait)
        except BaseException as error:
            call.failed(error, outcome)
            raise


class AsyncLoop(_Loop[AsyncTransport]):
    """For asyncio."""

    __slots__ = ()

    _asynchronous = True

    async def call(
        self,
        endpoint: Endpoint[Any],
        params: dict[str, Any],
        *,
        body: Body | None = None,
        url: Secret | None = None,
        raw: bool = False,
    ) -> Any:
        """As `Loop.call`."""
        transport = self.shared.main or await self._transport()
        return await self._run(transport, self._begin(endpoint, params, body, url, raw))

    async def connect(self, timeout: TimeoutTypes | None) -> None:
        """As `Loop.connect`."""
        transport = await self._transport()
        if not transport.busy:
            await self._run(transport, self._begin_nothing(timeout))

    async def _transport(self) -> AsyncTransport:
        await self.shared.load()
        return self.shared.transport()

    async def _run(self, transport: AsyncTransport, call: Call) -> Any:
        outcome = None
        try:
            while True:
                origin = call.origin
                way = transport if origin is None else self.shared.transport(origin)
                if call.key is not None:
                    call.hide(await call.key.ask_async())
                outcome = await way.send(call)
                value, wait = call.judge(outcome)
                if wait is None:
                    return value
                await transport.sleep(wait)
        except BaseException as error:
            call.failed(error, outcome)
            raise
