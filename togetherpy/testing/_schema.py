"""Values for a JSON schema: a schema and some words go in; a value that it accepts comes out.

The rule: near the root everything a schema offers is filled in; deeper down only what it demands, by the shortest way,
so that a recursive schema comes to an end. What admits no finite value is an error, never an endless loop.
"""

import math
import random
from typing import Any

from ._check import RequestError
from ._json import as_dict, as_list
from ._pattern import text_for_pattern

FULL_DEPTH = 3  # levels on which optional parts are filled in
MAX_DEPTH = 60  # more levels than this count as "no end"
MAX_HEIGHT = 20  # steps to look ahead for the end of a branch
USUAL_ITEMS = 2

_FORMATS = {
    "date": "2026-05-17",
    "date-time": "2026-05-17T09:30:00Z",
    "time": "09:30:00Z",
    "duration": "PT1H",
    "email": "ana@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}
_HINTS = {
    "object": ("properties", "additionalProperties", "required"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


class Maker:
    """Makes one value for `root`. Strings are drawn from `words`, names first, so that "Paris" finds its way in."""

    def __init__(self, root: dict[str, Any], rng: random.Random, words: list[str]) -> None:
        self._root = root
        self._rng = rng
        names = [word for word in words[1:] if word[0].isupper()]
        self._words = names or words or ["text"]
        self._heights: dict[tuple[int, int], float] = {}

    def make(self) -> Any:
        """The value.

        Raises:
            RequestError: no finite value fits the schema, or it refers to what is not there.
        """
        try:
            return self._value(self._root, 0)
        except (TypeError, ValueError, ArithmeticError) as error:  # a keyword with a value of the wrong type
            raise _impossible(str(error)) from None

    def _value(self, schema: Any, depth: int) -> Any:
        flat = self._flat(schema, depth)
        if "const" in flat:
            return flat["const"]
        if flat.get("enum"):
            return self._rng.choice(flat["enum"])
        match _kind(flat):
            case "object":
                return self._object(flat, depth)
            case "array":
                return self._array(flat, depth)
            case "integer":
                return self._number(flat, whole=True)
            case "number":
                return self._number(flat, whole=False)
            case "boolean":
                return self._rng.random() < 0.5
            case "null":
                return None
            case _:
                return self._string(flat)

    def _flat(self, schema: Any, depth: int) -> dict[str, Any]:
        """The schema with $ref, allOf, and one branch of anyOf and oneOf merged into it."""
        if depth > MAX_DEPTH:
            raise _impossible("it has no finite value")
        found = self._resolved(schema)
        parts = [*(as_list(found.get("allOf")) or [])]
        parts += [self._branch(found[name], depth) for name in ("anyOf", "oneOf") if as_list(found.get(name))]
        flat = {key: value for key, value in found.items() if key not in ("allOf", "anyOf", "oneOf")}
        for part in parts:
            flat = _merge(flat, self._flat(part, depth + 1))
        return flat

    def _resolved(self, schema: Any) -> dict[str, Any]:
        if schema is True:
            return {}
        found = as_dict(schema)
        for _ in range(MAX_DEPTH):
            if found is None:
                raise _impossible("a part of it is not a schema")
            if "$ref" not in found:
                return found
            found = _merge({key: found[key] for key in found if key != "$ref"}, self._target(found["$ref"]))
        raise _impossible("its references go round in a circle")

    def _target(self, reference: Any) -> dict[str, Any]:
        place: Any = self._root
        for step in str(reference).removeprefix("#").split("/")[1:]:
            place = (as_dict(place) or {}).get(step)
        target = as_dict(place)
        if target is None or not str(reference).startswith("#"):
            raise _impossible(f"it refers to {reference!r}, which is not there")
        return target

    def _branch(self, branches: list[Any], depth: int) -> Any:
        heights = [self._height(branch, MAX_HEIGHT) for branch in branches]
        if depth > FULL_DEPTH:
            return branches[heights.index(min(heights))]
        return self._rng.choice(
            [b for b, height in zip(branches, heights, strict=True) if height < math.inf] or branches
        )

    def _height(self, schema: Any, budget: int) -> float:
        """How many levels the flattest value of a schema has; infinite when it takes more steps than `budget`.

        Remembered per part and budget: a grammar of mutually recursive types has more paths than could be walked.
        """
        key = id(schema), budget
        if key not in self._heights:
            self._heights[key] = self._count_height(as_dict(schema) or {}, budget) if budget else math.inf
        return self._heights[key]

    def _count_height(self, schema: dict[str, Any], budget: int) -> float:
        same = [*(as_list(schema.get("allOf")) or []), *([self._target(schema["$ref"])] if "$ref" in schema else [])]
        heights = [0.0, *(self._height(part, budget - 1) for part in same)]
        for name in ("anyOf", "oneOf"):
            branches = as_list(schema.get(name))
            if branches:
                heights.append(min(self._height(branch, budget - 1) for branch in branches))
        properties = as_dict(schema.get("properties")) or {}
        below = [properties.get(name, True) for name in as_list(schema.get("required")) or []]
        below += [schema["items"]] if "items" in schema and schema.get("minItems") else []
        return max([*heights, *(1 + self._height(part, budget - 1) for part in below)])

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties, required = as_dict(schema.get("properties")) or {}, as_list(schema.get("required")) or []
        extra = schema.get("additionalProperties", True)
        optional = [name for name in properties if name not in required] if depth < FULL_DEPTH else []
        wanted = [name for name in properties if name in required or name in optional]
        made = {name: self._value(properties[name], depth + 1) for name in wanted if properties[name] is not False}
        for name in required:
            if name not in made:
                made[name] = self._value(extra, depth + 1)
        if not properties and as_dict(extra) is not None and depth < FULL_DEPTH:
            made |= {word: self._value(extra, depth + 1) for word in self._words[:USUAL_ITEMS]}
        return made

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        items, first = schema.get("items", True), as_list(schema.get("prefixItems")) or []
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        made = [self._value(part, depth + 1) for part in first]
        usual = USUAL_ITEMS if depth < FULL_DEPTH and items is not False else 0
        count = min(max(least, usual, len(made)), most)
        return made + [self._value(items, depth + 1) for _ in range(len(made), int(count))]

    def _number(self, schema: dict[str, Any], *, whole: bool) -> float:
        step = schema.get("multipleOf", 1 if whole else 0.25)
        low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
        high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
        if low == -math.inf:
            low = min(0, high - 100 * step)
        first = math.ceil(low / step)
        first += first * step == schema.get("exclusiveMinimum")
        last = math.floor(high / step) if high < math.inf else first + 100
        last -= last * step == schema.get("exclusiveMaximum")
        if first <= last:
            value = self._rng.randint(first, min(last, first + 100)) * step
            return int(value) if whole else float(round(value, 10))
        if whole or "multipleOf" in schema or low > high:
            raise _impossible("its bounds leave no number")
        return float(low + high) / 2

    def _string(self, schema: dict[str, Any]) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        if isinstance(schema.get("pattern"), str):
            return text_for_pattern(schema["pattern"], self._rng)
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        text = self._rng.choice(self._words)
        while len(text) < least:
            text += f" {self._rng.choice(self._words)}"
        return text[:most].ljust(least, ".")


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    kinds = as_list(kind)
    if kinds:
        return next((str(one) for one in kinds if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    return next((kind for kind, hints in _HINTS.items() if any(hint in schema for hint in hints)), "string")


def _merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both schemas at once: properties and required names add up, otherwise the second wins."""
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        merged["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
    return merged


def _impossible(why: str) -> RequestError:
    return RequestError(422, f"grammar is not valid: failed to compile grammar: {why}")
