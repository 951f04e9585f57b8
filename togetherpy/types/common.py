"""What several API areas share: enumerations, usage, log probabilities, stream deltas.

In: JSON. Out: Structs. The rule: vocabularies stay open; a word that is new becomes a member of its own.
"""

# Without `from __future__ import annotations`, for the reason given in `chat_completions`.

import builtins
from enum import StrEnum
from typing import Any, Self, TypeVar

from togetherpy.types._model import Model, Open

__all__ = [
    "DeltaContent",
    "FinishReason",
    "FunctionCall",
    "LogprobsPart",
    "MessageRole",
    "ObjectType",
    "PromptPart",
    "TokenLogprob",
    "ToolCalls",
    "UsageData",
]

T = TypeVar("T")


class OpenEnum(StrEnum):
    """A StrEnum that accepts any string, so that a new word from the server is no error."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        # Not stored in the class: a hostile server could otherwise make it grow for ever.
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member

    # Python 3.11.2's own look a member up by its name, and a new word is not there.

    def __reduce_ex__(self, proto: Any) -> tuple[Any, ...]:
        return type(self), (self._value_,)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self


class FinishReason(OpenEnum):
    """Why the model stopped. Other strings may come and compare as strings do."""

    Length = "length"
    StopSequence = "stop"
    EOS = "eos"
    ToolCalls = "tool_calls"
    FunctionCall = "function_call"
    ContentFilter = "content_filter"
    Error = "error"
    Null = ""


class ObjectType(OpenEnum):
    """What an object of the API is."""

    TextCompletion = "text_completion"
    Completion = "text.completion"
    CompletionChunk = "completion.chunk"
    ChatCompletion = "chat.completion"
    ChatCompletionChunk = "chat.completion.chunk"
    Embedding = "embedding"
    FinetuneEvent = "fine-tune-event"
    File = "file"
    Model = "model"


class MessageRole(OpenEnum):
    """Who speaks."""

    ASSISTANT = "assistant"
    SYSTEM = "system"
    USER = "user"
    TOOL = "tool"


class UsageData(Open, kw_only=True):
    """What a call used, in tokens."""

    prompt_tokens: int | None = None
    """Of the messages, or of the prompt."""
    completion_tokens: int | None = None
    """Of the answer, its reasoning included."""
    total_tokens: int | None = None
    """Of both."""
    cached_tokens: int | None = None
    """Those of the prompt that were found in the cache."""
    reasoning_tokens: int | None = None
    """Those of the answer that were reasoning."""
    prompt_tokens_details: dict[str, Any] | None = None
    """More about the prompt's tokens, in the server's words."""
    completion_tokens_details: dict[str, Any] | None = None
    """More about the answer's tokens, in the server's words."""
    cache_hit_rate: float | None = None
    """The part of the prompt that was found in the cache, 0 to 1."""


class TokenLogprob(Open, kw_only=True):
    """One token in the form that some models use instead of parallel lists."""

    token: str | None = None
    """The token as text."""
    logprob: float | None = None
    """Natural logarithm of its probability, <= 0."""
    bytes: list[int] | None = None
    """Its UTF-8 bytes."""
    top_logprobs: "list[TokenLogprob] | None" = None
    """The likeliest tokens at its place."""


class LogprobsPart(Open, kw_only=True):
    """Log probabilities (natural logarithm, <= 0) of the tokens that were generated.

    Models answer in one of two forms: parallel lists (`tokens`, `token_logprobs`, ...) or `content`.
    """

    tokens: list[str | None] | None = None
    """The tokens as text."""
    token_logprobs: list[float | None] | None = None
    """A logarithm for each of them."""
    token_ids: list[int | None] | None = None
    """Their numbers."""
    top_logprobs: Any = None
    """Alternatives: a list of {token: logprob} maps, a list of lists of objects, or one map, as the model likes."""
    content: list[TokenLogprob] | None = None
    """The other form: one object for each token."""


class PromptPart(Open, kw_only=True):
    """The prompt as the server saw it, when `echo` was asked for."""

    text: str | None = None
    """Its text."""
    logprobs: LogprobsPart | None = None
    """The log probabilities of its tokens, if they were asked for."""


class FunctionCall(Open, kw_only=True):
    """A function that the model wants called."""

    name: str | None = None
    """The function's name."""
    arguments: str | None = None
    """A JSON document; in a stream a fragment of one."""


class ToolCalls(Open, kw_only=True):
    """One tool call; in a stream a fragment of one."""

    index: int | None = None
    """Its number, from 0; fragments of one call have the same."""
    id: str | None = None
    """The call's id, which its result is sent back with."""
    type: str | None = None
    """"function"."""
    function: FunctionCall | None = None
    """The function and its arguments."""

    def parse(self, to: builtins.type[T]) -> T:
        """The arguments as a value of a msgspec Struct, dataclass, attrs class, TypedDict or pydantic model.

        Raises:
            ParseError: they do not fit; `.path` says where. TypeError: nothing can be decoded into such a type.
        """
        from togetherpy._typed.decoding import decode_arguments

        parsed: T = decode_arguments(self, to)
        return parsed


class DeltaContent(Model, kw_only=True):
    """What one chunk adds to the message."""

    role: MessageRole | None = None
    """Who speaks, in the first chunk."""
    content: str | None = None
    """What it adds to the text."""
    token_id: int | None = None
    """The number of the token that it brings."""
    reasoning: str | None = None
    """What it adds to the model's thinking."""
    reasoning_content: str | None = None
    """The same, as some servers call it."""
    tool_calls: list[ToolCalls] | None = None
    """Fragments of tool calls."""
    function_call: FunctionCall | None = None
    """A fragment of a call in the older form."""
