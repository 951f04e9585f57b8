"""One blocking way to use every kind of client, so that each behaviour is tested once and holds for all of them.

`make(kind, **options)` -> `.create(**params)`, `.stream(**params)`, `.chunks(**params)`, `.fails(Error, **params)`,
`.close()`. An asynchronous client lives on an event loop in a thread of its own; what that loop complains of makes
`.close()` fail.
"""

import asyncio
import contextlib
import copy
import io
import logging
import operator
import pickle
import threading
import traceback
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import togetherpy
from support.answers import COMPLETION, PROMPT

KEY = "sk-" + "K7e8y9" * 5
"""Looked for everywhere after every failure, so it must be nothing that turns up by chance."""
PASSWORD = "pr0xyPa55" * 2
"""Of proxies; looked for like the key."""
LIMIT = 60.0
"""Seconds after which a hanging test is given up."""
CALL: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": PROMPT}]}

KINDS = ["sync", "async"]
ASYNC_KINDS = KINDS[1:]


class SyncStream:
    def __init__(self, raw: Any) -> None:
        self.raw = raw

    @property
    def response(self) -> Any:
        return self.raw.response

    def each(self, body: Callable[[Any], bool | None]) -> None:
        """A `for` loop over the stream; `body` returns True to leave it."""
        for chunk in self.raw:
            if body(chunk):
                break

    def read(self) -> list[Any]:
        chunks: list[Any] = []
        self.each(chunks.append)
        return chunks

    def next(self) -> Any:
        return next(self.raw)

    def texts(self) -> list[str]:
        return list(self.raw.text_deltas())

    def final(self) -> Any:
        return self.raw.get_final_response()

    def close(self) -> None:
        self.raw.close()


class SyncClient:
    kind = "sync"

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def create(self, **params: Any) -> Any:
        return self.raw.chat.completions.create(**{**CALL, **params})

    def raw_response(self, **params: Any) -> Any:
        return self.raw.chat.completions.with_raw_response.create(**{**CALL, **params})

    def call(self, endpoint: Any, params: dict[str, Any] | None = None, **options: Any) -> Any:
        """A call of any endpoint, by the client's loop."""
        return self.raw._loop.call(endpoint, params or {}, **options)

    def pieces(self, opened: Any) -> list[bytes]:
        """All that is left of a download."""
        return list(opened)

    def finish(self, result: Any) -> Any:
        """What a method of something that a call gave returns: at once, or awaited."""
        return result

    def warm_up(self, **options: Any) -> None:
        assert self.finish(self.raw.warm_up(**options)) is None

    def area(self, name: str) -> Any:
        """A resource (`"models"`, `"chat.completions"`), whose methods are called by blocking calls."""
        return operator.attrgetter(name)(self.raw)

    def stream(self, **params: Any) -> Any:
        return SyncStream(self.create(stream=True, **params))

    def opened(self, raw: Any) -> Any:
        """A stream that was come by otherwise."""
        return SyncStream(raw)

    def chunks(self, **params: Any) -> list[Any]:
        """Every chunk of a stream."""
        return self.stream(**params).read()

    def fails(self, expected: type[BaseException], *, stream: bool = False, **params: Any) -> Any:
        """The exception with which the call (and, of a stream, the reading) ends; it must not hold the key."""
        call = self.chunks if stream else self.create
        return failure(expected, lambda: call(**params))

    def with_options(self, **options: Any) -> Any:
        return type(self)(self.raw.with_options(**options))

    def close(self) -> None:
        self.raw.close()

    def end(self) -> None:
        self.close()


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.complaints: list[dict[str, Any]] = []
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(context))
        self._thread = threading.Thread(target=self.loop.run_forever, name="test-loop", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(LIMIT)

    def stop(self) -> None:
        self.run(self.loop.shutdown_asyncgens())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(LIMIT)
        self.loop.close()
        assert not self.complaints, self.complaints


class AsyncStream(SyncStream):
    def __init__(self, raw: Any, loop: Loop) -> None:
        super().__init__(raw)
        self._loop = loop

    def each(self, body: Callable[[Any], bool | None]) -> None:
        self._loop.run(self._each(body))

    async def _each(self, body: Callable[[Any], bool | None]) -> None:
        async for chunk in self.raw:
            if body(chunk):
                break

    def next(self) -> Any:
        async def one() -> Any:
            return await anext(self.raw)

        return self._loop.run(one())

    def texts(self) -> list[str]:
        async def all_of_them() -> list[str]:
            return [text async for text in self.raw.text_deltas()]

        texts: list[str] = self._loop.run(all_of_them())
        return texts

    def final(self) -> Any:
        return self._loop.run(self.raw.get_final_response())

    def close(self) -> None:
        self._loop.run(self.raw.close())


class AsyncClient(SyncClient):
    def __init__(self, raw: Any, kind: str, loop: Loop | None = None) -> None:
        super().__init__(raw)
        self.kind = kind
        self._owns_loop = loop is None
        self.loop = loop or Loop()

    def create(self, **params: Any) -> Any:
        async def call() -> Any:
            return await self.raw.chat.completions.create(**{**CALL, **params})

        return self.loop.run(call())

    def raw_response(self, **params: Any) -> Any:
        async def call() -> Any:
            return await self.raw.chat.completions.with_raw_response.create(**{**CALL, **params})

        return self.loop.run(call())

    def call(self, endpoint: Any, params: dict[str, Any] | None = None, **options: Any) -> Any:
        async def run() -> Any:
            return await self.raw._loop.call(endpoint, params or {}, **options)

        return self.loop.run(run())

    def pieces(self, opened: Any) -> list[bytes]:
        async def run() -> list[bytes]:
            return [piece async for piece in opened]

        found: list[bytes] = self.loop.run(run())
        return found

    def finish(self, result: Any) -> Any:
        return self.loop.run(result)

    def area(self, name: str) -> Any:
        return _Blocking(super().area(name), self.loop)

    def stream(self, **params: Any) -> Any:
        return AsyncStream(self.create(stream=True, **params), self.loop)

    def opened(self, raw: Any) -> Any:
        return AsyncStream(raw, self.loop)

    def with_options(self, **options: Any) -> Any:
        return type(self)(self.raw.with_options(**options), self.kind, self.loop)

    def close(self) -> None:
        self.loop.run(self.raw.aclose())

    def end(self) -> None:
        if self._owns_loop:
            self.close()
            self.loop.stop()


class _Blocking:
    """An asynchronous resource, its methods called in the loop and waited for."""

    def __init__(self, resource: Any, loop: Loop) -> None:
        self._resource, self._loop = resource, loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._resource, name)
        if not callable(found):
            return _Blocking(found, self._loop)

        def call(*args: Any, **params: Any) -> Any:
            async def run() -> Any:
                return await found(*args, **params)

            return self._loop.run(run())

        return call


