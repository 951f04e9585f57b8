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

from togetherpy._chat.aside import is_error_list, is_reason, lacks_choices
from togetherpy._chat.chunks import ChunkReader
from togetherpy._chat.facts import Chat
from togetherpy._chat.unasked import unasked_stream
from togetherpy._core.config import Secret
from togetherpy._core.errors import lacking, mask, misfit, named_error, unusable
from togetherpy._core.expected import Facts, text, usage_of
from togetherpy._core.named import shorten
from togetherpy._core.sse import NamedEvent, begins_as_events
from togetherpy._core.wire import Reply
from togetherpy._typed.by_pydantic import is_model
from togetherpy.error import APIError, APIResponseError
from togetherpy.types._model import Raw, keep_raw, parse_any_json
from togetherpy.types._response import ResponseInfo
from togetherpy.types.chat_completions import ChatCompletionResponse

T = TypeVar("T")
Secrets = tuple[Secret, ...]

_GOING_ON = b'"finish_reason":null', b'"finish_reason": null'
_WANTED = "a msgspec Struct, a dataclass, an attrs class, a TypedDict, dict or bytes"
_ACCEPTED = "StructType", "DataclassType", "TypedDictType", "DictType", "AnyType", "UnionType"


class OwnType(Generic[T]):
    """A type to decode into, its decoder built once."""

    __slots__ = ("name", "strict", "type")

    def __init__(self, to: Any) -> None:
        """Raises TypeError for a type that JSON objects cannot be decoded into."""
        self.type = to
        self.name: str = getattr(to, "__name__", None) or str(to)
        self.strict: Callable[[bytes], T] = _whole if to is bytes else _decoder(to, self.name)
        """Raises msgspec.DecodeError, or the UnicodeDecodeError or RecursionError that are none of msgspec's."""

    def decode(self, raw: bytes) -> T:
        """As `strict`, but for JSON that msgspec refuses: lone surrogates, a BOM and the like, which servers send.

        Raises:
            msgspec.ValidationError: it does not fit. ValueError: it is no JSON. RecursionError: nested too deeply.
        """
        try:
            return self.strict(raw)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value: T = msgspec.convert(parse_any_json(raw), self.type)
            return value

    def judge(self, reply: Reply, secrets: Secrets, *, stream: bool = False) -> Any:
        """The value of a 2xx, or the exception that it stands for, not yet raised. `stream`: events were asked for."""
        raw = reply.body
        odd = self._odd(reply, secrets) if _may_be_odd(raw) else None
        if odd is not None:
            return odd
        if stream:
            failure = unusable(reply, "a stream of events was asked for", secrets)
            failure.body = mask(raw, secrets)  # whole, for it was paid for
            return failure
        try:
            return self.strict(raw)
        except (ValueError, RecursionError):
            return self.lenient(reply, secrets)

    def _odd(self, reply: Reply, secrets: Secrets) -> APIError | None:
        """The exception for what is no answer, if it is none."""
        raw = reply.body
        if not raw or raw.isspace():
            return unusable(reply, "its body is empty", secrets)
        if begins_as_events(raw):
            failure = unasked_stream(OwnEvents(self, 1), reply, secrets)
            if isinstance(failure, APIResponseError):
                failure.body = mask(raw, secrets)  # whole, for it was paid for
            return failure
        if read_signs(raw).names_error or is_error_list(raw):
            return named_error(raw, reply.status, reply.headers, secrets)
        if lacks_choices(raw) and is_reason(raw):
            return lacking(reply, "choices", secrets)
        if self.type is bytes and raw.lstrip()[:1] != b"{":
            return unusable(reply, "its body is no JSON object", secrets)
        return None

    def lenient(self, reply: Reply, secrets: Secrets) -> Any:
        """The value of an answer, or event, that `strict` refused, or the exception that says why, not yet raised."""
        try:
            return self.decode(reply.body)
        except msgspec.ValidationError as error:
            return misfit(reply, self.name, shorten(str(error)), secrets)
        except (ValueError, RecursionError) as error:
            return unusable(reply, f"its JSON is not usable ({shorten(str(error))})", secrets)


class OwnAnswer(Chat):
    """A whole answer of the caller's type."""

    __slots__ = ("own",)

    def __init__(self, own: OwnType[Any]) -> None:
        self.own = own

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """A value of the type."""
        return self.own.judge(reply, secrets)

    def facts(self, value: Any, raw: bytes) -> Facts:
        """What the bytes say, for the type is not ours."""
        ends = Ends()
        ends.see(read_signs(raw))
        return ends.facts()


class OwnEvents(OwnAnswer):
    """A stream of events of the caller's type."""

    take = "events"
    accept = "text/event-stream"

    __slots__ = ("_n",)

    def __init__(self, own: OwnType[Any], n: int) -> None:
        """`n`: how many answers were asked for."""
        super().__init__(own)
        self._n = n

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """The exception for an answer that is no stream."""
        return self.own.judge(reply, secrets, stream=True)

    def reader(self, head: ResponseInfo, secrets: Secrets) -> OwnReader[Any]:
        """The reader of the stream's events."""
        return OwnReader(self.own, head, secrets, self._n)


