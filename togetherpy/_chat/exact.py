"""Chunks that hold nothing but what our types name, told from others at no cost.

In: an event's JSON. Out: a chunk; msgspec's refusal when there is a field that its type does not name.
The rule: looking for unknown fields would cost more than decoding does, so the decoder that is there anyway looks: a
subclass of each of a chunk's types that allows none. They serve once a stream's first chunks had none.
"""

from __future__ import annotations

import functools
import types
import typing
from typing import Any

import msgspec

from togetherpy.types._model import Model
from togetherpy.types.chat_completions import ChatCompletionChunk


@functools.cache
def exact_decoder(cls: type[ChatCompletionChunk] = ChatCompletionChunk) -> msgspec.json.Decoder[Any]:
    """A decoder of such chunks that refuses what they do not name."""
    return msgspec.json.Decoder(_exact(cls))


@functools.cache
def _exact(cls: Any) -> Any:
    bases = [base for base in reversed(cls.__mro__) if _is_model(base)]
    named = {name: hint for base in bases for name, hint in getattr(base, "__annotations__", {}).items()}
    hints = {name: _exact_hint(named[name]) for name in cls.__struct_fields__}
    # The name is the public one, for it is shown; comparing and pickling look through.
    body = {"__module__": cls.__module__, "__annotations__": hints, **dict.fromkeys(hints)}
    return type(cls)(cls.__name__, (cls,), body, kw_only=True, forbid_unknown_fields=True)


def _exact_hint(hint: Any) -> Any:
    arguments = typing.get_args(hint)
    if arguments:
        exact = tuple(map(_exact_hint, arguments))
        if exact == arguments:
            return hint
        origin: Any = typing.get_origin(hint)
        if origin in (typing.Union, types.UnionType):
            return functools.reduce(lambda one, other: one | other, exact)
        return origin[exact]
    return _exact(hint) if _is_model(hint) else hint


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Model)