def make_raw(kind: str, **options: Any) -> Any:
    """A client of ours as a user makes it."""
    if kind == "sync":
        return togetherpy.Together(**options)
    return togetherpy.AsyncTogether(**options)


def make(kind: str, **options: Any) -> Any:
    """The same with this module's ways to use it. No retries and ten seconds, unless `options` say otherwise."""
    raw = make_raw(kind, **{"api_key": KEY, "max_retries": 0, "timeout": 10.0, **options})
    return SyncClient(raw) if kind == "sync" else AsyncClient(raw, kind)


def failure(expected: type[BaseException], call: Callable[[], Any]) -> Any:
    """The exception with which `call` ends; it must not hold the key."""
    try:
        result = call()
    except expected as error:
        assert_keyless(error)
        return error
    raise AssertionError(f"nothing was raised; the call gave {result!r}")


def assert_keyless(error: BaseException) -> None:
    """The key is nowhere in an exception: text, attributes, traceback with local variables, pickle (fault G5)."""
    for what, text in _shown(error):
        assert KEY not in text, f"the key is in the {what} of {type(error).__name__}"
        assert PASSWORD not in text, f"the proxy's password is in the {what} of {type(error).__name__}"


def _shown(error: BaseException) -> Iterator[tuple[str, str]]:
    yield "repr", repr(error)
    yield "str", str(error)
    yield "args", repr(error.args)
    yield "vars", "".join(f"{name}={value!r} {_headers(value)}" for name, value in vars(error).items())
    if isinstance(error, togetherpy.TogetherError):
        yield "pickle", pickle.dumps(error).decode("latin-1")
        yield "copy", repr(vars(copy.deepcopy(error)))
    yield "traceback with locals", "".join(_locals(error, set()))


def _locals(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    """What a traceback with local variables shows, of the frames that are not the tests' own."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if Path(__file__).parents[1] not in Path(frame.f_code.co_filename).parents:
            yield f"{frame.f_code.co_qualname}: {frame.f_locals!r}\n"
    yield from _locals(error.__cause__, seen)
    yield from _locals(error.__context__, seen)


def _headers(value: Any) -> str:
    return repr(dict(value)) if hasattr(value, "items") else ""


@contextlib.contextmanager
def logs_searched() -> Iterator[io.StringIO]:
    """Everything that any logger says at DEBUG; neither the key nor what was talked about may be in it (G5, G6)."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    levels = {logger: logger.level for logger in (root, *map(logging.getLogger, ("togetherpy", "urllib3")))}
    root.addHandler(handler)
    for logger in levels:
        logger.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        for logger, level in levels.items():
            logger.setLevel(level)
    for secret in (KEY, PASSWORD, PROMPT, COMPLETION):
        assert secret not in stream.getvalue(), f"{secret} was logged"
