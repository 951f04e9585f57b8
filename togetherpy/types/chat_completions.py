"""What chat completions receive and send.

In: JSON from the server, keyword arguments from the user. Out: Structs and TypedDicts.
The rule: what the wire has been seen to carry is named here; nothing is required of a server.
"""

# ruff: noqa: PYI051  # `Literal["auto"] | str`: the literals say nothing to a type checker, but editors offer them

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, Required, TypedDict

import msgspec

from togetherpy.types._inputs import JSONObject
from togetherpy.types._model import Model
from togetherpy.types._timeout import Timeout
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


# What the server sends


class ChatCompletionMessage(Model, kw_only=True):
    """A message of the assistant; may be appended to `messages` as it is, or built to be sent."""

    role: MessageRole | None = None
    content: str | None = None
    tool_calls: list[ToolCalls] | None = None
    function_call: FunctionCall | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    name: str | None = None
    tool_call_id: str | None = None


class ChatCompletionChoicesData(Model, kw_only=True):
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


class ChatCompletionResponse(Model, kw_only=True):
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


# What the user sends, as objects (dicts do as well)


class ChatCompletionMessageContentType(StrEnum):
    """Kinds of content parts."""

    TEXT = "text"
    IMAGE_URL = "image_url"
    VIDEO_URL = "video_url"
    AUDIO_URL = "audio_url"
    INPUT_AUDIO = "input_audio"


class ChatCompletionMessageContentImageURL(Model, kw_only=True):
    """An image, by http(s) or data URL."""

    url: str


class ChatCompletionMessageContentVideoURL(Model, kw_only=True):
    """A video, by http(s) or data URL."""

    url: str


class ChatCompletionMessageContentAudioURL(Model, kw_only=True):
    """Sound, by http(s) or data URL."""

    url: str


class ChatCompletionMessageContent(Model, kw_only=True):
    """One part of a message that is more than text."""

    type: ChatCompletionMessageContentType
    text: str | None = None
    image_url: ChatCompletionMessageContentImageURL | None = None
    video_url: ChatCompletionMessageContentVideoURL | None = None
    audio_url: ChatCompletionMessageContentAudioURL | None = None
    input_audio: dict[str, str] | None = None


class ResponseFormatType(StrEnum):
    """Kinds of `response_format`."""

    TEXT = "text"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"
    REGEX = "regex"


class ResponseFormat(Model, kw_only=True):
    """The form that the answer must have."""

    type: ResponseFormatType
    schema_: dict[str, Any] | None = msgspec.field(name="schema", default=None)
    json_schema: dict[str, Any] | None = None
    pattern: str | None = None


class FunctionTool(Model, kw_only=True):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class FunctionToolChoice(Model, kw_only=True):
    """The name of the function that must be called."""

    name: str


class Tools(Model, kw_only=True, omit_defaults=False):
    """A tool that the model may call."""

    function: FunctionTool
    type: Literal["function"] | str = "function"


class ToolChoice(Model, kw_only=True, omit_defaults=False):
    """The tool that must be called."""

    function: FunctionToolChoice
    type: Literal["function"] | str = "function"


class ToolChoiceEnum(StrEnum):
    """Ways to choose a tool."""

    Auto = "auto"
    Required = "required"
    NONE = "none"


# What the user sends, as dicts


class URLPart(TypedDict):
    """Where an image, a video or a sound is: an http(s) or data URL."""

    url: str


class TextContentPart(TypedDict):
    """Text."""

    type: Literal["text"]
    text: str


class ImageContentPart(TypedDict):
    """An image."""

    type: Literal["image_url"]
    image_url: URLPart


class VideoContentPart(TypedDict):
    """A video."""

    type: Literal["video_url"]
    video_url: URLPart


class AudioContentPart(TypedDict):
    """Sound by URL."""

    type: Literal["audio_url"]
    audio_url: URLPart


class InputAudio(TypedDict):
    """Sound as base64 text."""

    data: str
    format: Literal["wav"] | str


class InputAudioContentPart(TypedDict):
    """Sound in the request itself."""

    type: Literal["input_audio"]
    input_audio: InputAudio


ContentPart = TextContentPart | ImageContentPart | VideoContentPart | AudioContentPart | InputAudioContentPart


class FunctionCallParam(TypedDict):
    """The function of an assistant's tool call; `arguments` is a JSON document."""

    name: str
    arguments: str


class ToolCallParam(TypedDict, total=False):
    """A tool call of an earlier assistant turn."""

    id: Required[str]
    type: Required[Literal["function"]]
    function: Required[FunctionCallParam]
    index: int


class SystemMessage(TypedDict, total=False):
    """Instructions."""

    role: Required[Literal["system"]]
    content: Required[str]
    name: str


class UserMessage(TypedDict, total=False):
    """What the user says."""

    role: Required[Literal["user"]]
    content: Required[str | Sequence[ContentPart]]
    name: str


class AssistantMessage(TypedDict, total=False):
    """What the assistant said before."""

    role: Required[Literal["assistant"]]
    content: str | None
    name: str
    tool_calls: Sequence[ToolCallParam]
    reasoning: str | None
    reasoning_content: str | None


