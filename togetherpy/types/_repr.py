"""What `repr()` of an answer shows.

In: an object of the API. Out: one line that fits a screen.
The rule: absent fields are not shown, what is long is cut and its length said; loaded with the first use.
"""

from __future__ import annotations

from enum import Enum
from itertools import islice
from typing import Any, cast

import msgspec

from togetherpy.types._model import Model, Shown

_MAX_TEXT = 100
_MAX_ITEMS = 4
_MAX_DEPTH = 8
_MAX = 1_600
"""Characters of the whole: a screen has 24 lines of 80."""


def shown(model: Shown) -> str:
    """`model` as its class is called, with the fields that are there."""
    whole = _model(model, 0)
    return whole if len(whole) <= _MAX else f"{whole[:_MAX]}...)"


def _model(model: Shown, depth: int) -> str:
    fields = {name: getattr(model, name) for name in cast(msgspec.Struct, model).__struct_fields__}
    if isinstance(model, Model):
        fields |= model.model_extra
    parts = [f"{name}={_value(value, depth + 1)}" for name, value in fields.items() if value is not None]
    return f"{type(model).__name__}({', '.join(parts)})"


def _value(value: Any, depth: int) -> str:
    if depth > _MAX_DEPTH:
        return "..."
    if isinstance(value, Shown):
        return _model(value, depth)
    if isinstance(value, Enum):
        return repr(value.value)
    if isinstance(value, str):
        return repr(value) if len(value) <= _MAX_TEXT else f"{value[:_MAX_TEXT]!r}... ({len(value):,} characters)"
    if isinstance(value, list):
        items = cast("list[object]", value)
        return _several([_value(item, depth + 1) for item in items[:_MAX_ITEMS]], len(items), "[]")
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        first = islice(entries.items(), _MAX_ITEMS)
        return _several([f"{key!r}: {_value(item, depth + 1)}" for key, item in first], len(entries), "{}")
    other = repr(value)
    return other if len(other) <= 2 * _MAX_TEXT else f"{other[: 2 * _MAX_TEXT]}..."


def _several(parts: list[str], number: int, around: str) -> str:
    more = [f"... {number - len(parts):,} more"] if number > len(parts) else []
    return around[0] + ", ".join([*parts, *more]) + around[1]
