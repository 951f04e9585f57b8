"""What is sent, also under the names of version 2, where version 3 of the official package has them."""

from togetherpy.types.chat_params import AssistantMessage as MessageChatCompletionAssistantMessageParam
from togetherpy.types.chat_params import ChatCompletionParams as CompletionCreateParams
from togetherpy.types.chat_params import MessageParam as Message
from togetherpy.types.chat_params import ResponseFormat as ResponseFormat
from togetherpy.types.chat_params import SystemMessage as MessageChatCompletionSystemMessageParam
from togetherpy.types.chat_params import ToolChoice as ToolChoice
from togetherpy.types.chat_params import ToolMessage as MessageChatCompletionToolMessageParam
from togetherpy.types.chat_params import UserMessage as MessageChatCompletionUserMessageParam

CompletionCreateParamsBase = CompletionCreateParams
CompletionCreateParamsNonStreaming = CompletionCreateParamsStreaming = CompletionCreateParams
__all__ = [
    "CompletionCreateParams",
    "CompletionCreateParamsBase",
    "CompletionCreateParamsNonStreaming",
    "CompletionCreateParamsStreaming",
    "Message",
    "MessageChatCompletionAssistantMessageParam",
    "MessageChatCompletionSystemMessageParam",
    "MessageChatCompletionToolMessageParam",
    "MessageChatCompletionUserMessageParam",
    "ResponseFormat",
    "ToolChoice",
]
