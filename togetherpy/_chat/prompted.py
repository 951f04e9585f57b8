"""What completions of a prompt answer, where that is another than what chats do.

In: an answer of `POST /completions`, or its chunks. Out: a CompletionResponse, or a Stream of CompletionChunks.
The rule: the text is a choice's own `text`, or its delta's `content`, whichever a server sends; what it says of the
only token of a chunk, and of the end, it may say beside the choices.
"""

from __future__ import annotations

import functools
from typing import Any, ClassVar

import msgspec

from togetherpy._chat.accumulate import Accumulator
from togetherpy._chat.choice import ChoiceSum
from togetherpy._chat.chunks import ChunkReader
from togetherpy._chat.facts import ChatAnswer, ChatEvents, facts_of
from togetherpy._chat.fragments import whole_number
from togetherpy._chat.texts import Texts
from togetherpy._core.expected import Facts
from togetherpy.types._content import items, text_of
from togetherpy.types.chat_completions import (
    ChatCompletionChoicesChunk,
    ChatCompletionChoicesData,
    ChatCompletionChunk,
    ChatCompletionResponse,
)
from togetherpy.types.common import DeltaContent, LogprobsPart, ObjectType
from togetherpy.types.completions import CompletionChoicesData, CompletionChunk, CompletionResponse, CompletionToken


class PromptTexts(Texts):
    """The text of one stream, piece by piece."""

    __slots__ = ()

    def said(self, choice: Any) -> str | None:
        """What a choice brings of it."""
        return _text(choice) if isinstance(choice, ChatCompletionChoicesChunk) else None


class PromptSum(ChoiceSum):
    """One of the `n` answers while it grows."""

    __slots__ = ()

    answer: ClassVar[type[ChatCompletionChoicesData]] = CompletionChoicesData

    def add(self, choice: ChatCompletionChoicesChunk, odd: bool) -> None:
        """Takes what a chunk says of it."""
        super().add(choice, odd)
        delta: Any = choice.delta
        if delta is not None and choice.text and not getattr(delta, "content", None):
            self.content.append(_text(choice))

    def add_beside(self, chunk: CompletionChunk, choice: ChatCompletionChoicesChunk, odd: bool) -> None:
        """Takes what a chunk says of it, or of its token, beside the choice."""
        if chunk.finish_reason and self.finish_reason is None:
            self.finish_reason = chunk.finish_reason
        if chunk.seed is not None and self.seed is None:
            self.seed = chunk.seed
        token: Any = chunk.token
        # It has a logprob of 0 where nobody asked for any.
        if isinstance(token, CompletionToken) and token.logprob and choice.logprobs is None:
            part = LogprobsPart(tokens=[token.text], token_logprobs=[token.logprob], token_ids=[token.id])
            self.add_logprobs(ChatCompletionChoicesChunk(logprobs=part), odd)

    def said(self, whole: object = None) -> dict[str, Any]:
        """The text."""
        return {"text": self.text()}


class PromptAccumulator(Accumulator):
    """Adds up one stream."""

    __slots__ = ()

    of_choice: ClassVar[type[ChoiceSum]] = PromptSum
    answer: ClassVar[type[ChatCompletionResponse]] = CompletionResponse
    kind: ClassVar[ObjectType] = ObjectType.Completion

    def add(self, chunk: ChatCompletionChunk, odd: bool = False) -> None:
        """Takes the next chunk."""
        super().add(chunk, odd)
        if not isinstance(chunk, CompletionChunk) or (chunk.token is None and not chunk.finish_reason):
            return
        for choice in items(chunk.choices):
            own = self.choices.get(whole_number(getattr(choice, "index", None)) or 0)
            if isinstance(choice, ChatCompletionChoicesChunk) and isinstance(own, PromptSum):
                own.add_beside(chunk, choice, odd)


class PromptReader(ChunkReader[CompletionChunk]):
    """One stream, seen from above the network."""

    __slots__ = ()

    accumulates: ClassVar[type[Accumulator]] = PromptAccumulator
    of_chunks: ClassVar[type[ChatCompletionChunk]] = CompletionChunk

    def texts(self) -> Texts:
        """What has the text of its chunks."""
        return PromptTexts(self.asked)

    def facts(self) -> Facts:
        """What hooks are told of the whole."""
        return _facts(self.accumulator.response())


class PromptAnswer(ChatAnswer[CompletionResponse]):
    """A whole answer."""

    operation = "text_completion"
    asked: ClassVar[dict[str, str]] = {}

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(CompletionResponse)

    def events(self) -> ChatEvents:
        """The same as a stream."""
        return PromptEvents()

    def facts(self, value: Any, raw: bytes) -> Facts:
        """Those of the answer."""
        return _facts(value)


class PromptEvents(ChatEvents):
    """A stream of chunks."""

    operation = "text_completion"
    asked: ClassVar[dict[str, str]] = {}
    answer: ClassVar[Any] = CompletionResponse
    reads: ClassVar[Any] = PromptReader

    __slots__ = ()


def is_of_prompt(chunk: ChatCompletionChunk) -> bool:
    """Whether a chunk, read as a chat's, is of the completion of a prompt."""
    if chunk.object is not None:
        return chunk.object in ("completion.chunk", "text_completion", "text.completion")
    choices = items(chunk.choices)
    return bool(choices) and all(getattr(one, "delta", 1) is None and getattr(one, "text", None) for one in choices)


@functools.cache
def chunk_decoder() -> msgspec.json.Decoder[CompletionChunk]:
    """Of single chunks."""
    return msgspec.json.Decoder(CompletionChunk)


def _facts(answer: Any) -> Facts:
    return msgspec.structs.replace(facts_of(answer), messages=None)  # there are none


def _text(choice: Any) -> str:
    delta = getattr(choice, "delta", None)
    content = delta.content if isinstance(delta, DeltaContent) else None
    return text_of(content or getattr(choice, "text", None) or "")
