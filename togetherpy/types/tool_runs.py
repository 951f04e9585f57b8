"""What `run_tools()` returns and shows on its way.

In: answers and what the tools made of them. Out: Structs. The rule: data only, nothing is run here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from togetherpy.types._model import Shown
from togetherpy.types.chat_completions import ChatCompletionResponse
from togetherpy.types.chat_params import MessageParam
from togetherpy.types.common import ToolCalls

__all__ = ["ToolResult", "ToolRun", "ToolStep"]


class ToolResult(Shown, msgspec.Struct, frozen=True, kw_only=True):
    """One call of a tool that the model asked for, and what came of it."""

    call: ToolCalls
    """What the model asked for."""
    content: str
    """The text that goes back to the model."""
    value: Any = None
    """What the function returned; None when it did not."""
    error: Exception | None = None
    """The exception that the model was told about: the function's, or a ToolCallError or ParseError of ours."""


class ToolStep(Shown, msgspec.Struct, frozen=True, kw_only=True):
    """One answer of the model and the calls that it led to."""

    response: ChatCompletionResponse
    """The answer."""
    results: list[ToolResult]
    """In the order in which the model asked; empty in the last step."""


class ToolRun(Shown, msgspec.Struct, frozen=True, kw_only=True):
    """A whole run."""

    response: ChatCompletionResponse
    """The last answer, which calls no tool."""
    messages: list[MessageParam]
    """The conversation, from the messages that were given to the last answer's, ready to be gone on with."""
    steps: list[ToolStep]
    """Every answer in turn, the last one included."""

    @property
    def content(self) -> str | None:
        """The text of the last answer; None when it has none. `text` raises then."""
        choices = self.response.choices
        return choices[0].message.content if choices and choices[0].message is not None else None

    @property
    def text(self) -> str:
        """The text of the last answer.

        Raises:
            NoTextError: it has none.
        """
        return self.response.text
