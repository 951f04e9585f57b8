"""`client.chat.completions.map`: many requests in memory.

In: any iterable of requests. Out: a MapResult for each, as they come or in their order.
The rule: read as there is room; one failure never stops the rest; leaving early cancels what is in flight.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, cast

import msgspec

from togetherpy._core.config import check_count
from togetherpy.batch.asking import AskCreate, AskParse, Limits, Line
from togetherpy.batch.channel import Channel
from togetherpy.batch.checks import BOUNDS, bounds_of, settings_of
from togetherpy.batch.descriptors import affordable
from togetherpy.batch.engine import Engine, Job, Settings
from togetherpy.batch.errors import SystemicError
from togetherpy.batch.loop import engine_loop, submit
from togetherpy.batch.results import MapResult

CEILING = 256
_AHEAD = 64
"""Requests that are read before the engine asks for them, so that it need not wait for the caller's thread."""
_OF_THE_RUN = "max_retries", "stall"


class Plan:
    """What a call of `map` was given, checked.

    Raises:
        TypeError, ValueError: an argument that cannot be meant, named.
    """

    def __init__(
        self,
        loop: Any,
        concurrency: int | None,
        ordered: bool,
        reask: int,
        shared: dict[str, Any],
    ) -> None:
        self.loop: Any = loop
        self.ordered: bool = ordered
        self.ceiling: int = affordable(check_count(concurrency, "concurrency", 1, CEILING), stacklevel=5)
        self.reask: int = check_count(reask, "reask", 0, 0)
        form = shared.get("response_format")
        self.parses: bool = form is not None and not isinstance(form, Mapping)
        if self.reask and not self.parses:
            raise TypeError("reask=... goes with response_format=..., a type of your own")
        if shared.get("stream"):
            raise TypeError("map() gives whole answers; leave stream=... out")
        _check_types(form if self.parses else None, shared.get("response_type"))
        self.settings: Settings = settings_of(self.ceiling, _taken(shared, _OF_THE_RUN))
        self.bounds: dict[str, float] = bounds_of(_taken(shared, BOUNDS))
        loop.shared.check_open()
        self.shared = shared

    def ask(self, line: Line) -> AskCreate | AskParse:
        """The way that jobs are sent."""
        limits = Limits(line.config, self.ceiling, self.bounds)
        return AskParse(line, limits, self.reask) if self.parses else AskCreate(line, limits)


def _taken(shared: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: shared.pop(name, None) for name in names}


def _check_types(form: Any, own: Any) -> None:
    """A type that cannot be asked for is an error of the call, not of every result."""
    if form is not None:
        from togetherpy._typed.schema import response_format

        response_format(form)
    if own is not None:
        from togetherpy.resources.chat.completions import endpoint_for

        endpoint_for(own, None)


def check_requests(requests: Any, *, asynchronous: bool) -> None:
    """Raises TypeError for what is not many requests."""
    if asynchronous and isinstance(requests, AsyncIterable):
        return
    if isinstance(requests, AsyncIterable):
        raise TypeError("requests is an async iterable, which needs AsyncTogether")
    if isinstance(requests, (str, bytes, Mapping, msgspec.Struct)) or not isinstance(requests, Iterable):
        kind = type(cast(object, requests)).__name__
        raise TypeError(f"requests must be an iterable of message lists, strings or parameter dicts, not {kind}")


def as_params(request: Any, shared: dict[str, Any]) -> dict[str, Any]:
    """The parameters of `create` that a request stands for.

    Raises:
        TypeError: it stands for none.
    """
    if isinstance(request, str):
        return {**shared, "messages": [{"role": "user", "content": request}]}
    if isinstance(request, (dict, Mapping)):  # a dict is known at once, another Mapping is not
        params = {**shared, **cast("Mapping[str, Any]", request)}
        if params.get("stream"):
            raise TypeError("map() gives whole answers; leave stream=... out")
        if hasattr(params.get("messages"), "__next__"):
            params["messages"] = list(params["messages"])  # it may be sent more than once
        return params
    if isinstance(request, Iterable) and not isinstance(request, (bytes, bytearray, msgspec.Struct)):
        return {**shared, "messages": list(cast("Iterable[object]", request))}
    kind = type(cast(object, request)).__name__
    raise TypeError(f"a request must be a list of messages, a str or a dict of parameters, not {kind}")


