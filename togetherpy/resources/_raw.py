"""`client.chat.completions.with_raw_response`: the same call, its answer with all that came with it.

In: what `create` takes. Out: an APIResponse, whose `parse()` gives what `create` returns.
The rule: loaded with its first use; what is sent, repeated and raised is `create`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from togetherpy.resources._signature import takes
from togetherpy.resources.chat import endpoint_for, prepare
from togetherpy.types._response import APIResponse, APIStreamResponse
from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionResponse

if TYPE_CHECKING:
    from togetherpy._chat.stream import AsyncStream, Stream
    from togetherpy.resources.chat import Caller
    from togetherpy.types.chat_params import ChatCompletionParams

T = TypeVar("T")


class RawCompletions:
    """`client.chat.completions.with_raw_response`"""

    __slots__ = ("_client",)

    def __init__(self, client: Caller) -> None:
        self._client = client

    @overload
    def create(
        self,
        *,
        stream: Literal[False] | None = None,
        response_type: None = None,
        **params: Unpack[ChatCompletionParams],
    ) -> APIResponse[ChatCompletionResponse]: ...
    @overload
    def create(
        self, *, stream: Literal[True], response_type: None = None, **params: Unpack[ChatCompletionParams]
    ) -> APIStreamResponse[Stream[ChatCompletionChunk]]: ...
    @overload
    def create(
        self, *, stream: bool | None, response_type: None = None, **params: Unpack[ChatCompletionParams]
    ) -> APIResponse[ChatCompletionResponse] | APIStreamResponse[Stream[ChatCompletionChunk]]: ...
    @overload
    def create(
        self,
        *,
        stream: Literal[False] | None = None,
        response_type: type[dict[str, Any]],
        **params: Unpack[ChatCompletionParams],
    ) -> APIResponse[dict[str, Any]]: ...
    @overload
    def create(
        self, *, stream: Literal[True], response_type: type[dict[str, Any]], **params: Unpack[ChatCompletionParams]
    ) -> APIStreamResponse[Stream[dict[str, Any]]]: ...
    @overload
    def create(
        self, *, stream: Literal[False] | None = None, response_type: type[T], **params: Unpack[ChatCompletionParams]
    ) -> APIResponse[T]: ...
    @overload
    def create(
        self, *, stream: Literal[True], response_type: type[T], **params: Unpack[ChatCompletionParams]
    ) -> APIStreamResponse[Stream[T]]: ...
    @overload
    def create(
        self, *, stream: bool | None, response_type: type[T], **params: Unpack[ChatCompletionParams]
    ) -> APIResponse[T] | APIStreamResponse[Stream[T]]: ...
    @takes("ChatCompletionParams")
    def create(self, *, stream: bool | None = None, response_type: Any = None, **params: Any) -> Any:
        """Calls `create` and returns its answer with status, headers, request id, attempts, rate limits and body.

        Returns an APIResponse, whose `parse()` gives what `create` returns; with `stream=True` an APIStreamResponse,
        which has no body and whose `parse()` gives the Stream, unread. Arguments and exceptions are those of `create`;
        an exception has the same facts in `.response`.
        """
        endpoint, body = endpoint_for(response_type, stream), prepare(params, stream)
        return self._client._call(  # pyright: ignore[reportPrivateUsage]
            endpoint, body, stream=bool(stream), choices=body.get("n") or 1, raw=True
        )


class AsyncRawCompletions:
    """`client.chat.completions.with_raw_response` of an AsyncTogether"""

    __slots__ = ("_client",)

    def __init__(self, client: Caller) -> None:
        self._client = client

    @overload
    async def create(
        self,
        *,
        stream: Literal[False] | None = None,
        response_type: None = None,
        **params: Unpack[ChatCompletionParams],
    ) -> APIResponse[ChatCompletionResponse]: ...
    @overload
    async def create(
        self, *, stream: Literal[True], response_type: None = None, **params: Unpack[ChatCompletionParams]
    ) -> APIStreamResponse[AsyncStream[ChatCompletionChunk]]: ...
    @overload
    async def create(
        self, *, stream: bool | None, response_type: None = None, **params: Unpack[ChatCompletionParams]
    ) -> APIResponse[ChatCompletionResponse] | APIStreamResponse[AsyncStream[ChatCompletionChunk]]: ...
    @overload
    async def create(
        self,
        *,
        stream: Literal[False] | None = None,
        response_type: type[dict[str, Any]],
        **params: Unpack[ChatCompletionParams],
    ) -> APIResponse[dict[str, Any]]: ...
    @overload
    async def create(
        self, *, stream: Literal[True], response_type: type[dict[str, Any]], **params: Unpack[ChatCompletionParams]
    ) -> APIStreamResponse[AsyncStream[dict[str, Any]]]: ...
    @overload
    async def create(
        self, *, stream: Literal[False] | None = None, response_type: type[T], **params: Unpack[ChatCompletionParams]
    ) -> APIResponse[T]: ...
    @overload
    async def create(
        self, *, stream: Literal[True], response_type: type[T], **params: Unpack[ChatCompletionParams]
    ) -> APIStreamResponse[AsyncStream[T]]: ...
    @overload
    async def create(
        self, *, stream: bool | None, response_type: type[T], **params: Unpack[ChatCompletionParams]
    ) -> APIResponse[T] | APIStreamResponse[AsyncStream[T]]: ...
    @takes("ChatCompletionParams")
    async def create(self, *, stream: bool | None = None, response_type: Any = None, **params: Any) -> Any:
        """Calls `create` and returns its answer with status, headers, request id, attempts, rate limits and body.

        Returns an APIResponse, whose `parse()` gives what `create` returns; with `stream=True` an APIStreamResponse,
        which has no body and whose `parse()` gives the AsyncStream, unread. `parse()` is not awaited. Arguments and
        exceptions are those of `create`; an exception has the same facts in `.response`.
        """
        endpoint, body = endpoint_for(response_type, stream), prepare(params, stream)
        return await self._client._call(  # pyright: ignore[reportPrivateUsage]
            endpoint, body, stream=bool(stream), choices=body.get("n") or 1, raw=True
        )
