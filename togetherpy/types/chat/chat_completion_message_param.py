"""Messages that are sent, where version 3 of the official package has them."""

from togetherpy.types.chat_params import MessageParam as ChatCompletionMessageParam

__all__ = ["ChatCompletionMessageParam"]
