"""Answers whose body is handed over unread: what `with_streaming_response` gives.

In: an endpoint's answer and an open body. Out: an object that reads the body in pieces, or makes of it what the method
itself returns.
The rule: what has been read is kept only by `read` and what builds on it; whoever reads in pieces keeps them himself.
"""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from togetherpy._core.config import Secret
from togetherpy._core.decode import errors
from togetherpy._core.download import AsyncBinaryStream, BinaryStream, Progress
from togetherpy._core.expected import Expected
from togetherpy._core.pieces import Lines, Sized
from togetherpy._core.wire import Headers, Reply
from togetherpy.error import APIError
from togetherpy.types._model import parse_any_json
from togetherpy.types._response import ResponseInfo

if TYPE_CHECKING:
    from togetherpy._core.patience import Patience

Secrets = tuple[Secret, ...]


class Unread(Expected[Any]):
    """Any answer, its body open."""

    take = "bytes"

    accept: str  # type: ignore[misc]  # pyright: ignore[reportIncompatibleVariableOverride]
    operation: str | None  # type: ignore[misc]  # pyright: ignore[reportIncompatibleVariableOverride]
    asked: Mapping[str, str]  # type: ignore[misc]  # pyright: ignore[reportIncompatibleVariableOverride]

    __slots__ = ("_asynchronous", "accept", "answer", "asked", "operation")  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, answer: Expected[Any], *, asynchronous: bool) -> None:
        """`answer`: what it is when it is read."""
        self.answer, self._asynchronous = answer, asynchronous
        self.accept = answer.accept  # pyright: ignore[reportIncompatibleVariableOverride]
        self.operation = answer.operation  # pyright: ignore[reportIncompatibleVariableOverride]
        self.asked = answer.asked  # pyright: ignore[reportIncompatibleVariableOverride]

    def welcomes(self, status: int) -> bool:
        """As the answer says."""
        return self.answer.welcomes(status)

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """One that cannot have a body."""
        head = ResponseInfo(
            status_code=reply.status,
            headers=reply.headers,
            request_id=errors().request_id(reply.headers, None),
            attempts=1,
        )
        cls = AsyncOpenResponse if self._asynchronous else OpenResponse
        made = cls(Reading(head, secrets, self.answer), cast(Any, None), head, cast(Any, None))
        made.keep(reply.body)
        return made

    def reader(self, head: ResponseInfo, secrets: Secrets) -> Any:
        """It counts, and knows what the body is when it is read."""
        return Reading(head, secrets, self.answer)

    def stream(self, reader: Any, body: Any, head: ResponseInfo, patience: Patience, *, asynchronous: bool) -> Any:
        """An OpenResponse or an AsyncOpenResponse."""
        return (AsyncOpenResponse if asynchronous else OpenResponse)(reader, body, head, patience)


class Reading(Progress):
    """How far the reading has got, and what the body is."""

    __slots__ = ("answer", "changes", "head")

    def __init__(self, head: ResponseInfo, secrets: Secrets, answer: Expected[Any]) -> None:
        super().__init__(head, secrets)
        self.answer, self.head = answer, head
        self.changes: list[Callable[[Any], Any]] = []
        """What the method makes of what it is."""

    @property
    def secrets(self) -> Secrets:
        """What must not be shown."""
        return self._secrets

    @property
    def streams(self) -> bool:
        """Whether the body is read piece by piece also when it is parsed."""
        kind = self.head.headers.get("content-type", "text/event-stream").lower()
        take = self.answer.take
        return take == "bytes" or (take == "events" and kind.startswith("text/event-stream"))

    def changed(self, value: Any) -> Any:
        """What the method itself returns."""
        for change in self.changes:
            value = change(value)
        return value

    def parsed(self, content: bytes) -> Any:
        """The value of a whole body.

        Raises:
            APIError: it has none.
        """
        head = self.head
        reply = Reply(head.status_code, cast(Headers, head.headers), content)
        value = self.answer.value(reply, self._secrets)
        if not isinstance(value, APIError):
            return self.changed(value)
        value.attempts, value.elapsed, value.request = head.attempts, head.elapsed, head.http_request
        value.response = errors().answer_of(reply, value, self._secrets)
        raise errors().concluded(value)


