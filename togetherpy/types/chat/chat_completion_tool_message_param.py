"""Messages with the role "tool", where version 3 of the official package has them."""

from togetherpy.types.chat_params import ToolMessage as ChatCompletionToolMessageParam

__all__ = ["ChatCompletionToolMessageParam"]
