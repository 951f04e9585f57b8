"""Values that may be awaited, and then are themselves.

In: a value. Out: an equal one of a subclass of its type. The rule: for those who write `await` where the official
package wants it; of what is no JSON value and no type of ours, nothing is made.
"""

from __future__ import annotations

import functools
from collections.abc import Generator
from typing import Any, TypeVar, cast

import msgspec

from togetherpy.types._model import Model, carry

T = TypeVar("T")


class _Awaited:
    """A mixin."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, Any]:
        return self
        yield

    def __reduce_ex__(self, protocol: Any) -> Any:
        base = type(self).__mro__[2]  # what is stored, or copied, is the plain one
        plain: Any = _rebased(self, base) if isinstance(self, Model) else base(self)
        return plain.__reduce_ex__(protocol) if isinstance(self, Model) else (base, (plain,))


def awaitable(value: T) -> T:
    """`value`, or one like it that may be awaited."""
    if isinstance(value, _Awaited):
        return value
    cls: Any = type(value)
    if cls in (str, bytes, list, dict):
        return cast(T, _of(cls)(value))
    return cast(T, _rebased(value, _of(cls))) if isinstance(value, Model) else value


def _rebased(model: Model, cls: Any) -> Any:
    return carry(model, cls(**{name: getattr(model, name) for name in model.__struct_fields__}))


@functools.cache
def _of(cls: Any) -> Any:
    # The name is the public one, for it is shown.
    if issubclass(cls, msgspec.Struct):
        # Not `msgspec.defstruct`, which knows no other metaclass than its own.
        meta: Any = type(cls)
        return meta(cls.__name__, (_Awaited, cls), {"__module__": cls.__module__}, kw_only=True)
    return type(cls.__name__, (_Awaited, cls), {})
