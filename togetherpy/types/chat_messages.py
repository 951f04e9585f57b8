"""The messages that chats send, and what may be in them: parts, calls, tools, forms of an answer.

In: keyword arguments and items of `messages`. Out: TypedDicts, and Structs for those who would rather build objects.
The rule: dicts, objects and what the user's own classes make of them are all taken; the server checks the values.
"""

# ruff: noqa: PYI051  # `Literal["auto"] | str`: the literals say nothing to a type checker, but editors offer them

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Literal, Required, TypedDict

import msgspec

from togetherpy.types._inputs import JSONObject
from togetherpy.types._model import Model

__all__ = [
    "AssistantMessage",
    "AudioContentPart",
    "ChatCompletionMessageContent",
    "ChatCompletionMessageContentAudioURL",
    "ChatCompletionMessageContentImageURL",
    "ChatCompletionMessageContentType",
    "ChatCompletionMessageContentVideoURL",
    "ChatCompletionWarning",
    "ContentPart",
    "FunctionCallParam",
    "FunctionTool",
    "FunctionToolChoice",
    "ImageContentPart",
    "InputAudio",
    "InputAudioContentPart",
    "MessageParam",
    "ResponseFormat",
    "ResponseFormatType",
    "SystemMessage",
    "TextContentPart",
    "ToolCallParam",
    "ToolChoice",
    "ToolChoiceEnum",
    "ToolMessage",
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
    """An http(s) URL, or the data itself as a data URL."""


class ChatCompletionMessageContentVideoURL(Sent, kw_only=True):
    """A video, by http(s) or data URL."""

    url: str
    """An http(s) URL, or the data itself as a data URL."""


class ChatCompletionMessageContentAudioURL(Sent, kw_only=True):
    """Sound, by http(s) or data URL."""

    url: str
    """An http(s) URL, or the data itself as a data URL."""


class ChatCompletionMessageContent(Sent, kw_only=True):
    """One part of a message that is more than text."""

    type: ChatCompletionMessageContentType
    """What kind of part it is, and so which of the others is there."""
    text: str | None = None
    """The text."""
    image_url: ChatCompletionMessageContentImageURL | None = None
    """The image."""
    video_url: ChatCompletionMessageContentVideoURL | None = None
    """The video."""
    audio_url: ChatCompletionMessageContentAudioURL | None = None
    """The sound."""
    input_audio: dict[str, str] | None = None
    """The sound itself: `data` in base64, and `format`."""


class ResponseFormatType(StrEnum):
    """Kinds of `response_format`."""

    TEXT = "text"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"
    REGEX = "regex"


class ResponseFormat(Sent, kw_only=True):
    """The form that the answer must have."""

    type: ResponseFormatType
    """The kind of form."""
    schema_: dict[str, Any] | None = msgspec.field(name="schema", default=None)
    """The JSON schema, for "json_object"; sent as `schema`."""
    json_schema: dict[str, Any] | None = None
    """`name` and `schema`, for "json_schema"."""
    pattern: str | None = None
    """The regular expression, for "regex"."""


class FunctionTool(Sent, kw_only=True):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: str
    """What the model calls it by: letters, digits, _ and -, at most 64."""
    description: str | None = None
    """What the model is told about it."""
    parameters: dict[str, Any] | None = None
    """The JSON schema of its arguments, an object."""


class FunctionToolChoice(Sent, kw_only=True):
    """The name of the function that must be called."""

    name: str
    """The function's name."""


class Tools(Sent, kw_only=True, omit_defaults=False):
    """A tool that the model may call."""

    function: FunctionTool
    """The function."""
    type: Literal["function"] | str = "function"
    """"function"."""


class ToolChoice(Sent, kw_only=True, omit_defaults=False):
    """The tool that must be called."""

    function: FunctionToolChoice
    """The function's name."""
    type: Literal["function"] | str = "function"
    """"function"."""


class ToolChoiceEnum(StrEnum):
    """Ways to choose a tool."""

    Auto = "auto"
    Required = "required"
    NONE = "none"


# Dicts


class URLPart(TypedDict):
    """Where an image, a video or a sound is: an http(s) or data URL."""

    url: str
    """An http(s) URL, or the data itself as a data URL."""


class TextContentPart(TypedDict):
    """Text."""

    type: Literal["text"]
    """"text"."""
    text: str
    """The text."""


class ImageContentPart(TypedDict):
    """An image."""

    type: Literal["image_url"]
    """"image_url"."""
    image_url: URLPart
    """Where the image is."""


class VideoContentPart(TypedDict):
    """A video."""

    type: Literal["video_url"]
    """"video_url"."""
    video_url: URLPart
    """Where the video is."""


class AudioContentPart(TypedDict):
    """Sound by URL."""

    type: Literal["audio_url"]
    """"audio_url"."""
    audio_url: URLPart
    """Where the sound is."""


class InputAudio(TypedDict):
    """Sound as base64 text."""

    data: str
    """The sound in base64."""
    format: Literal["wav"] | str
    """How it is written, such as "wav"."""


class InputAudioContentPart(TypedDict):
    """Sound in the request itself."""

    type: Literal["input_audio"]
    """"input_audio"."""
    input_audio: InputAudio
    """The sound."""


ContentPart = TextContentPart | ImageContentPart | VideoContentPart | AudioContentPart | InputAudioContentPart


class FunctionCallParam(TypedDict):
    """The function of an assistant's tool call; `arguments` is a JSON document."""

    name: str
    """The function's name."""
    arguments: str
    """Its arguments, a JSON document."""


class ToolCallParam(TypedDict, total=False):
    """A tool call of an earlier assistant turn."""

    id: Required[str]
    """The call's id, which its result names."""
    type: Required[Literal["function"]]
    """"function"."""
    function: Required[FunctionCallParam]
    """The function and its arguments."""
    index: int
    """Its number, from 0."""


class SystemMessage(TypedDict, total=False):
    """Instructions."""

    role: Required[Literal["system"]]
    """"system"."""
    content: Required[str]
    """The instructions."""
    name: str
    """A name for the speaker, to tell several apart."""


class UserMessage(TypedDict, total=False):
    """What the user says."""

    role: Required[Literal["user"]]
    """"user"."""
    content: Required[str | Sequence[ContentPart]]
    """A text, or parts: text, images, videos, sound."""
    name: str
    """A name for the speaker, to tell several apart."""


class AssistantMessage(TypedDict, total=False):
    """What the assistant said before."""

    role: Required[Literal["assistant"]]
    """"assistant"."""
    content: str | None
    """What it said; None beside tool calls."""
    name: str
    """A name for the speaker, to tell several apart."""
    tool_calls: Sequence[ToolCallParam]
    """The calls that it made."""
    reasoning: str | None
    """What it thought."""
    reasoning_content: str | None
    """The same, as some servers call it."""


class ToolMessage(TypedDict, total=False):
    """The result of a tool call."""

    role: Required[Literal["tool"]]
    """"tool"."""
    content: Required[str]
    """What came of the call, as text."""
    tool_call_id: Required[str]
    """The call that this answers."""
    name: str
    """The tool's name."""


class ChatCompletionWarning(TypedDict):
    """What an item of an answer's `warnings` is."""

    message: str
    """The warning."""


MessageParam = SystemMessage | UserMessage | AssistantMessage | ToolMessage | JSONObject
