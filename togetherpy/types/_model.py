"""The base of every Struct that the API sends.

In: a decoded answer. Out: the same as plain Python data or JSON text, unknown fields included.
The rule: views of an object's own data, nothing else; decoding pays nothing for them but a link to where it is from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar, Union, cast, get_args, get_origin

import msgspec

from togetherpy.types._manners import Manners

_T = TypeVar("_T")
_M = TypeVar("_M", bound="Model")
_S = TypeVar("_S", bound=msgspec.Struct)


class Raw:
    """A place, outside of the Struct's fields, for what an object was decoded from.

    Not a field: it is neither encoded nor compared. What our types do not name of it is shown, pickled and copied.
    """

    __slots__ = ("_raw",)
    _raw: Any
    """One of: a Source; for an object inside another, (where that one is from, the field, the place in a list); the
    JSON object itself. Not there when nothing is known."""


class Source(msgspec.Struct, eq=False):
    """JSON that an answer was decoded from. It is parsed when somebody asks, which few do."""

    _raw: bytes | None
    _value: Any = None

    @property
    def value(self) -> Any:
        """What it says; None when it cannot be read."""
        raw = self._raw
        if raw is not None:
            try:
                self._value = msgspec.json.decode(raw)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                self._value = _any_value(raw)
            self._raw = None
        return self._value

    def __repr__(self) -> str:  # the default would show the answer
        return "<Source>"


def _any_value(raw: bytes) -> Any:
    # msgspec looks at the UTF-8 and at the numbers only of the fields that it keeps.
    try:
        return parse_any_json(raw)
    except (ValueError, RecursionError):
        return None


class Shown:
    """A Struct whose `repr()` fits a screen."""

    __slots__ = ()

    def __repr__(self) -> str:
        """What is there, on one screen: long texts and lists are cut, and how long they are is said."""
        from togetherpy.types._repr import shown

        return shown(self)


class ModelMeta(msgspec.StructMeta):
    """What is called to make an object by hand. A decoder makes its objects without it."""

    if not TYPE_CHECKING:  # a type checker would take this for the signature of every type

        def __call__(cls, *args, **fields):  # noqa: N805  # of a metaclass
            """An object of these fields: of dicts the types inside are built, unknown names are extras."""
            if args or not fields:
                return new(cls, *args, **fields)
            from togetherpy.types._build import build

            return build(cls, fields)


class Model(Raw, Shown, Manners, msgspec.Struct, metaclass=ModelMeta, omit_defaults=True):
    """An object of the API. Every field is optional; None means that the server did not send it.

    Each class says `kw_only` itself: msgspec does not hand it down.
    """

    takes_extra = True
    """Made by hand, it may have fields that its type does not name."""

    @property
    def model_extra(self) -> dict[str, Any]:
        """The fields that the server sent and that this type does not name; of an `Open` object attributes, too.

        Objects inside a chunk show theirs in the `to_dict()` of the whole chunk.
        """
        return unknown(parsed(self), self)

    def to_dict(self) -> dict[str, Any]:
        """This object as plain Python data, without absent fields, with fields that our types do not name."""
        from togetherpy.types._dump import How, dump

        return dump(self, How(none=True))

    def to_json(self, *, indent: int | None = None) -> str:
        """`to_dict()` as JSON text; `indent`: on lines of their own, so many blanks per level."""
        return text(self.to_dict(), indent)

    def __eq__(self, other: object) -> bool:
        # Not msgspec's, for which an object of a subclass is another one: those of a stream may be (`_chat.exact`).
        if not isinstance(other, Model) or not (isinstance(other, type(self)) or isinstance(self, type(other))):
            return NotImplemented
        names = self.__struct_fields__
        return names == other.__struct_fields__ and all(getattr(self, name) == getattr(other, name) for name in names)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]  # as of all that can change

    def __copy__(self) -> Self:
        return carry(self, new(type(self), **{name: getattr(self, name) for name in self.__struct_fields__}))

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        cls = type(self)
        exact = cls.__struct_config__.forbid_unknown_fields
        # Of the rest what the type does not name, and which fields were sent as null.
        sent = (parsed(self) or {}).items()
        kept = {name: value for name, value in sent if value is None or name not in self.__struct_encode_fields__}
        return _rebuild, (cls.__base__ if exact else cls, fields, kept)


class Open(Model):
    """An object whose unknown fields can be read as attributes.

    Not those of which a stream brings one per chunk: up to Python 3.11 every look at an attribute costs more then.
    """

    if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

        def __getattr__(self, name):
            if not name.startswith("__"):
                extra = self.model_extra if name != "_raw" else {}
                if name in extra:
                    return extra[name]
                if isinstance(known := getattr(type(self), name, None), property):
                    return known.fget(self)  # raises again what brought us here, such as NoTextError
            raise AttributeError(f"{type(self).__name__} has no field {name!r}, and the server sent none")

        def __setattr__(self, name, value):
            try:
                _set(self, name, value)
            except AttributeError:
                if name.startswith("_") or hasattr(type(self), name):
                    raise
                from togetherpy.types._build import set_extra

                set_extra(self, name, value)


_set = msgspec.Struct.__setattr__
_put = Raw.__dict__["_raw"].__set__
"""Sets the place of one: a look for a field of this name would cost more."""


def new(cls: type[_S], *args: Any, **fields: Any) -> _S:
    """A `cls` of values that fit: nothing is built of them."""
    return cast(_S, msgspec.StructMeta.__call__(cls, *args, **fields))


def carry(old: Model, made: _M) -> _M:
    """`made`, known to come from where `old` came from."""
    raw = getattr(old, "_raw", None)
    if raw is not None:
        _put(made, raw)
    return made


def with_extra(model: _M, extra: dict[str, Any]) -> _M:
    """`model`, with these as the fields that its type does not name."""
    _put(model, extra)
    return model


def _rebuild(cls: type[_M], fields: dict[str, Any], extra: dict[str, Any]) -> _M:
    return with_extra(new(cls, **fields), extra)


def text(plain: dict[str, Any], indent: int | None) -> str:
    """Plain data as JSON text."""
    encoded = msgspec.json.encode(plain)
    return (encoded if indent is None else msgspec.json.format(encoded, indent=indent)).decode()


def keep_raw(value: _T, raw: bytes) -> _T:
    """Remembers the bytes that `value`, and all objects in it, were decoded from, when it is a Model."""
    if isinstance(value, Raw):
        link(value, Source(raw))
    return value


def link(value: Any, source: Any) -> None:
    """Remembers where `value` and the Models in it come from."""
    _put(value, source)
    cls = type(value)  # pyright: ignore[reportUnknownVariableType]  # `__class__` takes three times as long, of an Open
    if cls not in _inner:
        _inner[cls] = tuple((name, attrgetter(name)) for name in _names_of_inner(cls))
    for name, get in _inner[cls]:
        item = get(value)
        kind = type(item)  # pyright: ignore[reportUnknownVariableType]
        if kind is list:
            for place, one in enumerate(item):
                if isinstance(one, Raw):
                    link(one, (source, name, place))
        elif isinstance(item, Raw):
            link(item, (source, name))


_inner: dict[type, tuple[tuple[str, attrgetter[Any]], ...]] = {}
"""By class the fields that may hold Models, and what gets each."""
_PLAIN = frozenset(("str", "int", "float", "bool", "None", "list", "dict"))
_MARKS = str.maketrans("[]|,", "    ")


def _names_of_inner(cls: Any) -> tuple[str, ...]:
    """The fields that may hold a Model, or a list of them."""
    may: dict[str, bool] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, Raw) and base is not Raw:
            names = getattr(sys.modules.get(base.__module__), "__dict__", {})
            for name, hint in getattr(base, "__annotations__", {}).items():
                may[name] = _may_hold_model(hint, names)
    return tuple(name for name in getattr(cls, "__struct_fields__", ()) if may.get(name, True))


def _may_hold_model(hint: Any, names: dict[str, Any]) -> bool:
    """`names`: what the words of a hint that is a text stand for. What is not known may be a Model."""
    if isinstance(hint, str):
        words = hint.translate(_MARKS).split()
        return any(word not in _PLAIN and _may_hold_model(names.get(word, Raw), names) for word in words)
    origin = get_origin(hint)
    if origin is None:
        return not isinstance(hint, type) or issubclass(hint, Raw)
    inside = () if origin is Literal else get_args(hint) if origin is Union else (origin, *get_args(hint))
    return any(_may_hold_model(one, names) for one in inside)


def parsed(model: Raw) -> dict[str, Any] | None:
    """The JSON object that `model` was decoded from; None if that is not known."""
    raw = getattr(model, "_raw", None)
    if raw is None:
        return None
    value = _found(raw)
    if not isinstance(value, dict):
        return None
    # From now on without the whole that it was a part of, which need not be kept for it.
    found = cast("dict[str, Any]", value)
    _put(model, found)
    return found


def _found(raw: Any) -> Any:
    if isinstance(raw, Source):
        return raw.value
    if not isinstance(raw, tuple):
        return raw
    source, *steps = cast("tuple[object, ...]", raw)
    value: Any = _found(source)
    for step in steps:
        try:
            value = value[step]
        except (TypeError, LookupError):
            if not (step == 0 and value.__class__ is dict):  # one thing, which was made the only item of a list
                return None
    return value


def parse_any_json(raw: bytes) -> Any:
    """The value of JSON that msgspec may have refused.

    The standard library's parser takes more: lone surrogate escapes (they become U+FFFD, fault B18), and NaN and the
    infinities, which some servers send as log probabilities. A BOM is dropped (fault B19). Bytes that are no UTF-8
    become U+FFFD, as everywhere on the web (WHATWG 9.2.6).

    Raises:
        ValueError: it is not JSON at all. RecursionError: nested too deeply.
    """
    value = parse_as_it_is(raw)
    return map_strings(value, without_surrogates) if b"\\u" in raw else value


def parse_as_it_is(raw: bytes) -> Any:
    """The same with lone surrogates."""
    import json

    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
        _log_bytes_once()
    return json.loads(text)


_logged: list[bool] = []


def _log_bytes_once() -> None:
    if not _logged:
        _logged.append(True)
        import logging

        logging.getLogger("togetherpy").warning(
            "an answer holds bytes that are no UTF-8; they are read as U+FFFD, and this is not said again"
        )


def map_strings(value: Any, change: Callable[[str], str]) -> Any:
    """`value`, plain JSON data, with every string changed, keys included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [map_strings(item, change) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        return {change(key): map_strings(item, change) for key, item in entries.items()}
    return value


def without_surrogates(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def unknown(raw: object, model: msgspec.Struct) -> dict[str, Any]:
    """What the JSON object that `model` was decoded from holds beside its fields."""
    if not isinstance(raw, dict):
        return {}
    known = model.__struct_encode_fields__
    return {name: value for name, value in cast("dict[str, object]", raw).items() if name not in known}
