"""What chat completions answer: whole, or as a stream of chunks.

In: an answer of `POST /chat/completions`. Out: a ChatCompletionResponse, a Stream, or the exception it deserves.
The rule: a usual answer is decoded at once; what is odd about one is found out only when it is.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import msgspec

from togetherpy._core.config import Secret
from togetherpy._core.decode import decode_json, errors
from togetherpy._core.expected import REFUSED, Expected, Facts, text, usage_of
from togetherpy._core.wire import Reply
from togetherpy.types._model import Source, link
from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionResponse

if TYPE_CHECKING:
    from togetherpy._core.patience import Patience
    from togetherpy.types._response import ResponseInfo

T = TypeVar("T", bound=ChatCompletionResponse)
Secrets = tuple[Secret, ...]


class Chat(Expected[Any]):
    """What all of them have in common."""

    operation = "chat"
    asked = {"messages": "messages"}  # noqa: RUF012

    __slots__ = ()

    def stream(self, reader: Any, body: Any, head: ResponseInfo, patience: Patience, *, asynchronous: bool) -> Any:
        """A Stream or an AsyncStream."""
        from togetherpy._chat.stream import AsyncStream, Stream

        return (AsyncStream[Any] if asynchronous else Stream[Any])(reader, body, head, patience)


class ChatAnswer(Chat, Generic[T]):
    """A whole answer."""

    __slots__ = ("_decode", "_decoder")

    def __init__(self, to: Any) -> None:
        """`to`: ChatCompletionResponse or a subclass of it."""
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(to)
        self._decode = self._decoder.decode

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """A T; what does not fit is kept as it came."""
        raw = reply.body
        try:
            value = self._decode(raw)
        except REFUSED:
            pass
        else:
            if value.error is None and value.choices is not None:
                link(value, Source(raw))
                return value
        return self._odd(reply, secrets)

    def _odd(self, reply: Reply, secrets: Secrets) -> Any:
        if not reply.body.strip():
            return errors().unusable(reply, "its body is empty", secrets)
        try:
            value: Any = decode_json(self._decoder, reply.body)
        except (ValueError, RecursionError) as error:
            return self._no_json(reply, error, secrets)
        if names_error(value):
            return errors().named_error(reply.body, reply.status, reply.headers, secrets)
        return value if value.choices is not None else errors().lacking(reply, "choices", secrets)

    def _no_json(self, reply: Reply, error: Exception, secrets: Secrets) -> Any:
        """The exception for what is no object: events, a list of errors, rubbish."""
        from togetherpy._core.sse import begins_as_events

        if begins_as_events(reply.body):
            from togetherpy._chat.unasked import unasked_stream

            return unasked_stream(self.events(), reply, secrets)
        from togetherpy._chat.aside import is_error_list

        if is_error_list(reply.body):
            return errors().named_error(reply.body, reply.status, reply.headers, secrets)
        # Both msgspec's and the standard library's complaints are ValueErrors; deep nesting is a RecursionError.
        reason = f"its body is not usable JSON ({errors().shorten(str(error))})"
        return errors().unusable(reply, reason, secrets)

    def events(self) -> ChatEvents:
        """The same as a stream."""
        return ChatEvents()

    def facts(self, value: Any, raw: bytes) -> Facts:
        """Those of the answer."""
        return facts_of(value)


class ChatEvents(ChatAnswer[ChatCompletionResponse]):
    """A stream of chunks."""

    take = "events"
    accept = "text/event-stream"
    answer: ClassVar[Any] = ChatCompletionResponse
    """What the chunks add up to."""
    reads: ClassVar[Any] = None
    """The class of the reader; None for a chat's."""

    __slots__ = ("_chunks", "_n")

    def __init__(self, n: int = 1, chunks: msgspec.json.Decoder[Any] | None = None) -> None:
        """`n`: how many answers were asked for."""
        super().__init__(self.answer)
        self._chunks = chunks or msgspec.json.Decoder(
            ChatCompletionChunk if self.reads is None else self.reads.of_chunks
        )
        self._n = n

    def of(self, n: int) -> ChatEvents:
        """The same of `n` answers."""
        return type(self)(n, self._chunks)

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """The exception for an answer that is no stream; it may be a whole one, which was paid for."""
        value = super().value(reply, secrets)
        if not isinstance(value, ChatCompletionResponse):
            return value
        failure = errors().unusable(reply, "a stream of events was asked for", secrets)
        failure.partial = value
        return failure

    def reader(self, head: ResponseInfo, secrets: Secrets) -> Any:
        """The reader of the stream's events."""
        if self.reads is not None:
            return self.reads(self._chunks, head, secrets, self._n)
        from togetherpy._chat.chunks import ChunkReader

        return ChunkReader(self._chunks, head, secrets, self._n)


def names_error(value: Any) -> bool:
    """Whether an answer or an event says that it is an error (faults B16, D9)."""
    if getattr(value, "error", None):
        # Some send "error": "" or {} with a good answer, for "none".
        return True
    return getattr(value, "choices", True) is None and getattr(value, "object", None) == "error"


def facts_of(answer: ChatCompletionResponse | None) -> Facts:
    """What hooks are told of an answer, or of none."""
    choices: Any = getattr(answer, "choices", None)
    listed: list[Any] = choices if isinstance(choices, list) else []  # pyright: ignore[reportUnknownVariableType]
    # What a lenient decode has kept as it came has no finish_reason.
    reasons = [getattr(one, "finish_reason", None) for one in listed]
    return Facts(
        id=text(getattr(answer, "id", None)),
        model=text(getattr(answer, "model", None)),
        finish_reasons=tuple(str(reason) for reason in reasons if reason),
        usage=usage_of(getattr(answer, "usage", None)),
        messages=None if answer is None else partial(_messages, listed),
        answer=answer,
    )


def _messages(choices: list[Any]) -> list[dict[str, Any]]:
    """What was said, for hooks."""
    said = [one for one in choices if hasattr(getattr(one, "message", None), "to_dict")]
    return [{**one.message.to_dict(), "finish_reason": one.finish_reason} for one in said]
