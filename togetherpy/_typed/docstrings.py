"""A function's docstring -> what the function does, and what its parameters mean.

In: a docstring in any of the usual styles (Google's, NumPy's, Sphinx's, plain "name: text") and the parameters' names.
Out: the prose before the first part about something else, and a text for each parameter that has one.
The rule: only the parameters that there are begin an entry, so that prose with a colon stays prose.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection

_ENTRY = re.compile(
    r"\s*(?:[-*]\s+)?(?::param\s+(?:[^:\s]+\s+)?)?[`*]*(?P<name>\w+)`*\s*(?:\([^)]*\))?\s*:\s*(?P<text>.*)"
)
_HEADER = re.compile(
    r"(?P<parameters>(other |keyword )?(args|arguments|params|parameters))\s*:?"
    r"|(attributes|returns?|yields?|raises|warns|examples?|notes?|see also|references|warnings?)\s*:?|:\w+.*:.*",
    re.IGNORECASE,
)


def read_docstring(doc: str | None, names: Collection[str]) -> tuple[str, dict[str, str]]:
    """The description, "" if there is none, and the texts of the parameters `names`."""
    prose: list[str] = []
    entries: dict[str, list[str]] = {}
    entry: list[str] | None = None
    indent, types_first, in_prose, elsewhere = 0, False, True, False
    for line in inspect.cleandoc(doc or "").split("\n"):
        text, width = line.strip(), len(line) - len(line.lstrip())
        match = None if elsewhere else _ENTRY.match(line)
        header = _HEADER.fullmatch(text)
        if match and match["name"] in names and match["name"] not in entries:
            # NumPy's style has the type behind the colon, and the text below.
            entry = entries[match["name"]] = [] if types_first else [match["text"]]
            indent, in_prose = width, False
        elif entry is not None and text and width > indent:
            entry.append(text)
        elif text and set(text) == {"-"}:
            types_first = True
        elif header:
            entry, in_prose = None, False
            elsewhere = not header["parameters"] and not text.startswith(":")
        elif text or in_prose:
            entry = None
            if in_prose:
                prose.append(line)
    return "\n".join(prose).strip(), {name: " ".join(parts).strip() for name, parts in entries.items() if any(parts)}
