"""`client.get`, `post`, `put`, `patch`, `delete`: for what has no method yet.

In: a path below base_url, and the type that the answer is to be. Out: a value of that type.
The rule: retries, errors, hooks, time limits and raw forms are those of every call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

if TYPE_CHECKING:
    from typing import Unpack

    from togetherpy._chat.stream import AsyncStream, Stream
    from togetherpy.types._options import CallOptions, RequestOptions

    Files = Mapping[str, Any] | list[tuple[str, Any]]

T = TypeVar("T")
V = TypeVar("V")


def _hide(given: dict[str, Any]) -> None:
    """From now on a traceback with local variables does not show header fields."""
    from togetherpy._core.config import hide

    if "extra_headers" in given:
        given["extra_headers"] = hide(given["extra_headers"])
    options: Any = given.get("options")
    if hasattr(options, "keys") and "headers" in options:
        given["options"] = {**options, "headers": hide(options["headers"])}


class Verb(Generic[V]):
    """A method of clients; `kind` is what it is bound to one as."""

    def __init__(self, method: str, kind: type[V]) -> None:
        self._method, self._kind = method, kind
        self.__doc__ = kind.__call__.__doc__

    def __get__(self, client: Any, owner: type) -> V:
        kind: Any = self._kind
        return self if client is None else kind(self._method, client)  # type: ignore[return-value]


class _Bound:
    __slots__ = ("_client", "_method")

    def __init__(self, method: str, client: Any) -> None:
        self._method, self._client = method, client

    def _call(self, path: str, given: dict[str, Any]) -> Any:
        from togetherpy.resources._requests import Requests

        client = self._client
        return Requests(client._loop, raw=client._raw).ask(self._method, path, **given)

    def __repr__(self) -> str:
        return f"<{self._method} of {self._client!r}>"


class Ask(_Bound):
    """`client.post(path, cast_to=..., body=...)` and the like."""

    __slots__ = ()

    @overload
    def __call__(
        self,
        path: str,
        *,
        cast_to: type[T],
        body: Any = None,
        content: bytes | None = None,
        files: Files | None = None,
        options: RequestOptions | None = None,
        stream: Literal[False] = False,
        stream_cls: Any = None,
        **call: Unpack[CallOptions],
    ) -> T: ...
    @overload
    def __call__(
        self,
        path: str,
        *,
        cast_to: type[T],
        body: Any = None,
        content: bytes | None = None,
        files: Files | None = None,
        options: RequestOptions | None = None,
        stream: Literal[True],
        stream_cls: Any = None,
        **call: Unpack[CallOptions],
    ) -> Stream[T]: ...
    @overload
    def __call__(
        self,
        path: str,
        *,
        cast_to: Any = object,
        body: Any = None,
        content: bytes | None = None,
        files: Files | None = None,
        options: RequestOptions | None = None,
        stream: bool = False,
        stream_cls: Any = None,
        **call: Unpack[CallOptions],
    ) -> Any: ...
    def __call__(self, path: str, **given: Any) -> Any:
        """Asks for a path below base_url.

        cast_to: what the answer is decoded into: a type of ours, a msgspec Struct, dataclass, TypedDict, attrs class or
            pydantic model, `list[...]` of such; `bytes`, `str`; None for nothing; if it is left out, plain data.
        body: what is sent as JSON. content: bytes that are sent as they are. files: by the name of the field, bytes, a
            path, an open file, or (name, file) or (name, file, content type); sent as a form, with `body` as fields.
        options: as in version 3 of the official package: headers, params, timeout, max_retries, extra_json,
            idempotency_key. The names of every other method can be given, too: timeout, max_retries, extra_headers,
            extra_query, extra_body.
        stream: the answer is a stream of chat completions' protocol, with chunks of `cast_to`.

        Raises:
            TypeError, ValueError: what cannot be sent, named; nothing was sent.
            APIResponseError: the answer does not fit `cast_to`, and is in `.body`. APIError: as of every call.
        """
        _hide(given)
        return self._call(path, given)


class AsyncAsk(_Bound):
    """The same of an AsyncTogether."""

    __slots__ = ()

    @overload
    def __call__(
        self,
        path: str,
        *,
        cast_to: type[T],
        body: Any = None,
        content: bytes | None = None,
        files: Files | None = None,
        options: RequestOptions | None = None,
        stream: Literal[False] = False,
        stream_cls: Any = None,
        **call: Unpack[CallOptions],
    ) -> Awaitable[T]: ...
    @overload
    def __call__(
        self,
        path: str,
        *,
        cast_to: type[T],
        body: Any = None,
        content: bytes | None = None,
        files: Files | None = None,
        options: RequestOptions | None = None,
        stream: Literal[True],
        stream_cls: Any = None,
        **call: Unpack[CallOptions],
    ) -> Awaitable[AsyncStream[T]]: ...
    @overload
    def __call__(
        self,
        path: str,
        *,
        cast_to: Any = object,
        body: Any = None,
        content: bytes | None = None,
        files: Files | None = None,
        options: RequestOptions | None = None,
        stream: bool = False,
        stream_cls: Any = None,
        **call: Unpack[CallOptions],
    ) -> Awaitable[Any]: ...
    def __call__(self, path: str, **given: Any) -> Any:
        _hide(given)
        return self._call(path, given)

    __call__.__doc__ = Ask.__call__.__doc__
