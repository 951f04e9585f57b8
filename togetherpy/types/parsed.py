"""What `parse()` returns: a whole answer whose messages carry a value of the caller's own type.

In: an answer, decoded. Out: the same with `message.parsed`.
The rule: all else is as in a ChatCompletionResponse, but `choices` and `message` are always there: what the server left
out is empty.
"""

from __future__ import annotations

from typing import Generic, TypeVar, cast

import msgspec

from togetherpy.types.chat_completions import ChatCompletionChoicesData, ChatCompletionMessage, ChatCompletionResponse

__all__ = ["ParsedChatCompletion", "ParsedChoice", "ParsedMessage"]

T = TypeVar("T")


class ParsedMessage(ChatCompletionMessage, Generic[T], kw_only=True):
    """A message of the assistant and what its text says."""

    parsed: T | None = None
    """None when there is no text: the model called a tool, or refused. Never sent back to the server."""


class ParsedChoice(ChatCompletionChoicesData, Generic[T], kw_only=True):
    """One of the `n` answers."""

    # The fields of an answer are written by us alone, so that narrowing them here is safe.
    message: ParsedMessage[T] = msgspec.field(  # pyright: ignore[reportIncompatibleVariableOverride]
        default_factory=lambda: ParsedMessage()
    )
    """The message; its `parsed` is the value."""


class ParsedChatCompletion(ChatCompletionResponse, Generic[T], kw_only=True):
    """A whole answer; `.parsed` is a T, and of each choice `.message.parsed` is a T or None."""

    choices: list[ParsedChoice[T]] = msgspec.field(  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleVariableOverride]
        default_factory=list
    )
    """The `n` answers."""

    @property
    def parsed(self) -> T:
        """What the first choice says, as a T.

        Raises:
            NoTextError: it says nothing, as when the model called a tool, or refused.
        """
        message = self.choices[0].message if self.choices else None
        if message is None or (message.parsed is None and not message.content):
            from togetherpy.types._content import no_text

            raise no_text(self)
        return cast(T, message.parsed)
