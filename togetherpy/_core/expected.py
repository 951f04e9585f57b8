"""What an endpoint answers: the one object that everything asks which depends on it.

In: a whole answer, or one whose body is open. Out: a value, an exception as a value, or an object that reads the body;
and what hooks are told of it.
The rule: the core knows `Expected` and nothing of what answers are about. A subclass is stateless, so that one object,
made at import, serves every call of its endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

import msgspec

from togetherpy._core.config import Secret
from togetherpy._core.decode import decode_json, errors
from togetherpy._core.wire import Headers, Reply, Take
from togetherpy.types._model import keep_raw, parse_any_json
from togetherpy.types.common import UsageData

if TYPE_CHECKING:
    from togetherpy._core.patience import Patience
    from togetherpy.types._response import ResponseInfo

T = TypeVar("T")
Secrets = tuple[Secret, ...]
REFUSED = msgspec.MsgspecError, UnicodeDecodeError, RecursionError
"""What a decoder raises of JSON that it does not take."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What hooks are told of an answer, whole or read from a stream."""

    id: str | None = None
    model: str | None = None
    finish_reasons: tuple[str, ...] = ()
    usage: UsageData | None = None
    messages: Callable[[], list[Any]] | None = None
    """Makes what a model said, as messages. Like `answer`, only for hooks that want content."""
    answer: Any = None
    """The whole of it; only hooks that want content get it."""


class Expected(Generic[T]):
    """An answer of any kind."""

    take: ClassVar[Take] = "whole"
    """How the answer is taken: at once, or with its body left open."""
    accept: ClassVar[str] = "application/json"
    """The types of content that are asked for."""
    operation: ClassVar[str | None] = None
    """What the conventions for telemetry call it; None: they have no name for it."""
    asked: ClassVar[Mapping[str, str]] = {}
    """Which parameters are content, and what hooks that want content get them as."""

    __slots__ = ()

    def welcomes(self, status: int) -> bool:
        """Whether an answer with a status outside of 2xx is one as well."""
        return False

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """The value of an accepted answer, or the APIError that it deserves, not yet raised."""
        raise NotImplementedError

    def reader(self, head: ResponseInfo, secrets: Secrets) -> Any:
        """What knows what the bytes of an open body mean, and at the end its `facts()`, `complete` and `error`."""
        raise NotImplementedError

    def stream(self, reader: Any, body: Any, head: ResponseInfo, patience: Patience, *, asynchronous: bool) -> Any:
        """What the caller reads an open body by."""
        raise NotImplementedError

    def facts(self, value: Any, raw: bytes) -> Facts:
        """What hooks are told of a value; `raw`: the bytes that it was decoded from."""
        return Facts(answer=value)


class _Signs(msgspec.Struct):
    error: Any = None
    object: Any = None


class JSON(Expected[T]):
    """A JSON value of a type of ours.

    An answer that is an error by its looks is none where the type has a field of that name: a job may have failed.
    """

    __slots__ = ("_decode", "_empty", "_needs", "decoder")

    def __init__(self, to: Any, *, empty: Callable[[], T] | None = None, needs: str | None = None) -> None:
        """`empty`: makes the value of an empty body, which else is unusable. `needs`: the field without which an answer
        is none."""
        self.decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(to)
        self._decode = self.decoder.decode
        self._empty, self._needs = empty, needs

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """A T; what does not fit is kept as it came."""
        raw = reply.body
        if not raw.strip():
            return errors().unusable(reply, "its body is empty", secrets) if self._empty is None else self._empty()
        if b'"error"' in raw and self.names_error(raw):
            return errors().named_error(raw, reply.status, reply.headers, secrets)
        try:
            value = self.decoded(raw)
        except (ValueError, RecursionError) as error:
            # Both msgspec's and the standard library's complaints are ValueErrors; deep nesting is a RecursionError.
            reason = f"its body is not usable JSON ({errors().shorten(str(error))})"
            return errors().unusable(reply, reason, secrets)
        if self._needs is not None and getattr(value, self._needs, None) is None:
            return errors().lacking(reply, self._needs, secrets)
        return value

    def decoded(self, raw: bytes) -> Any:
        """The value of JSON that names no error.

        Raises:
            ValueError: it is no JSON, or of another shape. RecursionError: nested too deeply.
        """
        return decode_json(self.decoder, raw)

    def names_error(self, raw: bytes) -> bool:
        """Whether JSON with the word in it says that it is an error (fault B16)."""
        try:
            signs = msgspec.json.decode(raw, type=_Signs)
        except REFUSED:
            return False
        return signs.object == "error" or (bool(signs.error) and not hasattr(self.decoder.type, "error"))

    def facts(self, value: Any, raw: bytes) -> Facts:
        """Those that many answers have."""
        return Facts(
            id=text(getattr(value, "id", None)),
            model=text(getattr(value, "model", None)),
            usage=usage_of(getattr(value, "usage", None)),
            answer=value,
        )


