"""The types of an operator's columns, as pyarrow and Polars say them.

In: the type that answers are to be. Out: a schema or a dtype. The rule: what a JSON schema says that these have no type
for (a value of several types, a type that holds itself) makes the answer a JSON text.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import msgspec

from togetherpy.batch.outcome import USAGE

DEEPEST = 20
"""Levels of a type, before it is taken for one that holds itself."""


class Kinds(msgspec.Struct, frozen=True):
    """What a package calls these types."""

    string: Any
    integer: Any
    number: Any
    boolean: Any
    array: Callable[[Any], Any]
    object: Callable[[dict[str, Any]], Any]

    def answer(self, to: Any) -> Any:
        """Of the answers."""
        if to is None:
            return self.string
        from togetherpy._typed.schema import strict_schema

        schema = strict_schema(to)
        made = self._of(schema, schema.get("$defs", {}), 0)
        return self.string if made is None else made

    def all(self, to: Any) -> tuple[Any, Any, Any, Any]:
        """Of answer, error, usage and attempts."""
        return self.answer(to), self.string, self.object(dict.fromkeys(USAGE, self.integer)), self.integer

    def _of(self, schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> Any:
        if depth > DEEPEST:
            return None
        if "$ref" in schema:
            return self._of(definitions[schema["$ref"].rpartition("/")[2]], definitions, depth + 1)
        choices = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
        if choices:
            return self._of(choices[0], definitions, depth + 1) if len(choices) == 1 else None
        kind = schema.get("type")
        if kind is None and all(isinstance(one, str) for one in schema.get("enum", [0])):
            kind = "string"
        if kind == "array":
            items = self._of(schema.get("items") or {}, definitions, depth + 1)
            return None if items is None else self.array(items)
        if kind == "object":
            return self._struct(schema.get("properties") or {}, definitions, depth + 1)
        return getattr(self, kind) if kind in ("string", "integer", "number", "boolean") else None

    def _struct(self, properties: dict[str, Any], definitions: dict[str, Any], depth: int) -> Any:
        fields = {name: self._of(one, definitions, depth) for name, one in properties.items()}
        return self.object(fields) if fields and None not in fields.values() else None


def arrow_kinds() -> Kinds:
    """pyarrow's."""
    pa: Any = import_module("pyarrow")
    return Kinds(
        pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.list_, lambda fields: pa.struct(list(fields.items()))
    )


def polars_kinds() -> Kinds:
    """Polars'."""
    pl: Any = import_module("polars")
    return Kinds(pl.String, pl.Int64, pl.Float64, pl.Boolean, pl.List, pl.Struct)
