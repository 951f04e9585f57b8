"""BinaryStream and AsyncBinaryStream: an open body of any bytes.

In: an Opened. Out: its bytes, piece by piece as they arrive, or all.
The rule: the connection is given back at the end of the body, and dropped when it is left before; bytes are not kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Self

from togetherpy._core.config import Secret
from togetherpy._core.errors import fault_error, mask_text
from togetherpy._core.expected import Facts
from togetherpy._core.patience import Patience
from togetherpy._core.wire import AsyncBody, Body, Fault
from togetherpy.error import APIError, StreamInterruptedError, StreamTimeoutError
from togetherpy.types._model import parse_any_json
from togetherpy.types._response import ResponseInfo, heads


class Progress:
    """How far the reading of a body has got."""

    __slots__ = ("_head", "_secrets", "complete", "error", "received")

    def __init__(self, head: ResponseInfo, secrets: tuple[Secret, ...]) -> None:
        self._head, self._secrets = head, secrets
        self.received: int = 0
        """Bytes."""
        self.complete: bool = False
        """The end has been seen."""
        self.error: APIError | None = None
        """What ended the reading."""

    def facts(self) -> Facts:
        """Nothing is known of what the bytes mean."""
        return Facts()

    def see(self, data: bytes | Fault, patience: Patience) -> bytes:
        """The bytes that were read; b"" at the end.

        Raises:
            APIError: the body broke off.
        """
        if isinstance(data, Fault):
            raise self.failed(data, patience.limit)
        patience.begun = True
        self.received += len(data)
        self.complete = not data
        return data

    def failed(self, fault: Fault, limit: str) -> APIError:
        """The exception for a network fault in the middle of the body; `limit`: which one ran out, if one did."""
        came = f"{self.received} bytes had come."
        if fault.kind == "timeout":
            error: APIError = StreamTimeoutError(f"No byte came in time: {limit} ran out. {came}")
        elif fault.kind == "encoding":
            error = fault_error(fault, self._secrets)
        else:
            message = mask_text(fault.message, self._secrets)
            error = StreamInterruptedError(f"The download broke off: {message} {came}")
        error.attempts, error.elapsed, error.request_id = (
            self._head.attempts,
            self._head.elapsed,
            self._head.request_id,
        )
        error.headers, error.request = self._head.headers, self._head.http_request
        self.error = error
        return error

    def closed(self) -> APIError:
        """The exception for reading on in a body that was closed before its end."""
        return StreamInterruptedError(f"The download was closed before its end. {self.received} bytes had come.")


class Lines:
    """Text in UTF-8, in pieces, as lines."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []

    def of(self, piece: bytes) -> list[str]:
        """The lines that end in this piece."""
        first, *others = piece.split(b"\n")
        self._begun.append(first)
        if not others:
            return []
        whole, self._begun = b"".join(self._begun), others[-1:]
        return [line.removesuffix(b"\r").decode("utf-8", "replace") for line in (whole, *others[:-1])]

    def rest(self) -> list[str]:
        """What came after the last end of a line."""
        last = b"".join(self._begun)
        return [last.decode("utf-8", "replace")] if last else []


class _Binary:
    """What both are."""

    def __init__(self, progress: Progress, head: ResponseInfo, patience: Patience) -> None:
        self._progress, self._patience, self._over = progress, patience, False
        self.response: ResponseInfo = heads(head, self)
        """Status, headers and request id of the answer."""

    @property
    def content_length(self) -> int | None:
        """How many bytes the server says there are; None when it does not say."""
        length = self.response.headers.get("content-length", "")
        return int(length) if length.isascii() and length.isdigit() else None

    @property
    def received(self) -> int:
        """How many bytes have been read."""
        return self._progress.received

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.response.status_code} {self.received} of {self.content_length} bytes>"


