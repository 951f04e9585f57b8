"""Types that only pydantic understands whole: its dataclasses, and annotations with its Field.

In: a type, or an annotation. Out: pydantic's TypeAdapter of it, or a class that stands for it among msgspec's types.
The rule: pydantic is never imported: who has such a type has imported it. Its models need nothing of this: they have
methods of their own.
"""

from __future__ import annotations

import functools
import sys
import typing
from typing import Any, cast

import msgspec

_ITS_OWN = ("pydantic", "annotated_types")


@functools.lru_cache(maxsize=256)
def adapter(of: Any) -> Any:
    """The TypeAdapter of a type in which there is something of pydantic's; None for the others, and for its models.

    Raises:
        TypeError: beside it there is something that pydantic does not know, such as a msgspec Struct.
    """
    make: Any = getattr(sys.modules.get("pydantic"), "TypeAdapter", None)
    if make is None or is_model(of) or not _is_its_own(of, set()):
        return None
    try:
        return make(of)
    except Exception as error:
        raise TypeError(f"pydantic cannot make {of}: {str(error).partition('.')[0]}") from error


def is_model(of: Any) -> bool:
    """Whether this is a pydantic model, by its shape; our own types have that shape, too."""
    ours = isinstance(of, type) and issubclass(of, msgspec.Struct)
    return isinstance(of, type) and not ours and callable(getattr(of, "model_validate_json", None))


def stand_in(annotation: Any, name: str) -> Any:
    """`annotation`, or for one in which there is something of pydantic's a class with the manners of a pydantic model.

    Raises:
        TypeError: as above.
    """
    made = adapter(annotation)
    if made is None:
        return annotation
    manners: dict[str, Any] = {
        "model_validate": staticmethod(made.validate_python),
        "model_json_schema": staticmethod(made.json_schema),
        "model_fields": {},
    }
    return _StandIn(name, (), manners)


class _StandIn(type):
    """msgspec looks whether what a hook has made is what was asked for; pydantic has looked already."""

    def __instancecheck__(cls, instance: object) -> bool:
        return True


def _is_its_own(of: Any, seen: set[int]) -> bool:
    """Whether pydantic's dataclasses or annotations are in `of`, or in what it consists of."""
    if id(of) in seen:
        return False
    seen.add(id(of))
    if any(type(extra).__module__.partition(".")[0] in _ITS_OWN for extra in getattr(of, "__metadata__", ())):
        return True
    fields = hasattr(of, "__dataclass_fields__") and isinstance(of, type)
    if fields and hasattr(cast(Any, of), "__pydantic_validator__"):
        return True
    parts = [getattr(of, "__origin__", None), *getattr(of, "__args__", ())]
    if fields or hasattr(of, "__required_keys__"):  # a TypedDict, typing_extensions' too
        parts += _hints(of)
    return any(_is_its_own(part, seen) for part in parts if part is not None)


def _hints(of: Any) -> list[Any]:
    try:
        return list(typing.get_type_hints(of, include_extras=True).values())
    except Exception:  # a name that cannot be found is said by whoever makes the schema
        return []
