"""Chunks -> the text of the first answer, piece by piece.

In: chunks, in order. Out: what each brings of that text.
The rule: with one answer asked for, nothing of it is lost because a server numbers it oddly: from another number on,
not with a number, or by counting tokens. What is of another number is held until the next one tells what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from togetherpy._chat.fragments import whole_number
from togetherpy.types._content import items, text_of
from togetherpy.types.common import DeltaContent


class Texts:
    """The text of one stream, seen once."""

    __slots__ = ("_counting", "_first", "_held", "_last", "_only_one")

    def __init__(self, choices: int) -> None:
        """`choices`: how many answers were asked for."""
        self._only_one = choices == 1
        self._first: int | None = None
        """The number of the first answer."""
        self._last: int | None = None
        self._held: list[str] = []
        self._counting = False

    def of(self, chunk: Any) -> Iterator[str]:
        """The pieces that are known to be of the text now."""
        for choice in items(chunk.choices):
            text = self.said(choice)
            if text is not None:
                yield from self._taken(whole_number(choice.index) or 0, text)

    def said(self, choice: Any) -> str | None:
        """What a choice brings of it; None for one that has no place for any."""
        delta = getattr(choice, "delta", None)
        if isinstance(delta, DeltaContent):
            return text_of(delta.content) if delta.content else ""
        text: object = getattr(choice, "text", None)  # as completions have it
        return text if delta is None and isinstance(text, str) else None

    def rest(self) -> Iterator[str]:
        """What is held at the end of the stream."""
        yield from self._held

    def _taken(self, index: int, text: str) -> Iterator[str]:
        if not self._only_one:
            if text and index == 0:
                yield text
            return
        if self._first is None:
            self._first = self._last = index
        if index != self._first and not self._counting:
            text = self._look(index, text)
        elif self._held:
            self._held.clear()  # the first goes on, so the other was another
        if self._counting:
            yield from self._held
            self._held.clear()
        self._last = index
        if text:
            yield text

    def _look(self, index: int, text: str) -> str:
        """Another number than the first: it may count, or be of another answer."""
        follows = self._last is not None and index > self._last
        if follows and self._held:
            self._counting = True
            return text
        if follows and self._last == self._first:
            self._held = [text]
        return ""
