"""Chunks, where version 3 of the official package has them."""

from togetherpy.types.chat_completions import ChatCompletionChoicesChunk as Choice
from togetherpy.types.chat_completions import ChatCompletionChunk as ChatCompletionChunk
from togetherpy.types.common import DeltaContent as ChoiceDelta

__all__ = ["ChatCompletionChunk", "Choice", "ChoiceDelta"]
