"""A type -> the JSON schema that a server is to hold a model to.

In: a msgspec Struct, dataclass, attrs class, TypedDict or pydantic model. Out: a JSON schema as plain data.
The rule: the root is an object, written out; what it refers to is in `$defs`, and only that. A strict schema leaves a
model no freedom about which fields there are: each is required, none may be added, none has a default.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from togetherpy._typed.by_pydantic import adapter
from togetherpy._typed.decoding import type_name

JSON = dict[str, Any]
_REF = "#/$defs/"
_ONE = ("items", "additionalProperties", "propertyNames", "not", "contains")
_MANY = ("anyOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties")
_KINDS: dict[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def strict_schema(of: Any) -> JSON:
    """The schema of `of` in the strict form that structured output wants.

    Raises:
        TypeError: `of` is no type with fields, or one of its fields has no JSON schema; which one, and what to change.
    """
    return json_schema(of, strict=True)


def json_schema(of: Any, *, strict: bool) -> JSON:
    """The schema of `of`; not `strict`: optional fields stay optional and keep their defaults. Raises likewise."""
    root, definitions = _as_written(of)
    return _Schema(definitions, strict).root(root, of)


def response_format(of: Any) -> msgspec.Raw:
    """The request's `response_format`, made once per type. Raises as `strict_schema` does."""
    if not isinstance(of, type) and not hasattr(of, "__args__"):
        raise TypeError(
            f"a type is wanted here (a msgspec Struct, dataclass, attrs class, TypedDict or pydantic model), "
            f"not a {type(of).__name__}; a JSON schema that you wrote goes to create(response_format=...)"
        )
    return _response_format(of)


@functools.lru_cache(maxsize=256)
def _response_format(of: Any) -> msgspec.Raw:
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", type_name(of))[:64]
    # The nested form is the documented one. Together takes the schema beside `type` as well, the other servers of this
    # protocol (and a strict reading of the documentation) do not.
    schema = {"name": name, "schema": strict_schema(of), "strict": True}
    return msgspec.Raw(msgspec.json.encode({"type": "json_schema", "json_schema": schema}))


def _as_written(of: Any) -> tuple[JSON, JSON]:
    """The schema as msgspec or pydantic make it, and its definitions."""
    theirs = None if _is_pydantic(of) else adapter(of)
    try:
        if _is_pydantic(of) or theirs is not None:
            root: JSON = of.model_json_schema() if theirs is None else theirs.json_schema()
            return root, root.pop("$defs", {})
        schemas, definitions = msgspec.json.schema_components((of,), schema_hook=_hook, ref_template=_REF + "{name}")
    except Exception as error:
        raise TypeError(_complaint(of, error)) from error
    for path, bad in _misfits(msgspec.inspect.type_info(of), type_name(of), set()):
        raise TypeError(_why_not(path, bad))
    return cast(Any, schemas)[0], definitions


def _is_pydantic(of: Any) -> bool:
    is_struct = isinstance(of, type) and issubclass(of, msgspec.Struct)  # ours have manners of pydantic's
    return isinstance(of, type) and not is_struct and callable(getattr(of, "model_json_schema", None))


def _hook(of: Any) -> JSON:
    """A pydantic model inside of a type that is msgspec's to describe; what it defines has names of its own."""
    if not _is_pydantic(of):
        raise NotImplementedError
    prefix = f"{of.__name__}_"
    schema: JSON = of.model_json_schema(ref_template=f"{_REF}{prefix}{{model}}")
    return {**schema, "$defs": {prefix + name: made for name, made in schema.get("$defs", {}).items()}}