_END: Any = object()


def _next_of(requests: Any) -> Callable[[], Awaitable[Any]]:
    """What gives one request after the other, and _END for ever after the last."""
    if isinstance(requests, AsyncIterable):
        each = aiter(cast(Any, requests))

        async def later() -> Any:
            return await anext(each, _END)

        return later
    at_hand = iter(cast("Iterable[Any]", requests))

    async def now() -> Any:
        return next(at_hand, _END)

    return now


class _Flow:
    """The requests of a map on their way in, and its results on their way out."""

    def __init__(self, requests: Any, plan: Plan) -> None:
        self._next = _next_of(requests)
        self._shared, self._ordered = plan.shared, plan.ordered
        self._window = 2 * plan.ceiling
        self._run = os.urandom(8).hex()
        self._has_model = False  # one of the requests, or all
        self._taken = self._given = 0
        self._results: deque[MapResult[Any]] = deque()
        self._early: dict[int, MapResult[Any]] = {}
        self._room = asyncio.Event()
        self._news = asyncio.Event()

    async def take(self) -> Job | None:
        """The next request, when no more than the window's width has been read and not been handed over."""
        while self._taken - self._given >= self._window:
            self._room.clear()
            await self._room.wait()
        request = await self._next()
        if request is _END:
            return None
        job = Job(self._taken, request, {}, f"{self._run}-{self._taken}")
        self._taken += 1
        try:
            job.params = as_params(request, self._shared)
        except Exception as error:
            job.error = error
        else:
            self._has_model = self._has_model or bool(job.params.get("model"))
            if not self._has_model:
                raise TypeError("map() needs model=..., or a model in each request")
        return job

    def put(self, job: Job) -> None:
        """A request is settled."""
        result: MapResult[Any] = MapResult(
            index=job.index,
            request=job.request,
            response=None if job.answer is None else job.answer.value,
            error=job.error,
            attempts=job.attempts,
            seconds=job.seconds,
        )
        if not self._ordered:
            self._results.append(result)
        else:
            self._early[job.index] = result
            while (next_one := self._given + len(self._results)) in self._early:
                self._results.append(self._early.pop(next_one))
        self._news.set()

    def all_early(self) -> None:
        """Nothing more is settled: what waited for others is handed over."""
        self._results.extend(self._early[index] for index in sorted(self._early))
        self._early.clear()

    async def ready(self, end: asyncio.Task[None]) -> MapResult[Any] | None:
        """The next result to hand over; None when there are no more."""
        while not self._results:
            if end.done():
                return None
            self._news.clear()
            await self._news.wait()
        self._given += 1
        self._room.set()
        return self._results.popleft()

    def wake(self, *_: Any) -> None:
        """Something has ended."""
        self.all_early()
        self._news.set()


async def amap(requests: Any, plan: Plan) -> AsyncIterator[MapResult[Any]]:
    """The results of the requests, on the running loop."""
    flow = _Flow(requests, plan)
    line = Line(plan.loop, plan.ceiling)
    engine = Engine(flow, plan.ask(line), flow.put, plan.settings)
    end = asyncio.create_task(engine.run())
    end.add_done_callback(flow.wake)
    try:
        while (result := await flow.ready(end)) is not None:
            yield result
        try:
            await end
        except SystemicError as error:
            raise error.__cause__ or error from None
    finally:
        end.cancel()
        await asyncio.gather(end, return_exceptions=True)
        await line.aclose()


def map_here(requests: Iterable[Any], plan: Plan) -> Iterator[MapResult[Any]]:
    """The same for a caller that blocks: the engine is on a loop of its own, the requests are read in this thread."""
    loop = engine_loop()
    channel: Channel[Any, MapResult[Any]] = Channel(requests, loop, min(plan.ceiling, _AHEAD))
    run = submit(_pass_on(channel, plan))
    try:
        yield from channel.results()
    finally:
        run.cancel()


async def _pass_on(channel: Channel[Any, MapResult[Any]], plan: Plan) -> None:
    results = cast("Generator[Any, Any, Any]", amap(channel, plan))
    try:
        async for result in cast("AsyncIterator[MapResult[Any]]", results):
            channel.put(result)
    except Exception as error:
        channel.end(error)
    else:
        channel.end()
    finally:
        await cast(Any, results).aclose()
