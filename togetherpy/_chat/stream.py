"""Stream and AsyncStream: an open body, its events, their chunks.

In: an Opened and what it takes to decode it. Out: chunks as they arrive.
The rule: the connection is given back when the stream ends, is left or is forgotten, whichever comes first.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from togetherpy._chat.chunks import ChunkReader
from togetherpy._core.patience import Patience
from togetherpy._core.wire import AsyncBody, Body, Fault
from togetherpy.types._response import ResponseInfo, heads
from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionResponse

if TYPE_CHECKING:
    from togetherpy.types.completions import CompletionChunk, CompletionResponse

T = TypeVar("T", covariant=True)


class Stream(Generic[T]):
    """Chunks as they arrive. An iterator and a context manager.

    Leaving a `for` loop early, or an exception in it, closes the stream and its connection. To take some chunks now
    and more later, keep one iterator (`chunks = iter(stream)`), or use `next(stream)`.
    """

    def __init__(self, reader: ChunkReader[T], body: Body, response: ResponseInfo, patience: Patience) -> None:
        self._reader = reader
        self._body = body
        self._patience = patience
        self._over = False
        self._turn = threading.Lock()
        """Held by the thread that waits for the server; never waited for."""
        self.response: ResponseInfo = heads(response, self)
        """Status, headers, rate limits and request id of the answer."""

    def __iter__(self) -> Iterator[T]:
        try:
            while True:
                yield from self._reader.chunks()
                if not self._read():
                    break
        except _BusyError:
            raise
        except BaseException:
            self.close()
            raise
        self.close()

    def __next__(self) -> T:
        try:
            while True:
                for chunk in self._reader.chunks():
                    return chunk
                if not self._read():
                    raise StopIteration
        except _BusyError:
            raise
        except BaseException:
            self.close()
            raise

    def _read(self) -> bool:
        """Waits for the next event that carries data; False when the stream is over."""
        if not self._turn.acquire(blocking=False):
            raise _BusyError("thread")
        try:
            return self._read_alone()
        finally:
            self._turn.release()

    def _read_alone(self) -> bool:
        reader = self._reader
        if reader.complete:
            return False
        if self._over:
            raise reader.closed()
        deadline = self._patience.deadline(time.monotonic())  # only content counts against silence (fault B9)
        while True:
            try:
                data = self._body.read(deadline)
            except KeyboardInterrupt:
                reader.cancelled = True
                raise
            if isinstance(data, Fault):
                raise reader.interrupted(data, self._patience.limit)
            if not data:
                return reader.end()
            if reader.feed(data):
                self._patience.begun = True
                return True

    def text_deltas(self: Stream[ChatCompletionChunk]) -> Iterator[str]:
        """The text of the first choice, piece by piece as it arrives; other choices and reasoning are passed over.

        Raises:
            TypeError: the stream has a `response_type` of your own. APIError: what iterating raises.
        """
        _refuse_own_types(self._reader)
        texts = self._reader.texts()
        for chunk in self:
            yield from texts.of(chunk)
        yield from texts.rest()

    @overload
    def get_final_response(self: Stream[CompletionChunk]) -> CompletionResponse: ...
    @overload
    def get_final_response(self: Stream[ChatCompletionChunk]) -> ChatCompletionResponse: ...
    def get_final_response(self: Stream[Any]) -> ChatCompletionResponse:
        """Reads what is left and returns the whole as one answer, as `stream=False` would have brought it.

        Raises:
            TypeError: the stream has a `response_type` of your own. APIError: what iterating raises.
        """
        _refuse_own_types(self._reader)
        for _ in self:
            pass
        return self.current or self._reader.accumulator.answer()

    @property
    def current(self) -> ChatCompletionResponse | None:
        """What has come so far as one answer; None before the first chunk, and with a `response_type` of your own.

        Costs time in proportion to its size.
        """
        return self._reader.accumulator.response()

    def close(self) -> None:
        """Ends the stream. Its connection goes back to the pool if the end had come, else it is dropped. Idempotent."""
        if not self._over:
            self._over = True
            self._reader.drop()
            self._body.close(drained=self._reader.clean)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_over", True):
            self._over = True
            self._body.forget()
            _warn_of_forgotten(self)

    def __repr__(self) -> str:
        return _describe("Stream", self._reader, self._over, self.response)


class AsyncStream(Generic[T]):
    """Chunks as they arrive. An async iterator and an async context manager.

    Leaving an `async for` loop early, or an exception in it, closes the stream and its connection. To take some
    chunks now and more later, keep one iterator (`chunks = aiter(stream)`), or use `await anext(stream)`.
    """

    def __init__(self, reader: ChunkReader[T], body: AsyncBody, response: ResponseInfo, patience: Patience) -> None:
        self._reader = reader
        self._body = body
        self._patience = patience
        self._over = False
        self._reading = False
        """A task waits for the server."""
        self.response: ResponseInfo = heads(response, self)
        """Status, headers, rate limits and request id of the answer."""

    def __aiter__(self) -> AsyncIterator[T]:
        return _AsyncIteration(self, self._reader)

    async def __anext__(self) -> T:
        while True:
            try:
                for chunk in self._reader.chunks():
                    return chunk
            except BaseException:
                self._abandon()
                raise
            if not await self._read():
                raise StopAsyncIteration

    async def _read(self) -> bool:
        """Waits for the next event that carries data; False when the stream is over."""
        if self._reading:
            raise _BusyError("task")
        self._reading = True
        try:
            if await self._read_alone():
                return True
        except BaseException as error:
            self._reader.cancelled = not isinstance(error, Exception)
            self._abandon()
            raise
        finally:
            self._reading = False
        await self.close()
        return False

    async def _read_alone(self) -> bool:
        reader = self._reader
        if reader.complete:
            return False
        if self._over:
            raise reader.closed()
        deadline = self._patience.deadline(time.monotonic())  # only content counts against silence (fault B9)
        while True:
            data = await self._body.read(deadline)
            if isinstance(data, Fault):
                raise reader.interrupted(data, self._patience.limit)
            if not data:
                return reader.end()
            if reader.feed(data):
                self._patience.begun = True
                return True

    def _abandon(self) -> None:
        """Ends the stream without waiting for anything; its connection is dropped."""
        if not self._over:
            self._over = True
            self._reader.drop()
            self._body.abandon()

    abandon = _abandon

    if not TYPE_CHECKING:  # `await raw.parse()`, as the official package wants it

        def __await__(self):
            return self
            yield

    async def text_deltas(self: AsyncStream[ChatCompletionChunk]) -> AsyncIterator[str]:
        """The text of the first choice, piece by piece as it arrives; other choices and reasoning are passed over.

        Raises:
            TypeError: the stream has a `response_type` of your own. APIError: what iterating raises.
        """
        _refuse_own_types(self._reader)
        texts = self._reader.texts()
        async for chunk in self:
            for text in texts.of(chunk):
                yield text
        for text in texts.rest():
            yield text

    @overload
    async def get_final_response(self: AsyncStream[CompletionChunk]) -> CompletionResponse: ...
    @overload
    async def get_final_response(self: AsyncStream[ChatCompletionChunk]) -> ChatCompletionResponse: ...
    async def get_final_response(self: AsyncStream[Any]) -> ChatCompletionResponse:
        """Reads what is left and returns the whole as one answer, as `stream=False` would have brought it.

        Raises:
            TypeError: the stream has a `response_type` of your own. APIError: what iterating raises.
        """
        _refuse_own_types(self._reader)
        async for _ in self:
            pass
        return self.current or self._reader.accumulator.answer()

    @property
    def current(self) -> ChatCompletionResponse | None:
        """What has come so far as one answer; None before the first chunk, and with a `response_type` of your own.

        Costs time in proportion to its size.
        """
        return self._reader.accumulator.response()

    async def close(self) -> None:
        """Ends the stream. Its connection goes back to the pool if the end had come, else it is dropped. Idempotent."""
        if not self._over:
            self._over = True
            self._reader.drop()
            await self._body.aclose(drained=self._reader.clean)

    async def aclose(self) -> None:
        """The same as `close()`."""
        await self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        if not getattr(self, "_over", True):
            self._over = True
            self._body.forget()
            _warn_of_forgotten(self)

    def __repr__(self) -> str:
        return _describe("AsyncStream", self._reader, self._over, self.response)


class _AsyncIteration(Generic[T]):
    """One `async for`. Not an async generator: one that is left early ends only when its loop gets round to it."""

    __slots__ = ("_chunks", "_owns", "_reader", "_stream")

    def __init__(self, stream: AsyncStream[T], reader: ChunkReader[T]) -> None:
        self._stream: AsyncStream[T] = stream
        self._owns = True
        """Leaving it leaves the stream."""
        self._reader = reader
        self._chunks = reader.chunks()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while True:
            try:
                for chunk in self._chunks:
                    return chunk
            except BaseException:
                self._stream._abandon()  # pyright: ignore[reportPrivateUsage]
                raise
            self._owns = not self._stream._reading  # pyright: ignore[reportPrivateUsage]
            if not await self._stream._read():  # pyright: ignore[reportPrivateUsage]
                raise StopAsyncIteration
            self._chunks = self._reader.chunks()

    def __del__(self) -> None:
        if self._owns:
            self._stream._abandon()  # pyright: ignore[reportPrivateUsage]


class _BusyError(RuntimeError):
    """Another one waits for the stream's next event: the stream is not this one's to close."""

    def __init__(self, reader: str) -> None:
        super().__init__(f"another {reader} is reading this stream; only one can at a time: let it hand on the chunks")


def _refuse_own_types(reader: ChunkReader[Any]) -> None:
    if not reader.adds_up:
        raise TypeError("a stream with a response_type of your own does not know what its chunks mean; iterate over it")


def _describe(name: str, reader: ChunkReader[Any], over: bool, response: ResponseInfo) -> str:
    state = "complete" if reader.complete else "closed" if over else "open"
    return f"<{name} {state} {response.status_code} request_id={response.request_id!r}>"


def _warn_of_forgotten(stream: object) -> None:
    warnings.warn(f"{stream!r} was neither read to its end nor closed", ResourceWarning, stacklevel=2, source=stream)