class ToolMessage(TypedDict, total=False):
    """The result of a tool call."""

    role: Required[Literal["tool"]]
    content: Required[str]
    tool_call_id: Required[str]
    name: str


MessageParam = SystemMessage | UserMessage | AssistantMessage | ToolMessage | JSONObject


class CommonParams(TypedDict, total=False):
    """Parameters. None means absent: it is never sent. Ranges are the API's; the server checks them.

    messages: the conversation so far: dicts, our message Structs (an answer's `message` as it is), dataclasses or
        pydantic objects. `content` is text or a list of parts (text, image_url, video_url, audio_url, input_audio).
    model: name of the model, such as "openai/gpt-oss-20b".
    max_tokens: most tokens to generate, >= 1. `max_completion_tokens` is the same for servers that call it so.
    stop: a string or strings at which generation ends; they are not part of the answer.
    temperature: randomness, 0 to 1 (some models take up to 2); 0 is the most repeatable.
    top_p: share of probability mass to sample from, 0 to 1.
    top_k: number of likeliest tokens to sample from, >= 1.
    min_p: least probability of a token relative to the likeliest, 0 to 1.
    repetition_penalty: > 0, above 1 repeats less; not together with the next two (warns).
    presence_penalty, frequency_penalty: -2 to 2, positive repeats less.
    logit_bias: token id (as text) to bias, usually -100 to 100.
    seed: integer for repeatable sampling.
    logprobs: number of alternatives to return log probabilities for, 0 to 20 (some models want a bool).
    top_logprobs: the same for servers that take `logprobs` as a bool, 0 to 20.
    echo: return the prompt too.
    n: number of choices, 1 to 128.
    safety_model: name of a moderation model.
    tool_choice: "auto", "none", "required", or {"type": "function", "function": {"name": ...}}.
    parallel_tool_calls: whether several calls may come in one answer.
    function_call: the older form of `tool_choice`.
    reasoning: {"enabled": bool} for models that can switch their reasoning.
    reasoning_effort: "low", "medium" or "high".
    chat_template_kwargs: options for the model's chat template, such as {"thinking": True}.
    compliance: "hipaa".
    context_length_exceeded_behavior: "error" (the default) or "truncate", which lowers max_tokens to what fits.
    stream_options: options of a stream, such as {"include_usage": True}; Together sends usage without it.
    user: your name for the end user. metadata: your own labels, text to text.

    timeout: seconds, or a `Timeout`, for this call only. max_retries: retries after the first attempt, >= 0.
    extra_headers: header fields to add; a value of None removes a default one.
    extra_query: query parameters to add. extra_body: fields to add to the body, over all others.
    """

    messages: Required[Iterable[MessageParam]]
    model: Required[str]
    max_tokens: int | None
    stop: str | Sequence[str] | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    repetition_penalty: float | None
    presence_penalty: float | None
    frequency_penalty: float | None
    min_p: float | None
    logit_bias: Mapping[str, float] | None
    seed: int | None
    logprobs: int | None
    echo: bool | None
    n: int | None
    safety_model: str | None
    tool_choice: Literal["auto", "none", "required"] | str | JSONObject | None
    function_call: Literal["auto", "none"] | JSONObject | None
    reasoning: JSONObject | None
    reasoning_effort: Literal["low", "medium", "high"] | str | None
    chat_template_kwargs: JSONObject | None
    compliance: Literal["hipaa"] | None
    context_length_exceeded_behavior: Literal["truncate", "error"] | None
    stream_options: JSONObject | None
    top_logprobs: int | None
    parallel_tool_calls: bool | None
    max_completion_tokens: int | None
    user: str | None
    metadata: Mapping[str, str] | None
    timeout: float | Timeout | None
    max_retries: int | None
    extra_headers: Mapping[str, str | None] | None
    extra_query: Mapping[str, str | int | float | bool | Sequence[str | int | float | bool] | None] | None
    extra_body: Mapping[str, Any] | None


ToolParam = JSONObject | Callable[..., Any]
"""A tool as the API describes it, or a typed function, whose description is made from it."""


class ChatCompletionParams(CommonParams, total=False):
    """What `create` takes beside the CommonParams.

    response_format: {"type": "json_object"}, or "json_schema" with a schema, or "regex" with a pattern.
    tools: functions the model may call: {"type": "function", "function": {"name", "description", "parameters"}}, or
        typed Python functions (see `togetherpy.tools`).
    """

    response_format: JSONObject | None
    tools: Iterable[ToolParam] | None


class ParseParams(CommonParams, total=False):
    """What `parse` takes beside the CommonParams.

    tools: functions the model may call: {"type": "function", "function": {"name", "description", "parameters"}}, or
        typed Python functions (see `togetherpy.tools`).
    """

    tools: Iterable[ToolParam] | None


class RunToolsParams(CommonParams, total=False):
    """What `run_tools` takes beside the CommonParams.

    response_format: {"type": "json_object"}, or "json_schema" with a schema, or "regex" with a pattern.
    """

    response_format: JSONObject | None
