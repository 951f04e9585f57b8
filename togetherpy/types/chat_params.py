"""What chat completions send.

In: keyword arguments from the user. Out: TypedDicts.
The rule: each parameter is declared once, with what editors show of it; `_parameters` has the same for `help()`.
"""

# ruff: noqa: PYI051  # `Literal["auto"] | str`: the literals say nothing to a type checker, but editors offer them

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Required, TypedDict

from togetherpy.types._inputs import JSONObject
from togetherpy.types._parameters import MEANING
from togetherpy.types._timeout import TimeoutTypes
from togetherpy.types.chat_messages import (
    AssistantMessage,
    AudioContentPart,
    ChatCompletionMessageContent,
    ChatCompletionMessageContentAudioURL,
    ChatCompletionMessageContentImageURL,
    ChatCompletionMessageContentType,
    ChatCompletionMessageContentVideoURL,
    ChatCompletionWarning,
    ContentPart,
    FunctionCallParam,
    FunctionTool,
    FunctionToolChoice,
    ImageContentPart,
    InputAudio,
    InputAudioContentPart,
    MessageParam,
    ResponseFormat,
    ResponseFormatType,
    SystemMessage,
    TextContentPart,
    ToolCallParam,
    ToolChoice,
    ToolChoiceEnum,
    ToolMessage,
    Tools,
    URLPart,
    UserMessage,
    VideoContentPart,
)

__all__ = [
    "AssistantMessage",
    "AudioContentPart",
    "ChatCompletionMessageContent",
    "ChatCompletionMessageContentAudioURL",
    "ChatCompletionMessageContentImageURL",
    "ChatCompletionMessageContentType",
    "ChatCompletionMessageContentVideoURL",
    "ChatCompletionParams",
    "ChatCompletionRequest",
    "ChatCompletionWarning",
    "CommonParams",
    "ContentPart",
    "FunctionCallParam",
    "FunctionTool",
    "FunctionToolChoice",
    "ImageContentPart",
    "InputAudio",
    "InputAudioContentPart",
    "MessageParam",
    "ParseParams",
    "ResponseFormat",
    "ResponseFormatType",
    "RunToolsParams",
    "SystemMessage",
    "TextContentPart",
    "ToolCallParam",
    "ToolChoice",
    "ToolChoiceEnum",
    "ToolMessage",
    "ToolParam",
    "Tools",
    "URLPart",
    "UserMessage",
    "VideoContentPart",
]


class CommonParams(TypedDict, total=False):
    """What every call takes; `help()` of this and of `client.chat.completions.create` explains it."""

    messages: Required[Iterable[MessageParam]]
    """The conversation so far: dicts, our message Structs (an answer's `message` as it is), dataclasses or pydantic
    objects. `content` is text or a list of parts (text, image_url, video_url, audio_url, input_audio)."""
    model: Required[str]
    """Name of the model, such as "openai/gpt-oss-20b"."""
    max_tokens: int | None
    """Most tokens to generate, >= 1."""
    stop: str | Sequence[str] | None
    """A string or strings at which generation ends; they are not part of the answer."""
    temperature: float | None
    """Randomness, 0 to 1 (some models take up to 2); 0 is the most repeatable."""
    top_p: float | None
    """Share of probability mass to sample from, 0 to 1."""
    top_k: int | None
    """Number of likeliest tokens to sample from, >= 1."""
    repetition_penalty: float | None
    """> 0, above 1 repeats less; not together with presence_penalty and frequency_penalty (warns)."""
    presence_penalty: float | None
    """-2 to 2, positive repeats less."""
    frequency_penalty: float | None
    """-2 to 2, positive repeats less."""
    min_p: float | None
    """Least probability of a token relative to the likeliest, 0 to 1."""
    logit_bias: Mapping[str, float] | None
    """Token id (as text) to bias, usually -100 to 100."""
    seed: int | None
    """Integer for repeatable sampling."""
    logprobs: int | None
    """Number of alternatives to return log probabilities for, 0 to 20 (some models want a bool)."""
    echo: bool | None
    """Return the prompt too."""
    n: int | None
    """Number of choices, 1 to 128."""
    safety_model: str | None
    """Name of a moderation model."""
    tool_choice: Literal["auto", "none", "required"] | str | JSONObject | None
    """"auto", "none", "required", or {"type": "function", "function": {"name": ...}}."""
    function_call: Literal["auto", "none"] | JSONObject | None
    """The older form of `tool_choice`."""
    reasoning: JSONObject | None
    """{"enabled": bool} for models that can switch their reasoning."""
    reasoning_effort: Literal["low", "medium", "high"] | str | None
    """"low", "medium" or "high"."""
    chat_template_kwargs: JSONObject | None
    """Options for the model's chat template, such as {"thinking": True}."""
    compliance: Literal["hipaa"] | None
    """"hipaa"."""
    context_length_exceeded_behavior: Literal["truncate", "error"] | None
    """"error" (the default) or "truncate", which lowers max_tokens to what fits."""
    stream_options: JSONObject | None
    """Options of a stream, such as {"include_usage": True}; Together sends usage without it."""
    top_logprobs: int | None
    """Number of alternatives, for servers that take `logprobs` as a bool, 0 to 20."""
    parallel_tool_calls: bool | None
    """Whether several calls may come in one answer."""
    max_completion_tokens: int | None
    """The same as `max_tokens`, for servers that call it so."""
    user: str | None
    """Your name for the end user."""
    metadata: Mapping[str, str] | None
    """Your own labels, text to text."""
    timeout: TimeoutTypes | None
    """Seconds, or a `Timeout`, for this call only."""
    max_retries: int | None
    """Retries after the first attempt, >= 0."""
    extra_headers: Mapping[str, str | None] | None
    """Header fields to add; a value of None removes a default one."""
    extra_query: Mapping[str, str | int | float | bool | Sequence[str | int | float | bool] | None] | None
    """Query parameters to add."""
    extra_body: Mapping[str, Any] | None
    """Fields to add to the body, over all others."""


ToolParam = JSONObject | Callable[..., Any]
"""A tool as the API describes it, or a typed function, whose description is made from it."""


class ChatCompletionParams(CommonParams, total=False):
    """What `create` takes beside the CommonParams."""

    response_format: JSONObject | None
    """{"type": "json_object"}, or "json_schema" with a schema, or "regex" with a pattern."""
    tools: Iterable[ToolParam] | None
    """Functions the model may call: {"type": "function", "function": {"name", "description", "parameters"}}, or typed
    Python functions (see `togetherpy.tools`)."""


ChatCompletionRequest = ChatCompletionParams
"""The name in version 1 of the official package."""


class ParseParams(CommonParams, total=False):
    """What `parse` takes beside the CommonParams."""

    tools: Iterable[ToolParam] | None
    """Functions the model may call: {"type": "function", "function": {"name", "description", "parameters"}}, or typed
    Python functions (see `togetherpy.tools`)."""


class RunToolsParams(CommonParams, total=False):
    """What `run_tools` takes beside the CommonParams."""

    response_format: JSONObject | None
    """{"type": "json_object"}, or "json_schema" with a schema, or "regex" with a pattern."""


for _params in (CommonParams, ChatCompletionParams, ParseParams, RunToolsParams):
    _params.__doc__ = f"{_params.__doc__ or ''}\n\n{MEANING[_params.__name__]}"
