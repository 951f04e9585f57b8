"""A JSON schema and a value -> where the value does not fit.

In: JSON's own values. Out: a sentence about the first place that does not fit, or None.
The rule: the words that servers' grammars know are checked; a word that is not known here, or is not used as it is
meant, forbids nothing, so that no answer is refused by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

_DEPTH = 200
"""Levels; a schema that goes round in a circle ends here."""
_STEPS = 200_000
"""Looks at a part; circles with branches would take more than anybody can wait for."""
_KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def misfit(schema: Any, value: Any) -> str | None:
    """Where `value` does not fit and why, such as "$.age is a string, not an integer"; None when it fits."""
    check = _Check(schema)
    try:
        found = next(check.misfits(schema, value, "$", 0), None)
    except RecursionError:
        return None
    return found if check.steps <= _STEPS else None  # nobody knows what is not looked at to its end


class _Check:
    def __init__(self, root: Any) -> None:
        self._root = root
        self.steps = 0

    def misfits(self, schema: Any, value: Any, path: str, depth: int) -> Iterator[str]:
        if schema is False:
            yield f"{path} must not be there"
        self.steps += 1
        if not isinstance(schema, dict) or depth > _DEPTH or self.steps > _STEPS:
            return
        words = cast("dict[str, Any]", schema)
        yield from _kind_misfits(words, value, path)
        yield from self._combined(words, value, path, depth)
        if isinstance(value, dict):
            yield from self._object(words, cast("dict[str, Any]", value), path, depth)
        elif isinstance(value, list):
            yield from self._array(words, cast(Any, value), path, depth)
        elif isinstance(value, str):
            yield from _text_misfits(words, value, path)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield from _number_misfits(words, value, path)

    def _fits(self, schema: Any, value: Any, depth: int) -> bool:
        return next(self.misfits(schema, value, "$", depth + 1), None) is None

    def _combined(self, schema: dict[str, Any], value: Any, path: str, depth: int) -> Iterator[str]:
        if isinstance(schema.get("$ref"), str):
            yield from self.misfits(self._target(schema["$ref"]), value, path, depth + 1)
        for part in _list(schema.get("allOf")):
            yield from self.misfits(part, value, path, depth + 1)
        for name in ("anyOf", "oneOf"):
            branches = _list(schema.get(name))
            fitting = sum(self._fits(branch, value, depth) for branch in branches)
            if branches and not fitting:
                yield f"{path} fits none of the {len(branches)} forms that it may have"
            elif name == "oneOf" and fitting > 1:
                yield f"{path} fits several forms of which it may have one"
        if "not" in schema and self._fits(schema["not"], value, depth):
            yield f"{path} has the form that it must not have"

    def _target(self, reference: str) -> Any:
        """What a reference within the document stands for; of another one, anything fits."""
        place: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            place = cast("dict[str, Any]", place).get(step) if isinstance(place, dict) else None
        return place if reference.startswith("#") else None

    def _object(self, schema: dict[str, Any], value: dict[str, Any], path: str, depth: int) -> Iterator[str]:
        for name in _list(schema.get("required")):
            if isinstance(name, str) and name not in value:
                yield f"{path} lacks {name!r}"
        properties, patterns = _dict(schema.get("properties")), _dict(schema.get("patternProperties"))
        extra = schema.get("additionalProperties", True)
        for name, item in value.items():
            known = [properties[name]] if name in properties else []
            known += [part for pattern, part in patterns.items() if _matches(pattern, name)]
            if not known and extra is False:
                yield f"{path} has {name!r}, which is not allowed"
            for part in known or [extra]:
                yield from self.misfits(part, item, f"{path}.{name}", depth + 1)
        yield from _size_misfits(schema, len(value), path, "Properties", "fields")

    def _array(self, schema: dict[str, Any], value: list[Any], path: str, depth: int) -> Iterator[str]:
        first = _list(schema.get("prefixItems"))
        for place, item in enumerate(value):
            part = first[place] if place < len(first) else schema.get("items", True)
            yield from self.misfits(part, item, f"{path}[{place}]", depth + 1)
        yield from _size_misfits(schema, len(value), path, "Items", "items")
        if schema.get("uniqueItems") is True and any(item in value[:place] for place, item in enumerate(value)):
            yield f"{path} has the same item twice"


def _list(value: Any) -> list[Any]:
    listed: list[Any] = cast(Any, value) if isinstance(value, list) else []
    return listed


def _dict(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _kind_misfits(schema: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else _list(schema.get("type"))
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{path} is {_named(value)}, not {' or '.join(map(str, kinds))}"
    if "const" in schema and not _same(schema["const"], value):
        yield f"{path} is not {schema['const']!r}"
    if isinstance(schema.get("enum"), list) and not any(_same(one, value) for one in _list(schema["enum"])):
        yield f"{path} is none of the values that it may have"


def _is(value: Any, kind: Any) -> bool:
    if not isinstance(kind, str) or kind not in _KINDS:
        return True
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS[kind]) or (kind == "integer" and isinstance(value, float) and value.is_integer())


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _named(value: Any) -> str:
    return next(
        name for name in ("null", "boolean", "integer", "number", "string", "array", "object") if _is(value, name)
    )


def _text_misfits(schema: dict[str, Any], value: str, path: str) -> Iterator[str]:
    yield from _size_misfits(schema, len(value), path, "Length", "characters")
    if isinstance(schema.get("pattern"), str) and not _matches(schema["pattern"], value):
        yield f"{path} does not match {schema['pattern']}"


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:  # JavaScript's expressions are others
        return True


def _number_misfits(schema: dict[str, Any], value: float, path: str) -> Iterator[str]:
    bounds = {
        "minimum": (value.__lt__, "less than"),
        "maximum": (value.__gt__, "more than"),
        "exclusiveMinimum": (value.__le__, "not more than"),
        "exclusiveMaximum": (value.__ge__, "not less than"),
    }
    for name, (beyond, said) in bounds.items():
        bound = schema.get(name)
        if isinstance(bound, (int, float)) and not isinstance(bound, bool) and beyond(bound) is True:
            yield f"{path} is {value}, {said} {bound}"
    step = schema.get("multipleOf")
    if isinstance(step, int) and step > 0 and value % step:
        yield f"{path} is {value}, no multiple of {step}"


def _size_misfits(schema: dict[str, Any], size: int, path: str, what: str, said: str) -> Iterator[str]:
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if isinstance(least, int) and size < least:
        yield f"{path} has {size} {said}, fewer than {least}"
    if isinstance(most, int) and size > most:
        yield f"{path} has {size} {said}, more than {most}"
