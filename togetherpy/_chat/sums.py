"""JSON objects that come in pieces -> one object: the fields that our types do not name.

In: dicts, in order. Out: one dict.
The rule: texts are joined, lists extended (items that say their `index` are merged by it), objects merged; of all else
the last counts, and null wipes nothing out. Texts are joined when asked for, so that no piece costs more than the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

_NAMES = frozenset(
    ["id", "type", "format", "index", "role", "name", "object", "model", "status", "mime_type", "tool_call_id"]
)
"""What is said of a thing as a whole, and again with each of its pieces."""


class _Text(list[str]):
    """A text that grows."""


def add_up(total: dict[str, Any], fields: Mapping[str, Any], *, whole: bool) -> None:
    """Adds `fields` to `total`. `whole`: they tell of the whole answer, and are often told again with every chunk."""
    for name, new in fields.items():
        old = total.get(name)
        if new is None:
            total.setdefault(name, None)
        elif old is None:
            total[name] = _own(new)
        else:
            total[name] = _sum(name, old, new, whole)


def result(value: Any) -> Any:
    """What has been added up, as plain data."""
    if isinstance(value, _Text):
        return "".join(value)
    if isinstance(value, list):
        return [result(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {name: result(item) for name, item in cast("dict[str, Any]", value).items()}
    return value


def _own(value: Any) -> Any:
    """A copy that can grow."""
    if isinstance(value, str):
        return _Text([value])
    if isinstance(value, list):
        return [_own(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {name: _own(item) for name, item in cast("dict[str, Any]", value).items()}
    return value


def _sum(name: str, old: Any, new: Any, whole: bool) -> Any:
    if isinstance(old, _Text) and isinstance(new, str):
        if name in _NAMES:
            return _Text([new]) if new else old
        if not (whole and old == [new]):
            old.append(new)
        return old
    if isinstance(old, dict) and isinstance(new, dict):
        add_up(cast("dict[str, Any]", old), cast("dict[str, Any]", new), whole=whole)
        return cast(Any, old)
    if isinstance(old, list) and isinstance(new, list):
        return _longer(cast("list[object]", old), cast("list[object]", new), whole)
    return _own(new)


def _longer(old: list[object], new: list[object], whole: bool) -> list[object]:
    if whole and new[: len(old)] == result(old):
        return cast("list[Any]", _own(new))  # told again, as far as it is known by now
    for item in new:
        index: Any = cast("dict[str, Any]", item).get("index") if isinstance(item, dict) else None
        same = None if index is None else next((one for one in reversed(old) if _index_of(one) == index), None)
        if same is None:
            old.append(_own(item))
        else:
            add_up(cast("dict[str, Any]", same), cast("dict[str, Any]", item), whole=whole)
    return old


def _index_of(item: Any) -> Any:
    return cast("dict[str, Any]", item).get("index") if isinstance(item, dict) else None
