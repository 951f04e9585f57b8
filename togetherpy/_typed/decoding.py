"""JSON text that a model wrote -> a value of a type that the user wrote.

In: text and a msgspec Struct, dataclass, attrs class, TypedDict or pydantic model. Out: a value of that type.
The rule: by shape, so that pydantic and attrs are never imported; what stands around the JSON is taken off only when
the text as it is did not fit, so the usual answer pays nothing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from togetherpy._typed.by_pydantic import adapter, is_model
from togetherpy.error import ParseError

if TYPE_CHECKING:
    from togetherpy.types.common import ToolCalls


class Misfit(NamedTuple):
    """What does not fit, and where."""

    reason: str
    path: str
    """From the root of the JSON document, such as "$.lakes[2].name"; "$" is the document itself."""


@functools.lru_cache(maxsize=256)
def decoder(to: Any) -> Callable[[str], Any]:
    """What makes a `to` from JSON text.

    Raises:
        TypeError: msgspec cannot decode such a type.
    """
    validator = to if is_model(to) else adapter(to)
    if validator is not None:
        validate: Callable[[str], Any] = validator.model_validate_json if validator is to else validator.validate_json
        return validate
    return msgspec.json.Decoder(to, dec_hook=_convert).decode


def _convert(to: Any, value: object) -> Any:
    """A pydantic model inside of a type that is msgspec's to decode."""
    validate = getattr(to, "model_validate", None)
    if not callable(validate):
        raise NotImplementedError(f"{type_name(to)} cannot be made from JSON")
    return validate(value)


def decode_text(to: Any, text: str) -> Any:
    """`text` as a `to`; what surrounds the JSON is passed over (see `bare_json`).

    Raises:
        Exception: whatever the type raises for what does not fit: a ValueError of msgspec or pydantic, or the user's.
    """
    decode = decoder(to)
    try:
        return decode(text)
    except Exception:
        bare = bare_json(text)
        if bare == text:
            raise
    return decode(bare)


def bare_json(text: str) -> str:
    """`text` without a reasoning block before the JSON and without a code fence around it.

    Models that reason in their answer write `<think>...</think>` first, some without the opening tag.
    """
    bare = text.strip()
    while not bare.startswith(("{", "[")) and "</think>" in bare:
        bare = bare.partition("</think>")[2].lstrip()
    first, last = bare.find("```"), bare.rfind("```")
    if not bare.startswith(("{", "[")) and first < last:
        bare = bare[first + 3 : last].lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").strip()
    return bare


def misfit(error: Exception) -> Misfit:
    """What an exception of `decode_text` says, in one form for msgspec and pydantic."""
    details: Any = getattr(error, "errors", None)
    if callable(details):
        found: Any = details()
        if found:
            steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in found[0]["loc"]]
            return Misfit(str(found[0]["msg"]), "$" + "".join(steps))
    text = str(error) or type(error).__name__
    match = re.fullmatch(r"(.*) - at (?:`key` in )?`([^`]*)`", text, re.DOTALL)
    if match and isinstance(error.__cause__, Exception) and hasattr(error.__cause__, "errors"):
        inside = misfit(error.__cause__)  # of something of pydantic's inside of a type that is msgspec's to decode
        return Misfit(inside.reason, match[2] + inside.path[1:])
    return Misfit(match[1], match[2]) if match else Misfit(text, "$")


def decode_arguments(call: ToolCalls, to: Any) -> Any:
    """The arguments of a tool call as a `to`.

    Raises:
        ParseError: they do not fit. TypeError: nothing can be decoded as a `to`.
    """
    arguments: Any = call.function.arguments if call.function is not None else None
    if not isinstance(arguments, str):
        # A lenient decode may have kept an object that came instead of text.
        arguments = "{}" if arguments is None else msgspec.json.encode(arguments).decode()
    decoder(to)
    try:
        # Some models write nothing at all for a function without parameters.
        return decode_text(to, arguments.strip() or "{}")
    except Exception as error:
        reason, path = misfit(error)
        name = call.function.name if call.function is not None else None
        failure = ParseError(f"The arguments of {name} do not fit {type_name(to)}: {reason}, at {path}.")
        failure.text, failure.path = arguments, path
        raise failure from error


def type_name(to: Any) -> str:
    """How a message calls a type."""
    name = getattr(to, "__name__", None)
    return str(to) if name is None or getattr(to, "__args__", None) else str(name)
