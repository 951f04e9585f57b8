"""What chat completions send.

In: keyword arguments from the user. Out: TypedDicts, and Structs for those who would rather build objects.
The rule: dicts, objects and what the user's own classes make of them are all taken; the server checks the values.
"""

# ruff: noqa: PYI051  # `Literal["auto"] | str`: the literals say nothing to a type checker, but editors offer them

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, Required, TypedDict

import msgspec

from togetherpy.types._inputs import JSONObject
from togetherpy.types._model import Model
from togetherpy.types._parameters import MEANING
from togetherpy.types._timeout import Timeout

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


# Objects (dicts do as well)


class Sent(Model):
    """An object that is only ever sent. What its type does not name would not be, so there is no such thing."""

    takes_extra = False


class ChatCompletionMessageContentType(StrEnum):
    """Kinds of content parts."""

    TEXT = "text"
    IMAGE_URL = "image_url"
    VIDEO_URL = "video_url"
    AUDIO_URL = "audio_url"
    INPUT_AUDIO = "input_audio"


class ChatCompletionMessageContentImageURL(Sent, kw_only=True):
    """An image, by http(s) or data URL."""

    url: str


class ChatCompletionMessageContentVideoURL(Sent, kw_only=True):
    """A video, by http(s) or data URL."""

    url: str


class ChatCompletionMessageContentAudioURL(Sent, kw_only=True):
    """Sound, by http(s) or data URL."""

    url: str


class ChatCompletionMessageContent(Sent, kw_only=True):
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


class ResponseFormat(Sent, kw_only=True):
    """The form that the answer must have."""

    type: ResponseFormatType
    schema_: dict[str, Any] | None = msgspec.field(name="schema", default=None)
    json_schema: dict[str, Any] | None = None
    pattern: str | None = None


class FunctionTool(Sent, kw_only=True):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class FunctionToolChoice(Sent, kw_only=True):
    """The name of the function that must be called."""

    name: str


class Tools(Sent, kw_only=True, omit_defaults=False):
    """A tool that the model may call."""

    function: FunctionTool
    type: Literal["function"] | str = "function"


class ToolChoice(Sent, kw_only=True, omit_defaults=False):
    """The tool that must be called."""

    function: FunctionToolChoice
    type: Literal["function"] | str = "function"


class ToolChoiceEnum(StrEnum):
    """Ways to choose a tool."""

    Auto = "auto"
    Required = "required"
    NONE = "none"


# Dicts


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


class ChatCompletionWarning(TypedDict):
    """What an item of an answer's `warnings` is."""

    message: str


MessageParam = SystemMessage | UserMessage | AssistantMessage | ToolMessage | JSONObject


class CommonParams(TypedDict, total=False):
    """What every call takes; `help()` of this and of `client.chat.completions.create` explains it."""

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
    """What `create` takes beside the CommonParams."""

    response_format: JSONObject | None
    tools: Iterable[ToolParam] | None


ChatCompletionRequest = ChatCompletionParams
"""The name in version 1 of the official package."""


class ParseParams(CommonParams, total=False):
    """What `parse` takes beside the CommonParams."""

    tools: Iterable[ToolParam] | None


class RunToolsParams(CommonParams, total=False):
    """What `run_tools` takes beside the CommonParams."""

    response_format: JSONObject | None


for _params in (CommonParams, ChatCompletionParams, ParseParams, RunToolsParams):
    _params.__doc__ = f"{_params.__doc__ or ''}\n\n{MEANING[_params.__name__]}"
