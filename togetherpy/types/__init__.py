"""What the API sends and receives."""

from togetherpy.types.chat_completions import (
    ChatCompletionChunk,
    ChatCompletionMessage,
    ChatCompletionParams,
    ChatCompletionResponse,
)
from togetherpy.types.common import FinishReason, ObjectType, UsageData

__all__ = [
    "ChatCompletionChunk",
    "ChatCompletionMessage",
    "ChatCompletionParams",
    "ChatCompletionResponse",
    "FinishReason",
    "ObjectType",
    "UsageData",
]
