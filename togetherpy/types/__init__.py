"""What the API sends and receives.

The rule: each name is loaded when it is first used; a program that names a client has not yet asked for one.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionMessage, ChatCompletionResponse
    from togetherpy.types.chat_params import ChatCompletionParams
    from togetherpy.types.common import FinishReason, ObjectType, UsageData

_HOME = {
    "ChatCompletionChunk": "chat_completions",
    "ChatCompletionMessage": "chat_completions",
    "ChatCompletionParams": "chat_params",
    "ChatCompletionResponse": "chat_completions",
    "FinishReason": "common",
    "ObjectType": "common",
    "UsageData": "common",
}
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
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value  # the next look-up does not come here
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
