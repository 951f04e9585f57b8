r"""Characters that are cut over two events of a stream -> whole characters.

In: JSON in which a text ends with half of a surrogate pair ("\ud83d"), and the JSON that goes on with it ("\ude00").
Out: the same with the half moved to its other half. The rule: a half that never gets another becomes U+FFFD, also one
that the stream ends with.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from togetherpy.types._model import parse_as_it_is, without_surrogates


class Halves:
    """The halves that wait in one stream."""

    __slots__ = ("_facts", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[tuple[object, ...], str] = {}
        """Where in a chunk -> the half that its text ended with."""
        self._facts: dict[str, Any] = {}
        """What the last event said of the whole stream."""

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def mend_if_cut(self, data: bytes) -> bytes:
        """`mend`, where there is something to mend."""
        return self.mend(data) if self._waiting or b"\\u" in data else data

    def mend(self, data: bytes) -> bytes:
        """An event's JSON with whole characters; as it is, where it cannot be read, or is no object."""
        try:
            value = parse_as_it_is(data)
        except (ValueError, RecursionError):
            return data
        if not isinstance(value, dict):
            return data
        fields: dict[str, Any] = self._mend(value, ())
        self._facts = {name: fields[name] for name in _OF_THE_WHOLE if name in fields}
        return msgspec.json.encode(fields)

    def rest(self) -> bytes:
        """At the end of the stream: an event with U+FFFD in the place of each half that waits, if there is any, else
        nothing."""
        if not self._waiting:
            return b""
        event: dict[Any, Any] = dict(self._facts)
        for *steps, last in self._waiting:
            branch = event
            for step in steps:
                branch = branch.setdefault(step, {})
            branch[last] = "\ufffd"
        self._waiting.clear()
        return msgspec.json.encode(_lists(event))

    def _mend(self, value: Any, path: tuple[object, ...]) -> Any:
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            return {without_surrogates(name): self._mend(item, (*path, name)) for name, item in fields.items()}
        if isinstance(value, list):
            entries = cast("list[object]", value)
            return [self._mend(item, (*path, _index(item, place))) for place, item in enumerate(entries)]
        return value

    def _text(self, text: str, path: tuple[object, ...]) -> str:
        if not text:
            return text
        text = self._waiting.pop(path, "") + text
        if "\ud800" <= text[-1] <= "\udbff":
            self._waiting[path] = text[-1]
            text = text[:-1]
        return without_surrogates(text)


_OF_THE_WHOLE = ("id", "object", "created", "model")


def _lists(tree: Any) -> Any:
    """A tree whose lists are still dicts, from what tells an item from others to the item."""
    if not isinstance(tree, dict):
        return tree
    branches = cast("dict[object, Any]", tree)
    made = {step: _lists(branch) for step, branch in branches.items()}
    if not all(isinstance(step, int) for step in made):
        return made
    numbers = cast("dict[int, Any]", made)
    return [{"index": n, **one} if n >= 0 and isinstance(one, dict) else one for n, one in numbers.items()]


def _index(item: Any, place: int) -> object:
    """What tells an item from others in another chunk's list: its index, or ~place where it has none."""
    index = cast("dict[str, Any]", item).get("index") if isinstance(item, dict) else None
    return index if isinstance(index, int) and index >= 0 else ~place