class ListOf(JSON[list[T]]):
    """A list of objects of one type, each with what its server sent besides. Bare, or in an object's `field`."""

    __slots__ = ("_field", "_into", "_item")

    def __init__(self, item: Any, field: str = "data", *, into: Callable[[list[T]], list[T]] = list) -> None:
        """`into`: makes a list of another class."""
        super().__init__(list[item])
        self._item = msgspec.json.Decoder(item)
        self._field, self._into = field, into

    def decoded(self, raw: bytes) -> Any:
        """The list."""
        return self._into([self._one(bytes(item)) for item in items_of(raw, self._field)])

    def _one(self, raw: bytes) -> Any:
        try:
            return decode_json(self._item, raw)
        except (ValueError, RecursionError):
            return parse_any_json(raw)  # no object: kept as it came


def items_of(raw: bytes, field: str) -> list[msgspec.Raw]:
    """The items of a list in JSON, bare or in an object's field; null is an empty one.

    Raises:
        ValueError: there is none. RecursionError: nested too deeply.
    """
    try:
        found: Any = msgspec.json.decode(raw, type=list[msgspec.Raw] | dict[str, msgspec.Raw])
    except REFUSED:
        # JSON that msgspec does not take: with a BOM, lone surrogates, NaN.
        found = msgspec.json.decode(
            msgspec.json.encode(parse_any_json(raw)), type=list[msgspec.Raw] | dict[str, msgspec.Raw]
        )
    if isinstance(found, list):
        return cast("list[msgspec.Raw]", found)
    if field not in found:
        raise ValueError(f"it is no list, nor an object with a list in {field!r}")
    return msgspec.json.decode(found[field], type=list[msgspec.Raw] | None) or []


class Page(JSON[T]):
    """An object of ours with a list of objects in one field, each with what its server sent besides."""

    __slots__ = ("_field",)

    def __init__(self, to: Any, field: str = "data") -> None:
        super().__init__(to)
        self._field = field

    def decoded(self, raw: bytes) -> Any:
        """The object."""
        page = super().decoded(raw)
        items: list[Any] | None = getattr(page, self._field, None)
        if isinstance(items, list) and items:
            try:
                for item, one in zip(items, items_of(raw, self._field), strict=True):
                    keep_raw(item, bytes(one))
            except (ValueError, RecursionError):
                return page  # not even the lenient decoder's JSON
        return page


class Whole(Expected[bytes]):
    """A body of any kind, as bytes."""

    accept: ClassVar[str] = "*/*"

    __slots__ = ()

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """The bytes."""
        return reply.body


class Download(Expected[Any]):
    """A body of any kind, left open: a `Body` or `AsyncBody` that is read piece by piece (`_core.download`)."""

    take: ClassVar[Take] = "bytes"
    accept: ClassVar[str] = "*/*"

    __slots__ = ()

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """A 2xx that cannot have a body: nothing to read."""
        return errors().unusable(reply, "it has no content", secrets)

    def reader(self, head: ResponseInfo, secrets: Secrets) -> Any:
        """It counts, and knows whether all has come."""
        from togetherpy._core.download import Progress

        return Progress(head, secrets)

    def stream(self, reader: Any, body: Any, head: ResponseInfo, patience: Patience, *, asynchronous: bool) -> Any:
        """A BinaryStream or an AsyncBinaryStream."""
        from togetherpy._core.download import AsyncBinaryStream, BinaryStream

        return (AsyncBinaryStream if asynchronous else BinaryStream)(reader, body, head, patience)


class Redirect(Expected["Moved"]):
    """An answer that says only where to go on: a `Moved`."""

    __slots__ = ()

    def welcomes(self, status: int) -> bool:
        """Redirects that are to be followed with another request."""
        return status in (301, 302, 303, 307, 308)

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """The place, which may be as good as a key."""
        from togetherpy._core.elsewhere import location

        where = location(reply.headers)
        if not self.welcomes(reply.status) or not where.reveal():
            return errors().unusable(reply, "it was to say where to go on", secrets)
        return Moved(reply.status, where, reply.headers)


class Moved(msgspec.Struct, frozen=True, eq=False):
    """Where to go on."""

    status: int
    location: Secret
    headers: Headers

    def __repr__(self) -> str:
        return f"<Moved {self.status}>"


def text(value: object) -> str | None:
    """`value` if it is a str."""
    return value if isinstance(value, str) else None


def usage_of(value: object) -> UsageData | None:
    """`value`, of our type or as JSON has it, if it is the usage of tokens."""
    if value is None or isinstance(value, UsageData):
        return value
    try:
        return msgspec.convert(value, UsageData)
    except msgspec.ValidationError:
        return None
