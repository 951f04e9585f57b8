"""A prompt made from a row's columns: 'Translate {text} into {language}'.

In: the template and a row's columns as JSON. Out: the prompt.
The rule: names in braces and nothing else, so that no template reads more than the row; {{ and }} are braces.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter

import msgspec


class Template:
    """A template, taken apart once."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is no template."""
        self.text = text
        try:
            parts = list(Formatter().parse(text))
        except ValueError as error:
            raise ValueError(f"the template {text!r} is none: {error}; write {{{{ and }}}} for braces") from None
        for _, name, form, conversion in parts:
            if name is not None and (form or conversion or not name.isidentifier()):
                raise ValueError(f"the template takes columns' names in braces, not {{{name}}}; write {{{{ for a brace")
        self._parts = [(literal, name) for literal, name, _, _ in parts]
        if not any(name for _, name in self._parts):
            raise ValueError(f"the template {text!r} names no column, so all rows would be the same")

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in it, each once."""
        return tuple(dict.fromkeys(name for _, name in self._parts if name is not None))

    def fill(self, columns: Mapping[str, msgspec.Raw]) -> str:
        """The prompt for these columns; text as it is, other values as JSON.

        Raises:
            ValueError: a column is missing.
        """
        pieces: list[str] = []
        for literal, name in self._parts:
            pieces.append(literal)
            if name is not None:
                if name not in columns:
                    raise ValueError(f"the row has no column {name!r}, which the template names")
                pieces.append(_shown(columns[name]))
        return "".join(pieces)


def _shown(value: msgspec.Raw) -> str:
    raw = bytes(value)
    if raw[:1] == b'"':
        text: str = msgspec.json.decode(raw, type=str)
        return text
    return raw.decode()