class BinaryStream(_Binary):
    """Bytes as they arrive. Iterable, and a context manager; leaving it early drops the connection."""

    def __init__(self, progress: Progress, body: Body, head: ResponseInfo, patience: Patience) -> None:
        super().__init__(progress, head, patience)
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        try:
            while piece := self.next_piece():
                yield piece
        finally:
            self.close()

    def next_piece(self) -> bytes:
        """The next bytes; b"" at the end.

        Raises:
            APIError: it broke off.
        """
        if self._progress.complete:
            return b""
        if self._over:
            raise self._progress.closed()
        try:
            piece = self._progress.see(self._body.read(self._patience.deadline(time.monotonic())), self._patience)
        except BaseException:
            self.close()
            raise
        if not piece:
            self.close()
        return piece

    def read(self) -> bytes:
        """All that is left.

        Raises:
            APIError: it broke off.
        """
        return b"".join(self)

    def text(self) -> str:
        """All that is left, as text in UTF-8."""
        return self.read().decode("utf-8", "replace")

    def json(self) -> Any:
        """All that is left, as plain Python data.

        Raises:
            ValueError: it is not JSON.
        """
        return parse_any_json(self.read())

    def iter_lines(self) -> Iterator[str]:
        """Lines of text as they arrive, without their ends."""
        lines = Lines()
        for piece in self:
            yield from lines.of(piece)
        yield from lines.rest()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes all that is left to a file, which gets its name when it is whole.

        Raises:
            OSError: the file cannot be written. APIError: the body broke off.
        """
        from togetherpy._core.saving import Unfinished

        with self, Unfinished(path) as file:
            for piece in self:
                file.write(piece)
            file.finish()

    stream_to_file = save
    write_to_file = save
    iter_bytes = __iter__

    def close(self) -> None:
        """Gives the connection back at the end of the body, else drops it. Idempotent."""
        if not self._over:
            self._over = True
            self._body.close(drained=self._progress.complete)

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


class AsyncBinaryStream(_Binary):
    """The same for asyncio."""

    def __init__(self, progress: Progress, body: AsyncBody, head: ResponseInfo, patience: Patience) -> None:
        super().__init__(progress, head, patience)
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Iteration(self)

    async def next_piece(self) -> bytes:
        """The next bytes; b"" at the end.

        Raises:
            APIError: it broke off.
        """
        if self._progress.complete:
            return b""
        if self._over:
            raise self._progress.closed()
        try:
            piece = self._progress.see(await self._body.read(self._patience.deadline(time.monotonic())), self._patience)
        except BaseException:
            self.abandon()
            raise
        if not piece:
            await self.close()
        return piece

    async def read(self) -> bytes:
        """All that is left.

        Raises:
            APIError: it broke off.
        """
        return b"".join([piece async for piece in self])

    async def text(self) -> str:
        """All that is left, as text in UTF-8."""
        return (await self.read()).decode("utf-8", "replace")

    async def json(self) -> Any:
        """All that is left, as plain Python data.

        Raises:
            ValueError: it is not JSON.
        """
        return parse_any_json(await self.read())

    async def iter_lines(self) -> AsyncIterator[str]:
        """Lines of text as they arrive, without their ends."""
        lines = Lines()
        async for piece in self:
            for line in lines.of(piece):
                yield line
        for line in lines.rest():
            yield line

    async def save(self, path: str | os.PathLike[str]) -> None:
        """Writes all that is left to a file, which gets its name when it is whole.

        Raises:
            OSError: the file cannot be written. APIError: the body broke off.
        """
        from togetherpy._core.saving import Unfinished

        async with self:
            with Unfinished(path) as file:
                async for piece in self:
                    file.write(piece)
                file.finish()

    stream_to_file = save
    write_to_file = save
    iter_bytes = __aiter__

    async def close(self) -> None:
        """Gives the connection back at the end of the body, else drops it. Idempotent."""
        if not self._over:
            self._over = True
            await self._body.aclose(drained=self._progress.complete)

    def abandon(self) -> None:
        """Drops the connection at once, from any thread, without waiting."""
        if not self._over:
            self._over = True
            self._body.abandon()

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


class _Iteration:
    """One `async for`. Not an async generator: one that is left early ends only when its loop gets round to it."""

    __slots__ = ("_stream",)

    def __init__(self, stream: AsyncBinaryStream) -> None:
        self._stream = stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._stream.next_piece()
        if not piece:
            raise StopAsyncIteration
        return piece

    def __del__(self) -> None:
        self._stream.abandon()
