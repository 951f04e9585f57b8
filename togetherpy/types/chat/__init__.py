"""The types of chat completions under the names of version 3 of the official package.

In: a name. Out: our type for it. The rule: aliases, each loaded when it is first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionMessage
    from togetherpy.types.chat_completions import ChatCompletionResponse as ChatCompletion
    from togetherpy.types.chat_params import AssistantMessage as ChatCompletionAssistantMessageParam
    from togetherpy.types.chat_params import ChatCompletionParams as CompletionCreateParams
    from togetherpy.types.chat_params import ChatCompletionWarning
    from togetherpy.types.chat_params import ImageContentPart as ChatCompletionStructuredMessageImageURLParam
    from togetherpy.types.chat_params import MessageParam as ChatCompletionMessageParam
    from togetherpy.types.chat_params import SystemMessage as ChatCompletionSystemMessageParam
    from togetherpy.types.chat_params import TextContentPart as ChatCompletionStructuredMessageTextParam
    from togetherpy.types.chat_params import ToolMessage as ChatCompletionToolMessageParam
    from togetherpy.types.chat_params import UserMessage as ChatCompletionUserMessageParam
    from togetherpy.types.chat_params import VideoContentPart as ChatCompletionStructuredMessageVideoURLParam
    from togetherpy.types.common import PromptPart as ChatCompletionPrompt
    from togetherpy.types.common import UsageData as ChatCompletionUsage

_HOME = {
    "ChatCompletion": "chat_completions:ChatCompletionResponse",
    "ChatCompletionAssistantMessageParam": "chat_params:AssistantMessage",
    "ChatCompletionChunk": "chat_completions:ChatCompletionChunk",
    "ChatCompletionMessage": "chat_completions:ChatCompletionMessage",
    "ChatCompletionMessageParam": "chat_params:MessageParam",
    "ChatCompletionPrompt": "common:PromptPart",
    "ChatCompletionStructuredMessageImageURLParam": "chat_params:ImageContentPart",
    "ChatCompletionStructuredMessageTextParam": "chat_params:TextContentPart",
    "ChatCompletionStructuredMessageVideoURLParam": "chat_params:VideoContentPart",
    "ChatCompletionSystemMessageParam": "chat_params:SystemMessage",
    "ChatCompletionToolMessageParam": "chat_params:ToolMessage",
    "ChatCompletionUsage": "common:UsageData",
    "ChatCompletionUserMessageParam": "chat_params:UserMessage",
    "ChatCompletionWarning": "chat_params:ChatCompletionWarning",
    "CompletionCreateParams": "chat_params:ChatCompletionParams",
}
__all__ = [
    "ChatCompletion",
    "ChatCompletionAssistantMessageParam",
    "ChatCompletionChunk",
    "ChatCompletionMessage",
    "ChatCompletionMessageParam",
    "ChatCompletionPrompt",
    "ChatCompletionStructuredMessageImageURLParam",
    "ChatCompletionStructuredMessageTextParam",
    "ChatCompletionStructuredMessageVideoURLParam",
    "ChatCompletionSystemMessageParam",
    "ChatCompletionToolMessageParam",
    "ChatCompletionUsage",
    "ChatCompletionUserMessageParam",
    "ChatCompletionWarning",
    "CompletionCreateParams",
]


if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

    def __getattr__(name: str) -> Any:
        from togetherpy.types._lazy import public_name

        value = globals()[name] = public_name(__name__, name, _HOME, "togetherpy.types")
        return value  # the next look-up does not come here


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
