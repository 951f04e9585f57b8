"""Values that stand for "nothing was given", which other clients have.

In: a value, or arguments by name. Out: whether it is one; the arguments without such ones.
The rule: known by their shape, so that those of any package do; a usual call pays one look at the types of its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, cast

_NAMES = frozenset(("NotGiven", "Omit"))
_PLAIN = frozenset((str, int, float, bool, NoneType, list, dict, tuple))


def is_absent(value: object) -> bool:
    """Whether it is such a value: false, and of a class with one of the usual names."""
    return type(value).__name__ in _NAMES and not value


def removes(value: object) -> bool:
    """Whether it also takes away what would be there without it."""
    return type(value).__name__ == "Omit" and not value


def drop_absent(params: dict[str, Any]) -> None:
    """Makes None of every such value among the arguments."""
    if not _PLAIN.issuperset(map(type, params.values())):
        for name, value in params.items():
            if is_absent(value):
                params[name] = None


def without_absent(value: object) -> object:
    """A JSON value without such ones, however deep in it; itself if there are none.

    Raises:
        RecursionError: nested too deeply.
    """
    if isinstance(value, Mapping):
        given = cast("Mapping[object, object]", value)
        kept = {key: without_absent(item) for key, item in given.items() if not is_absent(item)}
        same = len(kept) == len(given) and all(kept[key] is given[key] for key in kept)
        return given if same else kept
    if isinstance(value, (list, tuple)):
        items = cast("list[object]", value)
        listed = [without_absent(item) for item in items if not is_absent(item)]
        same = len(listed) == len(items) and all(one is other for one, other in zip(listed, items, strict=True))
        return items if same else listed
    return value
