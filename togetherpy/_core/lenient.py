"""A valid JSON answer that does not fit its type -> the type all the same, misfits kept as they came.

In: JSON bytes and the type they were meant for. Out: an instance in which only what does not fit is raw.
The rule: nothing that was paid for is lost because a server is odd. Only the answers that a strict decode refused
come here, so the usual answer pays nothing.
"""

from __future__ import annotations

import functools
import types
import typing
from typing import Any, cast

import msgspec

from togetherpy.types._model import new, parse_any_json

_MISFITS_LOGGED: set[str] = set()


def decode_leniently(raw: bytes, to: Any) -> Any:
    """An instance of `to` from JSON that strict decoding refused.

    Raises:
        ValueError: it is not JSON at all. RecursionError: nested too deeply.
    """
    value = parse_any_json(raw)
    if isinstance(to, type) and issubclass(to, msgspec.Struct) and not isinstance(value, dict):
        raise ValueError(f"it is no JSON object but {type(value).__name__}")
    return _fit(value, to, _name_of(to))


def fit(value: Any, to: Any) -> Any:
    """`value`, plain JSON data, as `to`; what does not fit is kept as it came."""
    return _fit(value, to, _name_of(to))


def fit_field(to: type[msgspec.Struct], name: str, value: Any) -> Any:
    """`value` as the field of this name has it in `to`."""
    return _fit(value, _hints(to)[name], f"{_name_of(to)}.{name}")


def _fit(value: Any, to: Any, path: str) -> Any:
    """`value` as `to`; where that fails, its parts one by one; where they fail, as it came."""
    try:
        return msgspec.convert(value, to)
    except msgspec.ValidationError as error:
        reason = str(error)
    members = typing.get_args(to) if typing.get_origin(to) in (typing.Union, types.UnionType) else (to,)
    for member in members:
        origin, arguments = typing.get_origin(member) or member, typing.get_args(member)
        if isinstance(value, dict) and isinstance(origin, type) and issubclass(origin, msgspec.Struct):
            return _fit_struct(cast("dict[str, Any]", value), origin, path)
        if isinstance(value, list) and origin is list:
            return [_fit(item, arguments[0], f"{path}[]") for item in cast("list[object]", value)]
        if isinstance(value, dict) and origin is list and _is_one(cast("dict[str, Any]", value), arguments[0]):
            return [_fit(value, arguments[0], f"{path}[]")]
    log_once(path, reason)
    return cast(Any, value)


def _is_one(value: dict[str, Any], to: Any) -> bool:
    """Whether an object is what should be the only item of a list: it has fields of such an item."""
    return (
        isinstance(to, type) and issubclass(to, msgspec.Struct) and any(name in value for name in to.__struct_fields__)
    )


def _fit_struct(value: dict[str, Any], to: type[msgspec.Struct], path: str) -> Any:
    hints = _hints(to)
    fields = {
        name: _fit(value[wire], hints[name], f"{path}.{wire}")
        for name, wire in zip(to.__struct_fields__, to.__struct_encode_fields__, strict=True)
        if wire in value
    }
    return new(to, **fields)


@functools.cache
def _hints(to: type[msgspec.Struct]) -> dict[str, Any]:
    return typing.get_type_hints(to)


def _name_of(to: Any) -> str:
    return str(getattr(to, "__name__", to))


def log_once(path: str, reason: str) -> None:
    """Says that something is kept as it came. The paths are those of our own types, so what is remembered is bounded.
    Values are not logged (fault G6)."""
    if path not in _MISFITS_LOGGED:
        _MISFITS_LOGGED.add(path)
        import logging

        logging.getLogger("togetherpy").warning(
            "%s came in a form that its type does not foresee and is kept as it came (%s)", path, reason.split(" - ")[0]
        )
