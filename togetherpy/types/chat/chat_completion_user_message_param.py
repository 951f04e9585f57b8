"""Messages with the role "user", where version 3 of the official package has them."""

from togetherpy.types.chat_params import UserMessage as ChatCompletionUserMessageParam

__all__ = ["ChatCompletionUserMessageParam"]
