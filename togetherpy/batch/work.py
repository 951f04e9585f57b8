"""What an operator is told, as it is pickled.

In: arguments that have been checked. Out: Work. The rule: values only, and nothing is imported that reads or sends.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from togetherpy.batch.template import Template


@functools.lru_cache(maxsize=64)
def template_of(text: str) -> Template:
    """The template of a text, read once."""
    return Template(text)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Where in a row its question is: one of `prompt` and `messages`, names of columns, or a `template` of several."""

    prompt: str | None = None
    messages: str | None = None
    template: str | None = None
    system: str | None = None
    """For rows that have no system prompt of their own."""
    images: str | None = None
    """A column of bytes or URLs, one image or several, that belong to the question."""

    def __post_init__(self) -> None:
        if self.template is not None:
            template_of(self.template)  # ValueError: it is none

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        names = [self.prompt, self.messages, self.images]
        if self.template is not None:
            names += template_of(self.template).columns
        return tuple(dict.fromkeys(name for name in names if name is not None))


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's configuration."""

    question: Question
    params: dict[str, Any]
    """What goes to the model with each row."""
    to: Any
    """The type that answers are to be, or None."""
    store: str | None
    bounds: dict[str, Any]
    """Of the engine and of the controller."""
    base_url: str | None
