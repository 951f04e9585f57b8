"""Messages of answers, where version 3 of the official package has them."""

from togetherpy.types.chat_completions import ChatCompletionMessage

__all__ = ["ChatCompletionMessage"]
