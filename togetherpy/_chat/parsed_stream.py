"""ParsedStream and AsyncParsedStream: streams whose end is a value of the caller's own type.

In: a stream of chunks and a type. Out: the chunks as they arrive, and at the end the answer with its parsed value.
The rule: all but `get_final_response` is a Stream's or an AsyncStream's (its form for completions is of other chunks).
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from togetherpy._chat.parse import fill, parsed_from
from togetherpy._chat.stream import AsyncStream, Stream
from togetherpy.types.chat_completions import ChatCompletionChunk
from togetherpy.types.parsed import ParsedChatCompletion

T = TypeVar("T")


class ParsedStream(Stream[ChatCompletionChunk], Generic[T]):
    """A Stream of an answer that is to be a T."""

    def __init__(self, stream: Stream[ChatCompletionChunk], to: Any) -> None:
        _take_over(self, stream)
        self._to = to

    def get_final_response(self) -> ParsedChatCompletion[T]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Reads what is left and returns the whole as one answer, with `choices[i].message.parsed`.

        Raises:
            APIError: what iterating raises. ParseError: the text does not fit; the answer is in `.completion`.
        """
        return fill(parsed_from(super().get_final_response()), self._to)


class AsyncParsedStream(AsyncStream[ChatCompletionChunk], Generic[T]):
    """An AsyncStream of an answer that is to be a T."""

    def __init__(self, stream: AsyncStream[ChatCompletionChunk], to: Any) -> None:
        _take_over(self, stream)
        self._to = to

    async def get_final_response(self) -> ParsedChatCompletion[T]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Reads what is left and returns the whole as one answer, with `choices[i].message.parsed`.

        Raises:
            APIError: what iterating raises. ParseError: the text does not fit; the answer is in `.completion`.
        """
        return fill(parsed_from(await super().get_final_response()), self._to)


def _take_over(new: Any, old: Any) -> None:
    """All that `old` holds, an open connection among it, becomes `new`'s; `old` has nothing left to close."""
    new.__dict__.update(old.__dict__)
    old._over = True
