"""JSON values: encoding them, and looking at parsed ones, of which nothing is known, without losing the types."""

import json
from typing import Any, TypeGuard, cast


def to_json(value: Any, indent: int | None = None) -> bytes:
    """`value` as UTF-8 JSON, compact unless `indent` is given; a lone surrogate becomes "?" instead of an error."""
    separators = (",", ":") if indent is None else None
    return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators).encode("utf-8", "replace")


def as_dict(value: Any) -> dict[str, Any] | None:
    """The value if it is an object, else None."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: Any) -> list[Any] | None:
    """The value if it is an array, else None."""
    return value if _is_list(value) else None


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def is_number(value: Any) -> bool:
    """Whether it is a JSON number; in Python a bool would pass for one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    """Whether it is a JSON integer."""
    return isinstance(value, int) and not isinstance(value, bool)
