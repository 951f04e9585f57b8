"""What chat completions bring, and under the same roof, loaded when first used, what they send.

In: JSON from the server. Out: Structs.
The rule: what the wire has been seen to carry is named here; nothing is required of a server.
"""

# ruff: noqa: F403, F405  # type checkers take a star for names to be passed on; at run time `__getattr__` has them

# Without `from __future__ import annotations`: for each decoder msgspec would compile the text of the annotations, more
# than a millisecond of every process's first call.

from typing import TYPE_CHECKING, Any

from togetherpy.types._model import Model, Open
from togetherpy.types.common import (
    DeltaContent,
    FinishReason,
    FunctionCall,
    LogprobsPart,
    MessageRole,
    ObjectType,
    PromptPart,
    TokenLogprob,
    ToolCalls,
    UsageData,
)

if TYPE_CHECKING:
    from togetherpy.types.chat_params import *

__all__ = [
    "ChatCompletionChoicesChunk",
    "ChatCompletionChoicesData",
    "ChatCompletionChunk",
    "ChatCompletionMessage",
    "ChatCompletionMessageContent",
    "ChatCompletionMessageContentAudioURL",
    "ChatCompletionMessageContentImageURL",
    "ChatCompletionMessageContentType",
    "ChatCompletionMessageContentVideoURL",
    "ChatCompletionParams",
    "ChatCompletionRequest",
    "ChatCompletionResponse",
    "DeltaContent",
    "FinishReason",
    "FunctionCall",
    "FunctionTool",
    "FunctionToolChoice",
    "LogprobsPart",
    "MessageParam",
    "MessageRole",
    "ObjectType",
    "PromptPart",
    "ResponseFormat",
    "ResponseFormatType",
    "TokenLogprob",
    "ToolCalls",
    "ToolChoice",
    "ToolChoiceEnum",
    "Tools",
    "UsageData",
]


if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

    def __getattr__(name: str) -> Any:
        if not name.startswith("_"):  # every import asks for __path__
            from togetherpy.types import chat_params

            if name in chat_params.__all__:
                value = globals()[name] = getattr(chat_params, name)  # the next look-up does not come here
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    from togetherpy.types import chat_params

    return sorted({*globals(), *chat_params.__all__})


class ChatCompletionMessage(Open, kw_only=True):
    """A message of the assistant; may be appended to `messages` as it is, or built to be sent."""

    role: MessageRole | None = None
    content: str | None = None
    tool_calls: list[ToolCalls] | None = None
    function_call: FunctionCall | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    name: str | None = None
    tool_call_id: str | None = None


class ChatCompletionChoicesData(Open, kw_only=True):
    """One of the `n` answers."""

    index: int | None = None
    text: str | None = None
    logprobs: LogprobsPart | None = None
    seed: int | None = None
    """Any size: values above 2**63 occur."""
    finish_reason: FinishReason | None = None
    message: ChatCompletionMessage | None = None
    top_logprobs: Any = None
    stop_reason: int | str | None = None
    matched_stop: int | str | None = None
    token_ids: list[int] | None = None
    error: Any = None


class ChatCompletionResponse(Open, kw_only=True):
    """A whole answer."""

    id: str | None = None
    object: ObjectType | None = None
    created: int | None = None
    """Seconds since 1970, UTC."""
    model: str | None = None
    choices: list[ChatCompletionChoicesData] | None = None
    prompt: list[PromptPart | None] | None = None
    usage: UsageData | None = None
    warnings: list[dict[str, Any]] | None = None
    metadata: dict[str, Any] | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    prompt_token_ids: list[int] | None = None
    kv_transfer_params: Any = None
    error: Any = None

    @property
    def text(self) -> str:
        """What the model wrote: the text of the first choice.

        Raises:
            NoTextError: there is none, as when the model called a tool, refused, or was cut before it wrote any; never
                an empty text instead. An answer that ended by itself without a word is "".
        """
        from togetherpy.types._content import said

        return said(self)


class ChatCompletionChoicesChunk(Model, kw_only=True):
    """What a chunk adds to one of the `n` answers."""

    index: int | None = None
    text: str | None = None
    logprobs: LogprobsPart | float | None = None
    seed: int | None = None
    finish_reason: FinishReason | None = None
    delta: DeltaContent | None = None
    top_logprobs: Any = None
    tool_calls: list[ToolCalls] | None = None
    """Some models put tool call fragments here instead of in `delta`."""
    stop_reason: int | str | None = None
    matched_stop: int | str | None = None
    role: MessageRole | None = None
    token_ids: list[int] | None = None
    usage: UsageData | None = None
    error: Any = None


class ChatCompletionChunk(Model, kw_only=True):
    """One event of a stream. `choices` is empty on the last one, which carries `usage`."""

    id: str | None = None
    object: ObjectType | None = None
    created: int | None = None
    model: str | None = None
    choices: list[ChatCompletionChoicesChunk] | None = None
    finish_reason: FinishReason | None = None
    usage: UsageData | None = None
    warnings: list[dict[str, Any]] | None = None
    system_fingerprint: str | None = None
    error: Any = None
