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


class Model(Raw, msgspec.Struct, omit_defaults=True):
    """An object of the API. Every field is optional; None means that the server did not send it.

    Each class says `kw_only` itself: msgspec does not hand it down.
    """

    @property
    def model_extra(self) -> dict[str, Any]:
        """The fields that the server sent and that this type does not name.

        Known for whole answers and whole chunks; objects inside them show theirs in the `to_dict()` of the whole.
        """
        return _unknown(_parsed(self), self)

    def to_dict(self) -> dict[str, Any]:
        """This object as plain Python data, without absent fields, with fields that our types do not name."""
        return cast("dict[str, Any]", _plain(self, _parsed(self), keep_none=False))

    def to_json(self) -> str:
        """`to_dict()` as JSON text."""
        return msgspec.json.encode(self.to_dict()).decode()

    def model_dump(self, *, exclude_none: bool = False, **_ignored: Any) -> dict[str, Any]:
        """The pydantic spelling of `to_dict()`: absent fields are there as None unless `exclude_none`.

        Other arguments of pydantic's method are accepted and have no effect.
        """
        return cast("dict[str, Any]", _plain(self, _parsed(self), keep_none=not exclude_none))

    def model_dump_json(self, *, exclude_none: bool = False, **_ignored: Any) -> str:
        """`model_dump()` as JSON text."""
        return msgspec.json.encode(self.model_dump(exclude_none=exclude_none)).decode()


def keep_raw(value: _T, raw: bytes) -> _T:
    """Remembers the bytes that `value` was decoded from, when it is a Model."""
    if isinstance(value, Raw):
        value._raw = raw  # pyright: ignore[reportPrivateUsage]  # a public name would be one of the object's own
    return value


def _parsed(model: Model) -> object:
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


def _unknown(raw: object, model: msgspec.Struct) -> dict[str, Any]:
    if not isinstance(raw, dict):
        return {}
    known = model.__struct_encode_fields__
    return {name: value for name, value in cast("dict[str, object]", raw).items() if name not in known}


def _plain(value: object, raw: object, *, keep_none: bool) -> object:
    """`value` as builtins; where a Struct meets the JSON object it came from, unknown fields join in."""
    if isinstance(value, Model):
        source = cast("dict[str, object]", raw) if isinstance(raw, dict) else {}
        pairs = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        fields = {wire: (getattr(value, name), source.get(wire)) for name, wire in pairs}
        known = {
            wire: _plain(item, item_raw, keep_none=keep_none)
            for wire, (item, item_raw) in fields.items()
            if keep_none or item is not None
        }
        return known | _unknown(source, value)
    if isinstance(value, list):
        items = cast("list[object]", value)
        raws = cast("list[object]", raw) if isinstance(raw, list) else []
        same = len(raws) == len(items)
        return [_plain(item, raws[i] if same else None, keep_none=keep_none) for i, item in enumerate(items)]
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        return {key: _plain(item, None, keep_none=keep_none) for key, item in entries.items()}
    return msgspec.to_builtins(value, enc_hook=_dump)


def _dump(value: Any) -> Any:
    """A pydantic model, as plain data."""
    dump = getattr(value, "model_dump", None)
    if not callable(dump):
        raise NotImplementedError(f"{type(value).__name__} has no JSON form")
    return dump(mode="json")
