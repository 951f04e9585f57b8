"""What the API sends and receives."""

from typing import TYPE_CHECKING, Any

from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionMessage, ChatCompletionResponse
from togetherpy.types.common import FinishReason, ObjectType, UsageData

if TYPE_CHECKING:
    from togetherpy.types.chat_params import ChatCompletionParams

__all__ = [
    "ChatCompletionChunk",
    "ChatCompletionMessage",
    "ChatCompletionParams",
    "ChatCompletionResponse",
    "FinishReason",
    "ObjectType",
    "UsageData",
]


if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

    def __getattr__(name: str) -> Any:
        if name != "ChatCompletionParams":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from togetherpy.types.chat_params import ChatCompletionParams

        return ChatCompletionParams


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
