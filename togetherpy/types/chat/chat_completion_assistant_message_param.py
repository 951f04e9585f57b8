"""Messages with the role "assistant", where version 3 of the official package has them."""

from togetherpy.types.chat_params import AssistantMessage as ChatCompletionAssistantMessageParam

__all__ = ["ChatCompletionAssistantMessageParam"]
