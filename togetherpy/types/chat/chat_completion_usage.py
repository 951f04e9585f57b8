"""What answers cost, where version 3 of the official package has them."""

from togetherpy.types.common import UsageData as ChatCompletionUsage

__all__ = ["ChatCompletionUsage"]
