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
    """Who speaks: "assistant" in an answer."""
    content: str | None = None
    """The text; None when there is none, as beside tool calls."""
    tool_calls: list[ToolCalls] | None = None
    """The calls of tools that the model asks for."""
    function_call: FunctionCall | None = None
    """The older form of a tool call."""
    reasoning: str | None = None
    """What the model thought before it wrote."""
    reasoning_content: str | None = None
    """The same, as some servers call it."""
    refusal: str | None = None
    """Why the model would not answer, from servers that say it beside the text."""
    name: str | None = None
    """The name of the speaker, in messages that are sent."""
    tool_call_id: str | None = None
    """Of a tool's result: the call that it answers."""


class ChatCompletionChoicesData(Open, kw_only=True):
    """One of the `n` answers."""

    index: int | None = None
    """Its number, from 0."""
    text: str | None = None
    """The text, of a completion; chats have a `message`."""
    logprobs: LogprobsPart | None = None
    """The log probabilities of its tokens, if they were asked for."""
    seed: int | None = None
    """Any size: values above 2**63 occur."""
    finish_reason: FinishReason | None = None
    """Why it ended: "stop", "length", "tool_calls" ...; other words may come."""
    message: ChatCompletionMessage | None = None
    """The message."""
    top_logprobs: Any = None
    """Alternatives to its tokens, as some servers send them."""
    stop_reason: int | str | None = None
    """The text, or the number of the token, that ended it, as vLLM says it."""
    matched_stop: int | str | None = None
    """The same, as SGLang says it."""
    token_ids: list[int] | None = None
    """The numbers of its tokens, where the server sends them."""
    error: Any = None
    """What went wrong with this choice, as the server says it."""


class ChatCompletionResponse(Open, kw_only=True):
    """A whole answer."""

    id: str | None = None
    """The server's id of the answer."""
    object: ObjectType | None = None
    """What kind of object it is, in the server's word."""
    created: int | None = None
    """Seconds since 1970, UTC."""
    model: str | None = None
    """The model that answered."""
    choices: list[ChatCompletionChoicesData] | None = None
    """The `n` answers."""
    prompt: list[PromptPart | None] | None = None
    """The prompt, with `echo`."""
    usage: UsageData | None = None
    """The tokens that it took."""
    warnings: list[dict[str, Any]] | None = None
    """What the server wants to be known, as objects with a `message`."""
    metadata: dict[str, Any] | None = None
    """What was sent as `metadata`, or what the server adds."""
    system_fingerprint: str | None = None
    """A word for the configuration that answered."""
    service_tier: str | None = None
    """The tier that served it, where the server has some."""
    prompt_token_ids: list[int] | None = None
    """The numbers of the prompt's tokens, as vLLM sends them."""
    kv_transfer_params: Any = None
    """What vLLM says of a disaggregated prefill."""
    error: Any = None
    """An error beside the answer, as the server says it."""

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
    """Its number, from 0."""
    text: str | None = None
    """What it adds to the text of a completion; chats have a `delta`."""
    logprobs: LogprobsPart | float | None = None
    """The log probabilities of the tokens that it brings."""
    seed: int | None = None
    """The seed that it was sampled with. Any size: values above 2**63 occur."""
    finish_reason: FinishReason | None = None
    """Why it ended, in its last chunk: "stop", "length", "tool_calls" ...; other words may come."""
    delta: DeltaContent | None = None
    """What it adds to the message."""
    top_logprobs: Any = None
    """Alternatives to its tokens, as some servers send them."""
    tool_calls: list[ToolCalls] | None = None
    """Some models put tool call fragments here instead of in `delta`."""
    stop_reason: int | str | None = None
    """The text, or the number of the token, that ended it, as vLLM says it."""
    matched_stop: int | str | None = None
    """The same, as SGLang says it."""
    role: MessageRole | None = None
    """Who speaks, as some servers say it here."""
    token_ids: list[int] | None = None
    """The numbers of its tokens, where the server sends them."""
    usage: UsageData | None = None
    """The tokens so far, as some servers send them here."""
    error: Any = None
    """What went wrong with this choice, as the server says it."""


class ChatCompletionChunk(Model, kw_only=True):
    """One event of a stream. `choices` is empty on the last one, which carries `usage`."""

    id: str | None = None
    """The server's id of the answer; the same in all of its chunks."""
    object: ObjectType | None = None
    """What kind of object it is, in the server's word."""
    created: int | None = None
    """Seconds since 1970, UTC."""
    model: str | None = None
    """The model that answered."""
    choices: list[ChatCompletionChoicesChunk] | None = None
    """What it adds to the choices; empty or None in some chunks."""
    finish_reason: FinishReason | None = None
    """Why it ended, as some servers say it here."""
    usage: UsageData | None = None
    """The tokens that it took: in the last chunk."""
    warnings: list[dict[str, Any]] | None = None
    """What the server wants to be known, as objects with a `message`."""
    system_fingerprint: str | None = None
    """A word for the configuration that answered."""
    error: Any = None
    """An error beside the answer, as the server says it."""