class _Open:
    """What both are, beside what their streams are."""

    _progress: Any
    _content: bytes | None = None
    _value: Any = None
    response: ResponseInfo

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "response":
            raise AttributeError(name)
        return getattr(self.response, name)  # status_code, headers, request_id ...

    def change(self, change: Callable[[Any], Any]) -> None:
        """From now on, `parse` gives what this makes of it."""
        self._progress.changes.append(change)

    def _stream(self, *, asynchronous: bool) -> Any:
        """What reads this body piece by piece, if that is what the method itself returns; else None."""
        reading = self._progress
        if self._content is not None or not reading.streams:
            return None
        args = (reading.answer.reader(self.response, reading.secrets), self._body, self.response, self._patience)
        return reading.changed(reading.answer.stream(*args, asynchronous=asynchronous))

    def keep(self, content: bytes) -> bytes:
        """The whole body; nothing is left to be read."""
        self._content = content
        self._progress.complete = self._over = True
        return content


class OpenResponse(_Open, BinaryStream):
    """An accepted answer, its body unread. Everything that is known of its head is an attribute: `status_code`,
    `headers`, `request_id`, `http_request` and the rest of what a raw answer has."""

    def read(self) -> bytes:
        """The whole body, or what is left of it; kept, so that `text`, `json` and `parse` can be called after it.

        Raises:
            APIError: it broke off.
        """
        return self._content if self._content is not None else self.keep(b"".join(self))

    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are U+FFFD."""
        return self.read().decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as plain Python data.

        Raises:
            ValueError: it is not JSON.
        """
        return parse_any_json(self.read())

    def parse(self) -> Any:
        """What the method itself returns; of a stream, the Stream, which reads this body. The same object each time.

        Raises:
            APIError: what the method itself raises of such a body.
        """
        if self._value is None:
            stream = self._stream(asynchronous=False)
            self._value = self._progress.parsed(self.read()) if stream is None else stream
        return self._value

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The body as it arrives, or in pieces of so many bytes; the last one may be shorter."""
        pieces = iter((self._content,) if self._content is not None else self)
        if chunk_size is None:
            yield from pieces
            return
        sized = Sized(chunk_size)
        for piece in pieces:
            yield from sized.feed(piece)
        yield from sized.rest()

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        """The same as text; bytes that are no UTF-8 are U+FFFD."""
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        for piece in self.iter_bytes(chunk_size):
            if text := decode(piece):
                yield text
        if text := decode(b"", True):
            yield text

    def iter_lines(self) -> Iterator[str]:
        """The lines of the text, without their ends."""
        lines = Lines()
        for text in self.iter_text():
            yield from lines.feed(text)
        yield from lines.rest()

    def close(self) -> None:
        """Ends it. Its connection goes back to the pool if the end had come, else it is dropped. Idempotent."""
        if hasattr(self._value, "close"):
            self._value.close()
        super().close()


class AsyncOpenResponse(_Open, AsyncBinaryStream):
    """The same for asyncio."""

    async def read(self) -> bytes:
        """The whole body, or what is left of it; kept, so that `text`, `json` and `parse` can be called after it.

        Raises:
            APIError: it broke off.
        """
        return self._content if self._content is not None else self.keep(b"".join([piece async for piece in self]))

    async def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are U+FFFD."""
        return (await self.read()).decode("utf-8", "replace")

    async def json(self) -> Any:
        """The body as plain Python data.

        Raises:
            ValueError: it is not JSON.
        """
        return parse_any_json(await self.read())

    async def parse(self) -> Any:
        """What the method itself returns; of a stream, the AsyncStream, which reads this body. The same object each
        time.

        Raises:
            APIError: what the method itself raises of such a body.
        """
        if self._value is None:
            stream = self._stream(asynchronous=True)
            self._value = self._progress.parsed(await self.read()) if stream is None else stream
        return self._value

    async def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """The body as it arrives, or in pieces of so many bytes; the last one may be shorter."""
        sized = None if chunk_size is None else Sized(chunk_size)
        if self._content is not None:
            for piece in (self._content,) if sized is None else sized.feed(self._content):
                yield piece
        else:
            async for data in self:
                for piece in (data,) if sized is None else sized.feed(data):
                    yield piece
        for piece in () if sized is None else sized.rest():
            yield piece

    async def iter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        """The same as text; bytes that are no UTF-8 are U+FFFD."""
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        async for piece in self.iter_bytes(chunk_size):
            if text := decode(piece):
                yield text
        if text := decode(b"", True):
            yield text

    async def iter_lines(self) -> AsyncIterator[str]:
        """The lines of the text, without their ends."""
        lines = Lines()
        async for text in self.iter_text():
            for line in lines.feed(text):
                yield line
        for line in lines.rest():
            yield line

    async def close(self) -> None:
        """Ends it. Its connection goes back to the pool if the end had come, else it is dropped. Idempotent."""
        if hasattr(self._value, "aclose"):
            await self._value.aclose()
        await super().close()

    async def aclose(self) -> None:
        """The same as `close()`."""
        await self.close()
