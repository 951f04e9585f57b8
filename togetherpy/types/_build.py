"""Plain data -> an object of the API, with what is inside of it built too.

In: fields as a program has them: from a `model_dump()`, a file, its own hands. Out: an object.
The rule: as of an answer, nothing is lost: what does not fit its field is kept as it is, what the type does not name is
an extra. Answers themselves do not come this way; the decoder makes their objects without asking anything here.
"""

from __future__ import annotations

import copy
import functools
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, cast

import msgspec

from togetherpy.types._model import Model, new, parse_any_json, parsed, with_extra

_M = TypeVar("_M", bound=Model)


def build(cls: type[_M], data: Mapping[str, Any]) -> _M:
    """A `cls` of these fields, which may go by the server's names or by the attributes'.

    Raises:
        TypeError: a field that must be there is not; or a `cls`, which is only ever sent, does not name one.
    """
    sent, fields, hints = dict(data), dict[str, Any](), _hints(cls)
    for name, wire in zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True):
        if name != wire and name in sent:
            sent[wire] = sent.pop(name)
        if wire in sent:
            fields[name] = sent[wire] = _built(hints[name], sent[wire])
    if not cls.takes_extra:
        return new(
            cls, **fields, **{name: value for name, value in sent.items() if name not in cls.__struct_encode_fields__}
        )
    return with_extra(new(cls, **fields), sent)


def _built(hint: Any, value: Any) -> Any:
    """`value` as a field with this annotation has it."""
    if isinstance(value, dict):
        return _built_from_dict(hint, cast("dict[str, Any]", value))
    if isinstance(value, (list, tuple)):
        for origin, arguments in _members(hint):
            if origin is list:
                return [_built(arguments[0] if arguments else Any, item) for item in cast("list[object]", value)]
    elif type(value) is str:
        for origin, _ in _members(hint):
            if isinstance(origin, type) and issubclass(origin, Enum):
                try:
                    return origin(value)
                except ValueError:
                    return value
    return cast(Any, value)


def _built_from_dict(hint: Any, value: dict[str, Any]) -> Any:
    members = _members(hint)
    models = [origin for origin, _ in members if isinstance(origin, type) and issubclass(origin, Model)]
    if models:
        return build(max(models, key=lambda one: len(value.keys() & set(one.__struct_encode_fields__))), value)
    for origin, arguments in members:
        if origin is dict and arguments:
            return {key: _built(arguments[1], item) for key, item in value.items()}
    return value


def _members(hint: Any) -> list[tuple[Any, tuple[Any, ...]]]:
    """What an annotation allows: classes and their arguments."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return [
        (typing.get_origin(one) or one, typing.get_args(one)) for one in (typing.get_args(hint) if union else (hint,))
    ]


@functools.cache
def _hints(cls: type[Model]) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def validated(cls: type[_M], obj: Any, **how: Any) -> _M:
    """What `model_validate()` says."""
    if isinstance(obj, cls):
        return obj
    if how.get("from_attributes") and not isinstance(obj, Mapping):
        obj = {name: getattr(obj, name) for name in cls.__struct_fields__ if hasattr(obj, name)}
    if not isinstance(obj, Mapping):
        raise ValueError(f"{cls.__name__} is made of a JSON object, not of a value of type {type(obj).__name__}")
    try:
        return build(cls, cast("Mapping[str, Any]", obj))
    except TypeError as error:
        raise ValueError(f"{cls.__name__}: {error}") from None


def value_of_json(name: str, text: str | bytes | bytearray) -> Any:
    """What JSON says that is to become an object of the type with this name; ValueError when it is none."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return parse_any_json(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is made of JSON, and this is not: {error}") from None


def constructed(cls: type[_M], values: dict[str, Any]) -> _M:
    """A `cls` of values that nobody looks at."""
    wires = dict(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))
    fields = {name: values[key] for name, wire in wires.items() for key in (name, wire) if key in values}
    return with_extra(new(cls, **fields), {wires.get(name, name): value for name, value in values.items()})


def copied(model: _M, update: Mapping[str, Any] | None, *, deep: bool) -> _M:
    """A copy of `model` in which these values are other ones."""
    made = copy.deepcopy(model) if deep else copy.copy(model)
    for name, value in (update or {}).items():
        if name in model.__struct_fields__:
            setattr(made, name, value)
        else:
            set_extra(made, name, value)
    return made


def set_extra(model: Model, name: str, value: Any) -> None:
    """`value` as a field of `model` that its type does not name."""
    with_extra(model, {**(parsed(model) or {}), name: value})


def names_set(model: Model) -> set[str]:
    """The names of the fields that are not merely what they are when nobody says anything."""
    sent = parsed(model) or {}
    fields = zip(model.__struct_fields__, model.__struct_encode_fields__, strict=True)
    own = {name for name, wire in fields if wire in sent or getattr(model, name) is not None}
    return own | model.model_extra.keys()
