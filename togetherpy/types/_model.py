"""The base of every Struct that the API sends.

In: a decoded answer. Out: the same as plain Python data or JSON text, unknown fields included.
The rule: views of an object's own data, nothing else; decoding pays nothing for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec

_T = TypeVar("_T")


class Raw:
    """A place, outside of the Struct's fields, for the JSON bytes an object was decoded from.

    Not a field: it is neither encoded, compared, shown nor pickled.
    """

    __slots__ = ("_raw",)
    _raw: bytes


class Shown:
    """A Struct whose `repr()` fits a screen."""

    __slots__ = ()

    def __repr__(self) -> str:
        """What is there, on one screen: long texts and lists are cut, and how long they are is said."""
        from togetherpy.types._repr import shown

        return shown(self)


class Model(Raw, Shown, msgspec.Struct, omit_defaults=True):
    """An object of the API. Every field is optional; None means that the server did not send it.

    Each class says `kw_only` itself: msgspec does not hand it down.
    """

    @property
    def model_extra(self) -> dict[str, Any]:
        """The fields that the server sent and that this type does not name.

        Known for whole answers and whole chunks; objects inside them show theirs in the `to_dict()` of the whole.
        """
        return unknown(parsed(self), self)

    def to_dict(self) -> dict[str, Any]:
        """This object as plain Python data, without absent fields, with fields that our types do not name."""
        from togetherpy.types._dump import How, dump

        return dump(self, How(none=True))

    def to_json(self, *, indent: int | None = None) -> str:
        """`to_dict()` as JSON text; `indent`: on lines of their own, so many blanks per level."""
        return _text(self.to_dict(), indent)

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Any = None,
        exclude: Any = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """The pydantic spelling of `to_dict()`: absent fields are there as None unless they are excluded.

        include, exclude: sets of names, or dicts of names to such sets, True or False. In a list the places are the
            names, and "__all__".
        exclude_unset: without the fields that the server did not send. exclude_defaults: without those that are what
            they would be if it had not. exclude_none: without those that are None.
        mode, by_alias: each gives the same here: plain data, under the server's names.

        Raises:
            TypeError: `include` or `exclude` is of another kind. ValueError: `mode` is another word.
        """
        from togetherpy.types._dump import How, dump

        if mode not in ("python", "json"):
            raise ValueError(f'mode must be "python" or "json", not {mode!r}')
        return dump(self, How(exclude_none, exclude_unset, exclude_defaults), include, exclude)

    def model_dump_json(
        self,
        *,
        indent: int | None = None,
        include: Any = None,
        exclude: Any = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> str:
        """`model_dump()` as JSON text; `indent`: on lines of their own, so many blanks per level."""
        plain = self.model_dump(
            include=include,
            exclude=exclude,
            by_alias=by_alias,
            exclude_unset=exclude_unset,
            exclude_defaults=exclude_defaults,
            exclude_none=exclude_none,
        )
        return _text(plain, indent)


def _text(plain: dict[str, Any], indent: int | None) -> str:
    encoded = msgspec.json.encode(plain)
    return (encoded if indent is None else msgspec.json.format(encoded, indent=indent)).decode()


def keep_raw(value: _T, raw: bytes) -> _T:
    """Remembers the bytes that `value` was decoded from, when it is a Model."""
    if isinstance(value, Raw):
        value._raw = raw  # pyright: ignore[reportPrivateUsage]  # a public name would be one of the object's own
    return value


def parsed(model: Model) -> object:
    """The JSON that `model` was decoded from; None if that is not known."""
    raw = getattr(model, "_raw", None)
    if raw is None:
        return None
    try:
        # msgspec looks at the UTF-8 and at the numbers only of the fields that it keeps.
        return parse_any_json(raw.decode("utf-8", "replace").encode())
    except (ValueError, RecursionError):
        return None


def parse_any_json(raw: bytes) -> Any:
    """The value of JSON that msgspec may have refused.

    The standard library's parser takes more: lone surrogate escapes (they become U+FFFD, fault B18), and NaN and the
    infinities, which some servers send as log probabilities. A BOM is dropped (fault B19).

    Raises:
        ValueError: it is not JSON at all. RecursionError: nested too deeply.
    """
    import json

    value = json.loads(raw.removeprefix(b"\xef\xbb\xbf").decode())
    return map_strings(value, _without_surrogates) if b"\\u" in raw else value


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


def _without_surrogates(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def unknown(raw: object, model: msgspec.Struct) -> dict[str, Any]:
    """What the JSON object that `model` was decoded from holds beside its fields."""
    if not isinstance(raw, dict):
        return {}
    known = model.__struct_encode_fields__
    return {name: value for name, value in cast("dict[str, object]", raw).items() if name not in known}
