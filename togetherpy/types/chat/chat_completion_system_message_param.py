"""Messages with the role "system", where version 3 of the official package has them."""

from togetherpy.types.chat_params import SystemMessage as ChatCompletionSystemMessageParam

__all__ = ["ChatCompletionSystemMessageParam"]
