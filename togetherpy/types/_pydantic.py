"""What pydantic and its users are told of a type of the API.

In: one of our types. Out: a schema of pydantic's core, a JSON schema, what its fields are.
The rule: pydantic's core schemas are plain dicts, and who asks for one has pydantic; it is not imported here.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import msgspec

JSON = dict[str, Any]


class FieldInfo(NamedTuple):
    """What one field is."""

    annotation: Any
    """Its type."""
    default: Any
    """`msgspec.NODEFAULT`: it must be given."""
    alias: str | None
    """What the server calls it, where that is another name."""

    def is_required(self) -> bool:
        """Whether an object cannot be made without it."""
        return self.default is msgspec.NODEFAULT


@functools.cache
def fields_of(cls: Any) -> dict[str, FieldInfo]:
    """The fields of a type, in their order."""
    hints = typing.get_type_hints(cls)
    fields: tuple[Any, ...] = msgspec.structs.fields(cls)
    return {
        one.name: FieldInfo(
            hints[one.name],
            one.default if one.default_factory is msgspec.NODEFAULT else one.default_factory(),
            one.encode_name if one.encode_name != one.name else None,
        )
        for one in fields
    }


def core_schema(cls: Any) -> JSON:
    """How pydantic makes a `cls` of what it is given, and plain data of a `cls`."""
    return {
        "type": "function-plain",
        "function": {"type": "no-info", "function": cls.model_validate},
        "serialization": {"type": "function-plain", "function": _dumped, "info_arg": True},
    }


def _dumped(value: Any, info: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if not callable(dump):
        return value
    return dump(
        include=info.include,
        exclude=info.exclude,
        exclude_unset=info.exclude_unset,
        exclude_defaults=info.exclude_defaults,
        exclude_none=info.exclude_none,
    )


def json_schema(cls: Any, ref_template: str) -> JSON:
    """The JSON schema of `cls`, what it refers to under "$defs"."""
    roots, definitions = msgspec.json.schema_components((cls,), ref_template="{name}")
    named = {name: _open(one) for name, one in definitions.items()}
    refer = functools.partial(_refer, template=ref_template)
    root = cast(Any, roots)[0]
    whole = _mapped(named[root["$ref"]] if "$ref" in root else root, refer)
    inner = {name: _mapped(one, refer) for name, one in named.items() if name != root.get("$ref")}
    return {**whole, "$defs": inner} if inner else whole


def whole_json_schema(cls: Any) -> JSON:
    """The same with everything written out where it stands: it may become a part of any document."""
    roots, definitions = msgspec.json.schema_components((cls,), ref_template="{name}")
    named = {name: _open(one) for name, one in definitions.items()}

    def written_out(name: str, *, inside: tuple[str, ...] = ()) -> JSON:
        if name in inside:
            return {"type": "object"}  # a type that holds itself
        return cast(JSON, _mapped(named[name], functools.partial(written_out, inside=(*inside, name))))

    return cast(JSON, _mapped(cast(Any, roots)[0], written_out))


def _refer(name: str, template: str) -> JSON:
    return {"$ref": template.format(model=name)}


def _open(schema: JSON) -> JSON:
    """Our vocabularies are open: any text may come."""
    if "enum" in schema:
        return {"title": schema.get("title"), "type": "string", "examples": schema["enum"]}
    return schema


def _mapped(schema: object, refer: Callable[[str], JSON]) -> Any:
    """A schema with each {"$ref": name} in it replaced."""
    if isinstance(schema, dict):
        entries = cast(JSON, schema)
        if isinstance(entries.get("$ref"), str):
            return refer(entries["$ref"])
        return {key: _mapped(value, refer) for key, value in entries.items()}
    return [_mapped(one, refer) for one in cast("list[object]", schema)] if isinstance(schema, list) else schema
