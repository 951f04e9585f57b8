"""An answer or an event -> the caller's own type, with no type of ours in between.

In: a type (Struct, dataclass, attrs class, TypedDict, dict, bytes) and JSON bytes. Out: a value of that type.
The rule: what does not fit is an error, for leniency would be a guess about a type that we do not know; and what the
library itself must know of an answer (an error, an end, usage) is looked for in the bytes, and decoded only where there
is a sign of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar, cast

import msgspec

from togetherpy._core.chunks import ChunkReader
from togetherpy._core.config import Secret
from togetherpy._core.errors import mask, misfit, named_error, shorten, unusable
from togetherpy._core.sse import NamedEvent
from togetherpy._core.wire import Endpoint, Reply
from togetherpy.error import APIError
from togetherpy.types._model import keep_raw, parse_any_json
from togetherpy.types._response import ResponseInfo
from togetherpy.types.chat_completions import ChatCompletionResponse

T = TypeVar("T")
Secrets = tuple[Secret, ...]

_WANTED = "a msgspec Struct, a dataclass, an attrs class, a TypedDict, dict or bytes"
_ACCEPTED = "StructType", "DataclassType", "TypedDictType", "DictType", "AnyType", "UnionType"


class OwnType(Generic[T]):
    """A type to decode into, its decoder built once."""

    __slots__ = ("_decode", "name", "type")

    def __init__(self, to: Any) -> None:
        """Raises TypeError for a type that JSON objects cannot be decoded into."""
        self.type = to
        self.name: str = getattr(to, "__name__", None) or str(to)
        self._decode: Callable[[bytes], Any] = _whole if to is bytes else _decoder(to, self.name)

    def decode(self, raw: bytes) -> T:
        """Raises msgspec.ValidationError for JSON that does not fit, and what `parse_any_json` raises."""
        try:
            return cast(T, self._decode(raw))
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # Lone surrogates, a BOM and the like: the JSON of some servers, which msgspec refuses.
            return cast(T, msgspec.convert(parse_any_json(raw), self.type))


def own_endpoint(endpoint: Endpoint, to: Any) -> Endpoint:
    """`endpoint` with answers and chunks of type `to`. What is made for a type is kept, for the last 128 types.

    Raises:
        TypeError: JSON objects cannot be decoded into `to`.
    """
    try:
        hash(to)
    except TypeError:
        raise TypeError(f"response_type must be {_WANTED}, not {type(to).__name__}") from None
    return _own_endpoint(endpoint, to)


@functools.lru_cache(maxsize=128)
def _own_endpoint(endpoint: Endpoint, to: Any) -> Endpoint:
    return msgspec.structs.replace(endpoint, own=OwnType(to))


def _whole(raw: bytes) -> bytes:
    return raw


def _decoder(to: Any, name: str) -> Callable[[bytes], Any]:
    import msgspec.inspect

    if hasattr(to, "model_validate"):
        raise TypeError(f"response_type={name} is a pydantic model; take dict and validate that, or a msgspec Struct")
    try:
        kind = type(msgspec.inspect.type_info(to)).__name__
        decode = msgspec.json.Decoder(to).decode
    except (TypeError, NameError) as error:
        raise TypeError(f"response_type={name} cannot be decoded into: {error}") from None
    if kind not in _ACCEPTED:
        raise TypeError(f"response_type must be {_WANTED}, not {name}")
    return (lambda raw: keep_raw(decode(raw), raw)) if kind == "StructType" else decode


class _ChoiceSigns(msgspec.Struct):
    index: Any = None
    finish_reason: Any = None


class Signs(msgspec.Struct):
    """What the library must know of an answer or an event, whatever type the caller wants."""

    id: Any = None
    model: Any = None
    object: Any = None
    error: Any = None
    usage: Any = None
    choices: list[_ChoiceSigns] | None = None

    @property
    def names_error(self) -> bool:
        """Whether this is an error that came inside a 2xx (faults B16, D9)."""
        return bool(self.error) or (self.choices is None and self.object == "error")


_signs = msgspec.json.Decoder(Signs).decode


def read_signs(raw: bytes) -> Signs:
    """The signs in `raw`; none in what is no JSON object, or an odd one."""
    try:
        return _signs(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return msgspec.convert(parse_any_json(raw), Signs)
    except (ValueError, RecursionError):
        return Signs()


def decode_own(own: OwnType[Any], reply: Reply, *, stream: bool, secrets: Secrets) -> Any:
    """The value of a 2xx, or the exception that it stands for, not yet raised."""
    raw = reply.body
    if not raw.strip():
        return unusable(reply, "its body is empty", secrets)
    if b'"error"' in raw and read_signs(raw).names_error:
        return named_error(raw, reply.status, reply.headers, secrets)
    if stream:
        failure = unusable(reply, "a stream of events was asked for", secrets)
        failure.body = mask(raw, secrets)  # whole, for it was paid for
        return failure
    if own.type is bytes and raw.lstrip()[:1] != b"{":
        return unusable(reply, "its body is no JSON object", secrets)
    return _value(own, raw, reply, secrets)


def _value(own: OwnType[Any], raw: bytes, reply: Reply, secrets: Secrets) -> Any:
    try:
        return own.decode(raw)
    except msgspec.ValidationError as error:
        return misfit(reply, own.name, shorten(str(error)), secrets)
    except (ValueError, RecursionError) as error:
        return unusable(reply, f"its JSON is not usable ({shorten(str(error))})", secrets)


class Ends:
    """What is remembered of a stream whose chunks are not ours to add up: how far it is, and its usage."""

    __slots__ = ("_reasons", "id", "model", "usage")

    def __init__(self) -> None:
        self._reasons: dict[int, str] = {}
        self.id: Any = None
        self.model: Any = None
        self.usage: Any = None

    def see(self, signs: Signs) -> None:
        """Takes the signs of one event."""
        self.id, self.model = self.id or signs.id, self.model or signs.model
        self.usage = signs.usage or self.usage
        for choice in signs.choices or ():
            if isinstance(choice.finish_reason, str) and choice.finish_reason:
                self._reasons[choice.index if isinstance(choice.index, int) else 0] = choice.finish_reason

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        """Of the choices that have one, in the order of their index."""
        return tuple(self._reasons[index] for index in sorted(self._reasons))

    def finished(self, choices: int) -> bool:
        """Whether `choices` answers have been given a finish_reason."""
        return len(self._reasons) >= choices

    def response(self) -> ChatCompletionResponse | None:
        """Nothing is kept: the caller has the chunks."""
        return None


class OwnReader(ChunkReader[T]):
    """One stream, its events decoded into the caller's type.

    It is complete with [DONE], or when it ended properly after each of the choices asked for had a finish_reason.
    """

    __slots__ = ("_ends", "_own")

    adds_up = False

    def __init__(self, own: OwnType[T], response: ResponseInfo, secrets: Secrets, choices: int) -> None:
        super().__init__(cast(Any, own), response, secrets, choices)
        self._own = own
        self._ends = Ends()
        self.accumulator = cast(Any, self._ends)

    def chunks(self) -> Iterator[T]:
        """The values of the events that have come and are not taken yet.

        Raises:
            APIError: an event names an error, is damaged, or does not fit the type.
        """
        decode, several = self._own.decode, self._choices > 1
        for data in self.pending:
            # Nearly every event says `"finish_reason":null` and nothing of an error: two searches at C speed.
            if several or b'"finish_reason":null' not in data or b'"error"' in data or type(data) is not bytes:
                if self._is_end(data):
                    continue
                error = self._look(data)
                if error is not None:
                    data = b""  # a traceback with local variables must not show what the error masks (fault G7)
                    raise self._with_partial(error)
            try:
                chunk = decode(data)
            except (ValueError, RecursionError):
                error = _value(self._own, data, self._event(data), self._secrets)
                data = b""
                raise self._with_partial(error) from None
            yield chunk

    def _look(self, data: bytes) -> APIError | None:
        """Remembers what an event says about the end of the stream; the error that it names."""
        signs = read_signs(data)
        if signs.names_error or (isinstance(data, NamedEvent) and data.event == "error"):
            return named_error(bytes(data), self.response.status_code, self._headers, self._secrets)
        self._ends.see(signs)
        return None

    def _event(self, data: bytes) -> Reply:
        return Reply(self.response.status_code, self._headers, bytes(data))
