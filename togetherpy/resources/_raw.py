"""`client.chat.completions.with_raw_response`, for type checkers: overloads have no generic raw form.

In: what `create` and `parse` take. Out: an APIResponse, or of a stream an APIStreamResponse.
The rule: declarations only; what runs are the methods of `chat` themselves (`_base.RawForm`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, Unpack, overload

from togetherpy.types._response import APIResponse, APIStreamResponse
from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionResponse

if TYPE_CHECKING:
    from togetherpy._chat.parsed_stream import AsyncParsedStream, ParsedStream
    from togetherpy._chat.stream import AsyncStream, Stream
    from togetherpy.types.chat_params import ChatCompletionParams, ParseParams
    from togetherpy.types.parsed import ParsedChatCompletion

T = TypeVar("T")


class RawCompletions(Protocol):
    """`client.chat.completions.with_raw_response`"""

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

    @overload
    def parse(
        self, *, response_format: type[T], stream: Literal[False] | None = None, **params: Unpack[ParseParams]
    ) -> APIResponse[ParsedChatCompletion[T]]: ...
    @overload
    def parse(
        self, *, response_format: type[T], stream: Literal[True], **params: Unpack[ParseParams]
    ) -> APIStreamResponse[ParsedStream[T]]: ...
    @overload
    def parse(
        self, *, response_format: type[T], stream: bool | None, **params: Unpack[ParseParams]
    ) -> APIResponse[ParsedChatCompletion[T]] | APIStreamResponse[ParsedStream[T]]: ...


class AsyncRawCompletions(Protocol):
    """`client.chat.completions.with_raw_response` of an AsyncTogether"""

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

    @overload
    async def parse(
        self, *, response_format: type[T], stream: Literal[False] | None = None, **params: Unpack[ParseParams]
    ) -> APIResponse[ParsedChatCompletion[T]]: ...
    @overload
    async def parse(
        self, *, response_format: type[T], stream: Literal[True], **params: Unpack[ParseParams]
    ) -> APIStreamResponse[AsyncParsedStream[T]]: ...
    @overload
    async def parse(
        self, *, response_format: type[T], stream: bool | None, **params: Unpack[ParseParams]
    ) -> APIResponse[ParsedChatCompletion[T]] | APIStreamResponse[AsyncParsedStream[T]]: ...