class _Schema:
    """One schema while it is rewritten."""

    def __init__(self, definitions: JSON, strict: bool) -> None:
        self._given = definitions
        self._strict = strict
        self._done: JSON = {}
        self._inside: list[str] = []
        """Definitions that are being written out in place."""

    def root(self, root: JSON, of: Any) -> JSON:
        while "$ref" in root:
            root = self._target(root["$ref"])
        schema = self._clean(root)
        if schema.get("type") != "object" or "anyOf" in schema:
            raise TypeError(
                f"{type_name(of)} is not a JSON object, which the root of an answer must be; "
                f"make a class with a field of this type, and give that class"
            )
        return {**schema, "$defs": self._done} if self._done else schema

    def _target(self, ref: str) -> JSON:
        return cast(JSON, self._given[ref.removeprefix(_REF)])

    def _clean(self, node: Any) -> Any:
        """A schema, and those inside of it, rewritten. Never the name of a property or the value of a default."""
        if not isinstance(node, dict):
            return node  # true and false are schemas, too
        schema = self._resolve(dict(cast(JSON, node)))
        if "$ref" in schema:
            self._define(schema["$ref"].removeprefix(_REF))
            return schema
        for key in _ONE:
            if key in schema:
                schema[key] = self._clean(schema[key])
        for key in _MANY:
            if key in schema:
                schema[key] = [self._clean(part) for part in schema[key]]
        for key in _NAMED:
            if key in schema:
                schema[key] = {name: self._clean(part) for name, part in schema[key].items()}
        self._close(schema)
        return schema

    def _resolve(self, schema: JSON) -> JSON:
        """Says in the words that every server knows what pydantic and msgspec say in others."""
        for name, definition in schema.pop("$defs", {}).items():
            # Of a pydantic model inside of another type; its references count from the root already.
            if self._given.setdefault(name, definition) != definition:
                raise TypeError(f"two different types inside of one are called {name}; rename one of them")
        schema.pop("discriminator", None)  # a hint of OpenAPI's; the tags themselves are in the branches
        if "oneOf" in schema:
            schema["anyOf"] = schema.pop("oneOf")  # strict servers know anyOf only
        if self._strict:
            schema.pop("default", None)
        if len(schema.get("allOf", ())) == 1:
            schema = {**schema.pop("allOf")[0], **schema}
        ref = schema.get("$ref")
        if ref is None or len(schema) == 1:
            return schema
        # Beside a $ref nothing else may stand. In a type that holds itself that would never end, so it ends at once.
        if ref in self._inside:
            return {"$ref": ref}
        self._inside.append(ref)
        del schema["$ref"]
        whole = cast(JSON, self._clean({**self._target(ref), **schema}))
        self._inside.pop()
        return whole

    def _define(self, name: str) -> None:
        if name not in self._done:
            self._done[name] = {}  # a type that holds itself comes here again
            self._done[name] = self._clean(self._given[name])

    def _close(self, schema: JSON) -> None:
        if "properties" in schema:
            if self._strict:
                schema["required"] = list(schema["properties"])
                schema["additionalProperties"] = False
            schema.setdefault("additionalProperties", False)
        kinds = {_KINDS.get(type(value)) for value in schema.get("enum", ())}
        if "type" not in schema and len(kinds) == 1 and None not in kinds:
            schema["type"] = kinds.pop()  # some servers refuse what has no type


def _complaint(of: Any, error: Exception) -> str:
    """Why a type has no schema, the field named if it can be found."""
    if isinstance(error, NameError):
        return (
            f"the annotations of {type_name(of)} cannot be resolved ({error}); "
            "define the types that it names in its module, not in a function"
        )
    try:
        for path, bad in _misfits(msgspec.inspect.type_info(of), type_name(of), set()):
            return _why_not(path, bad)
    except Exception as unknown:  # a type that cannot even be looked at has its own complaint
        error = unknown
    return f"{type_name(of)} has no JSON schema: {error}"


def _why_not(path: str, bad: Any) -> str:
    if hasattr(bad, "__pydantic_validator__"):
        return (
            f"{path} is a pydantic dataclass inside of a type that pydantic does not know, where nothing validates it; "
            f"make {type_name(bad)} a pydantic model, or the type around it a dataclass"
        )
    return (
        f"{path} is of type {type_name(bad)}, which has no JSON schema; annotate it with str, int, float, bool, None, "
        "list, dict, Literal, an Enum, or a msgspec Struct, dataclass, attrs class, TypedDict or pydantic model"
    )


def _misfits(info: Any, path: str, seen: set[Any]) -> Iterator[tuple[str, Any]]:
    """Where below `path` there is a type that nobody can describe, and the type."""
    cls = getattr(info, "cls", None)
    unknown = isinstance(info, msgspec.inspect.CustomType) and not hasattr(cls, "model_fields")
    if unknown or (isinstance(info, msgspec.inspect.DataclassType) and hasattr(cls, "__pydantic_validator__")):
        yield path, cls
    elif cls not in seen:
        for name, inner in _fields(info, cls):
            seen.add(cls)
            yield from _misfits(inner, f"{type_name(cls)}.{name}", seen)
    single = [getattr(info, part, None) for part in ("item_type", "key_type", "value_type")]
    for inner in (*single, *getattr(info, "types", ()), *getattr(info, "item_types", ())):
        if inner is not None:
            yield from _misfits(inner, path, seen)


def _fields(info: Any, cls: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a class, as msgspec sees them, and their types; of a pydantic model, too."""
    for field in getattr(info, "fields", ()):
        yield field.name, field.type
    for name, field in getattr(cls, "model_fields", {}).items():
        yield name, msgspec.inspect.type_info(field.annotation)