@functools.lru_cache(maxsize=128)
def _own_type(to: Any) -> OwnType[Any]:
    return OwnType(to)


def own_type(to: Any) -> OwnType[Any]:
    """What decodes into `to`. It is kept, for the last 128 types.

    Raises:
        TypeError: JSON objects cannot be decoded into `to`.
    """
    try:
        hash(to)
    except TypeError:
        raise TypeError(f"response_type must be {_WANTED}, not {type(to).__name__}") from None
    return _own_type(to)


def _whole(raw: bytes) -> Any:
    return raw


def _decoder(to: Any, name: str) -> Callable[[bytes], Any]:
    import msgspec.inspect

    if is_model(to):
        raise TypeError(f"response_type={name} is a pydantic model; take dict and validate that, or a msgspec Struct")
    try:
        kind = type(msgspec.inspect.type_info(to)).__name__
        decode = msgspec.json.Decoder(to).decode
    except (TypeError, NameError) as error:
        raise TypeError(f"response_type={name} cannot be decoded into: {error}") from None
    if kind not in _ACCEPTED:
        raise TypeError(f"response_type must be {_WANTED}, not {name}")
    if isinstance(to, type) and issubclass(to, Raw):
        return lambda raw: keep_raw(decode(raw), raw)  # one of our types, extended
    return decode


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


def _may_be_odd(raw: bytes) -> bool:
    """Whether this may be no answer, or name an error. Inside of a text the quotes would be escaped."""
    at = raw.find(b'"choices"')
    # `rfind` takes less than half of the time that `in` takes.
    return raw[:1] != b"{" or at < 0 or b"null" in raw[at + 9 : at + 16] or raw.rfind(b'"error"') >= 0


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

    def facts(self) -> Facts:
        """What hooks are told."""
        return Facts(
            id=text(self.id), model=text(self.model), finish_reasons=self.finish_reasons, usage=usage_of(self.usage)
        )


class OwnReader(ChunkReader[T]):
    """One stream, its events decoded into the caller's type.

    It is complete with [DONE], or when it ended properly after each of the choices asked for had a finish_reason. An
    event that says `"finish_reason":null` goes on with an answer, and is looked at only if it turns out to be the last.
    """

    __slots__ = ("_ends", "_going_on", "_own", "_unseen")

    adds_up = False

    def __init__(self, own: OwnType[T], response: ResponseInfo, secrets: Secrets, choices: int) -> None:
        super().__init__(cast(Any, own), response, secrets, choices)
        self._own = own
        self._ends = Ends()
        self.accumulator = cast(Any, self._ends)
        self._going_on = _GOING_ON[0]
        """How this server writes that a choice goes on."""
        self._unseen: bytes = b""
        """The last event, if it has not been looked at."""

    def chunks(self) -> Iterator[T]:
        """The values of the events that have come and are not taken yet.

        Raises:
            APIError: an event names an error, is damaged, or does not fit the type.
        """
        decode, several = self._own.strict, self._choices > 1
        for data in self.pending:
            # One search from the end, where the words usually are, is a fifth of what a decode costs.
            if several or data.rfind(self._going_on) < 0 or type(data) is not bytes:
                if self._is_end(data):
                    self._look_at_last()
                    error = self._no_choices() if self.complete else None
                    if error is not None:
                        raise self._with_partial(error)
                    continue
                error = self._look(data)
                if error is not None:
                    data = b""  # a traceback with local variables must not show what the error masks (fault G7)
                    raise self._with_partial(error)
                self._unseen = b""
            else:
                self._unseen, self._answered = data, True
            chunk: Any
            try:
                chunk = decode(data)
            except (ValueError, RecursionError):
                chunk = self._own.lenient(Reply(self.response.status_code, self._headers, bytes(data)), self._secrets)
                if isinstance(chunk, APIError):
                    data = self._unseen = b""
                    raise self._with_partial(chunk) from None
            yield chunk
        if self._aside.failure is not None:
            raise self._with_partial(self._aside.failure)

    def end(self) -> bool:
        """The body ended properly; whether there is something yet to be taken.

        Raises:
            APIError: its last event names an error. StreamInterruptedError: the stream did not end.
        """
        self._look_at_last()
        return super().end()

    def facts(self) -> Facts:
        """What hooks are told of the whole."""
        return self._ends.facts()

    def _look_at_last(self) -> None:
        data, self._unseen = self._unseen, b""
        error = self._look(data) if data else None
        if error is not None:
            data = b""
            raise self._with_partial(error)

    def _look(self, data: bytes) -> APIError | None:
        """Remembers what an event says about the end of the stream; the error that it names."""
        signs = read_signs(data)
        if signs.names_error or (isinstance(data, NamedEvent) and data.event == "error") or is_error_list(data):
            return named_error(bytes(data), self.response.status_code, self._headers, self._secrets)
        self._ends.see(signs)
        if signs.choices is None:
            self._aside.see(data)
        else:
            self._answered = True
        self._going_on = next((words for words in _GOING_ON if words in data), self._going_on)
        return None
