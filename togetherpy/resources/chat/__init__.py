"""`client.chat`

In: nothing. Out: the resource whose part chat completions are.
The rule: what is called is in `completions`, which is loaded when it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from togetherpy.resources._base import Area, AsyncResource, Resource

if TYPE_CHECKING:
    from togetherpy.resources.chat.completions import AsyncChatCompletions as AsyncChatCompletions
    from togetherpy.resources.chat.completions import AsyncCompletions as AsyncCompletions
    from togetherpy.resources.chat.completions import AsyncCompletionsResource as AsyncCompletionsResource
    from togetherpy.resources.chat.completions import ChatCompletions as ChatCompletions
    from togetherpy.resources.chat.completions import Completions as Completions
    from togetherpy.resources.chat.completions import CompletionsResource as CompletionsResource


class Chat(Resource):
    """`client.chat`"""

    completions: Area[Completions] = Area("togetherpy.resources.chat.completions", "Completions")
    """Chat completions."""


class AsyncChat(AsyncResource, like=Chat):
    """`client.chat` of an AsyncTogether."""

    completions: Area[AsyncCompletions] = Area("togetherpy.resources.chat.completions", "AsyncCompletions")
    """Chat completions."""


ChatResource = Chat
AsyncChatResource = AsyncChat

if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

    def __getattr__(name: str) -> Any:
        completions = importlib.import_module(f"{__name__}.completions")
        if name == "completions":
            return completions
        if name.startswith("_") or not hasattr(completions, name):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(completions, name)
