"""The type that an answer is to be -> what decodes it.

In: what a user gave as `cast_to`. Out: an Expected. The rule: types of ours take what does not fit as it came; what
does not fit a type of the user's own is an error that has the whole answer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import NoneType
from typing import Any, get_args, get_origin

import msgspec

from togetherpy._core.absent import is_absent
from togetherpy._core.decode import errors
from togetherpy._core.expected import JSON, Expected, ListOf, Secrets, Whole
from togetherpy._core.wire import Reply
from togetherpy.types._model import Raw, keep_raw, parse_any_json
from togetherpy.types._response import RawResponse


def expected(to: Any, *, stream: bool) -> Expected[Any]:
    """What decodes an answer into `to`; with `stream`, a stream of such ones.

    Raises:
        TypeError: nothing can be decoded into it.
    """
    if type(stream) is not bool and not is_absent(stream):
        raise TypeError(f"stream must be a bool, not {type(stream).__name__}")
    if stream:
        from togetherpy.resources.chat.completions import endpoint_for

        return endpoint_for(None if to is object or to is Any else to, True).answer
    try:
        return _kept(to)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        raise TypeError(f"cast_to must be a type, not {type(to).__name__}") from None


@functools.lru_cache(maxsize=128)
def _kept(to: Any) -> Expected[Any]:
    if to is None or to is NoneType:
        return _Made(lambda reply: None)
    if to is bytes:
        return Whole()
    if to is str:
        return _Made(lambda reply: reply.body.decode("utf-8", "replace"))
    if to is object or to is Any or is_absent(to):
        return Cast(Any, "plain data", parse_any_json)
    if isinstance(to, type) and to.__name__ == "Response" and to.__module__.partition(".")[0] in ("httpx", "requests"):
        return _Made(_raw)
    if get_origin(to) is list and _is_ours(get_args(to)[0]):
        item: Any = get_args(to)[0]
        return ListOf[Any](item)
    if _is_ours(to):
        return JSON(to)
    validate = getattr(to, "model_validate_json", None)
    if callable(validate) and not issubclass(to, msgspec.Struct):
        return Cast(Any, to.__name__, validate)
    name = getattr(to, "__name__", None) or str(to)
    try:
        decode = msgspec.json.Decoder(to).decode
    except (TypeError, NameError) as error:
        raise TypeError(f"cast_to={name} cannot be decoded into: {error}") from None
    return Cast(to, name, decode)


def _is_ours(to: Any) -> bool:
    return isinstance(to, type) and issubclass(to, Raw) and to.__module__.startswith("togetherpy.")


def _raw(reply: Reply) -> RawResponse:
    """For `cast_to=httpx.Response`: what comes closest to it."""
    request_id = errors().request_id(reply.headers, None)
    return RawResponse(
        status_code=reply.status, headers=reply.headers, request_id=request_id, attempts=1, content=reply.body
    )


class _Made(Expected[Any]):
    """A body that is not decoded."""

    accept = "*/*"

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[Reply], Any]) -> None:
        self._make = make

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """What is made of it."""
        return self._make(reply)


class Cast(JSON[Any]):
    """JSON of a type of the user's own."""

    __slots__ = ("_make", "_name")

    def __init__(self, to: Any, name: str, make: Callable[[bytes], Any]) -> None:
        super().__init__(to)
        self._name, self._make = name, make

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """A value of the type."""
        raw = reply.body
        if b'"error"' in raw and self.names_error(raw):
            return errors().named_error(raw, reply.status, reply.headers, secrets)
        try:
            return keep_raw(self._make(raw), raw)
        except (ValueError, RecursionError) as error:
            try:
                parse_any_json(raw)
            except (ValueError, RecursionError) as wrong:
                reason = f"its body is not usable JSON ({errors().shorten(str(wrong))})"
                return errors().unusable(reply, reason, secrets)
            return errors().misfit(reply, self._name, errors().shorten(str(error)), secrets, "cast_to")
