"""An object of the API as plain data, in the ways in which pydantic's users ask for it.

In: a Model and what to leave out. Out: dicts, lists, texts and numbers, fields that our types do not name included.
The rule: an argument does what pydantic's of that name does, or there is no such argument; loaded with the first use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple, cast

import msgspec

from togetherpy.types._model import Model, parsed, unknown

_ALL = "__all__"
"""In `include` and `exclude`: every item of a list."""

_LEAVES = frozenset((str, int, float, bool, type(None)))


class How(NamedTuple):
    """What is left out."""

    none: bool
    """Fields that are None."""
    unset: bool = False
    """Fields that the server did not send and nobody set."""
    defaults: bool = False
    """Fields that are what they would be if nobody had set them."""


class Chosen(NamedTuple):
    """What `include` and `exclude` say of one place; None where they say nothing of it."""

    include: Any = None
    exclude: Any = None

    def at(self, *keys: object) -> Chosen | None:
        """What they say of what is below, by any of its names; None when it is left out."""
        if self is _EVERYTHING:
            return self
        included, excluded = _rule(self.include, keys), _rule(self.exclude, keys)
        if (self.include is not None and included is None) or excluded is True:
            return None
        return Chosen(None if included is True else included, excluded)


_EVERYTHING = Chosen()


def dump(model: Model, how: How, include: Any = None, exclude: Any = None) -> dict[str, Any]:
    """`model` as plain data.

    Raises:
        TypeError: `include` or `exclude` is neither a collection of names nor a mapping of names to such.
    """
    for name, rule in (("include", include), ("exclude", exclude)):
        if rule is not None and not isinstance(rule, (Mapping, AbstractSet, list, tuple)):
            raise TypeError(
                f"{name} must be a set of names, or a dict of names to such sets, not {type(rule).__name__}"
            )
    return cast(
        "dict[str, Any]",
        _plain(
            model, parsed(model), how, _EVERYTHING if include is None and exclude is None else Chosen(include, exclude)
        ),
    )


def _rule(rules: Any, keys: Sequence[object]) -> Any:
    """What is said of the thing with these names: True for all of it, a rule for parts, None for nothing."""
    if isinstance(rules, Mapping):
        entries = cast("Mapping[object, object]", rules)
        rule = next((entries[key] for key in (*keys, _ALL) if key in entries), None)
        return True if rule is ... else None if rule is False else rule
    named = cast("Sequence[object]", rules or ())
    return True if any(key in named for key in (*keys, _ALL)) else None


def _plain(value: object, raw: object, how: How, chosen: Chosen) -> object:
    """`value` as builtins; where a Struct meets the JSON object it came from, unknown fields join in."""
    if type(value) in _LEAVES:
        return value
    if isinstance(value, Model):
        return dict(_entries(value, cast("dict[str, object]", raw) if isinstance(raw, dict) else None, how, chosen))
    if isinstance(value, list):
        items = cast("list[object]", value)
        raws = cast("list[object]", raw) if isinstance(raw, list) else []
        same, size = len(raws) == len(items), len(items)
        below = [chosen.at(place, place - size) for place in range(size)]
        return [
            _plain(item, raws[place] if same else None, how, part)
            for place, (item, part) in enumerate(zip(items, below, strict=True))
            if part is not None
        ]
    if isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        parts = {key: chosen.at(key) for key in entries}
        return {key: _plain(entries[key], None, how, part) for key, part in parts.items() if part is not None}
    return msgspec.to_builtins(value, enc_hook=_pydantic)


def _entries(model: Model, source: dict[str, object] | None, how: How, chosen: Chosen) -> Iterator[tuple[str, object]]:
    own = parsed(model)
    source = source if own is None else own
    sent = source or {}
    unset = type(model)() if how.unset or how.defaults else None
    for name, wire in zip(model.__struct_fields__, model.__struct_encode_fields__, strict=True):
        part, item = chosen.at(name), getattr(model, name)
        if part is None or (item is None and how.none):
            continue
        default = unset is not None and item == getattr(unset, name)
        if not (default and (how.defaults or wire not in sent)):
            yield wire, _plain(item, sent.get(wire), how, part)
    for name, item in unknown(source, model).items():
        part = chosen.at(name)
        if part is not None:
            yield name, _plain(item, None, how, part)


def _pydantic(value: Any) -> Any:
    """A pydantic model, or an array, as plain data."""
    if hasattr(value, "tolist"):
        return value.tolist()
    to_plain = getattr(value, "model_dump", None)
    if not callable(to_plain):
        raise NotImplementedError(f"{type(value).__name__} has no JSON form")
    return to_plain(mode="json")
