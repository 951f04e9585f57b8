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
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    prompt_tokens_details: dict[str, Any] | None = None
    completion_tokens_details: dict[str, Any] | None = None
    cache_hit_rate: float | None = None


class TokenLogprob(Open, kw_only=True):
    """One token in the form that some models use instead of parallel lists."""

    token: str | None = None
    logprob: float | None = None
    bytes: list[int] | None = None
    top_logprobs: "list[TokenLogprob] | None" = None


class LogprobsPart(Open, kw_only=True):
    """Log probabilities (natural logarithm, <= 0) of the tokens that were generated.

    Models answer in one of two forms: parallel lists (`tokens`, `token_logprobs`, ...) or `content`.
    """

    tokens: list[str | None] | None = None
    token_logprobs: list[float | None] | None = None
    token_ids: list[int | None] | None = None
    top_logprobs: Any = None
    """Alternatives: a list of {token: logprob} maps, a list of lists of objects, or one map, as the model likes."""
    content: list[TokenLogprob] | None = None


class PromptPart(Open, kw_only=True):
    """The prompt as the server saw it, when `echo` was asked for."""

    text: str | None = None
    logprobs: LogprobsPart | None = None


class FunctionCall(Open, kw_only=True):
    """A function that the model wants called."""

    name: str | None = None
    arguments: str | None = None
    """A JSON document; in a stream a fragment of one."""


class ToolCalls(Open, kw_only=True):
    """One tool call; in a stream a fragment of one."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: FunctionCall | None = None

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
    content: str | None = None
    token_id: int | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCalls] | None = None
    function_call: FunctionCall | None = None
