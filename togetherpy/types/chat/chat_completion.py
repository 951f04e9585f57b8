"""Whole answers, where version 3 of the official package has them."""

from togetherpy.types.chat_completions import ChatCompletionChoicesData as Choice
from togetherpy.types.chat_completions import ChatCompletionResponse as ChatCompletion

__all__ = ["ChatCompletion", "Choice"]
