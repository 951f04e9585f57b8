"""What type checkers make of raw responses, own response types and hooks: one row, one type.

In: clients. Out: nothing. The rule: mypy and pyright read every row, and tests/test_typing.py runs it.
"""

import dataclasses
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, TypedDict, assert_type

import attrs
import msgspec

import togetherpy
from togetherpy import (
    APIResponse,
    APIStreamResponse,
    AsyncStream,
    AsyncTogether,
    Hooks,
    RateLimit,
    RateLimits,
    ResponseInfo,
    Stream,
    Together,
    accumulate,
)
from togetherpy.hooks import RequestEvent, ResponseEvent, StreamEndEvent
from togetherpy.types import ChatCompletionChunk, ChatCompletionResponse, UsageData
from togetherpy.types.chat_completions import UserMessage

MODEL = "openai/gpt-oss-20b"
HELLO: list[UserMessage] = [{"role": "user", "content": "Hello"}]


class StructId(msgspec.Struct):
    id: str


@dataclasses.dataclass
class DataclassId:
    id: str


@attrs.define
class AttrsId:
    id: str


class TypedDictId(TypedDict):
    id: str


class Printing(Hooks):
    def on_request(self, event: RequestEvent) -> None:
        assert_type(event.settings, Mapping[str, int | float])
        assert_type(event.model, str | None)
        assert_type(event.elapsed, float)

    def on_response(self, event: ResponseEvent) -> None:
        assert_type(event.usage, UsageData | None)
        assert_type(event.finish_reasons, tuple[str, ...])

    def on_stream_end(self, event: StreamEndEvent) -> None:
        assert_type(event.complete, bool)
        assert_type(event.error, BaseException | None)


def own_types(client: Together, flag: bool) -> None:
    create = client.chat.completions.create
    assert_type(create(model=MODEL, messages=HELLO, response_type=StructId), StructId)
    assert_type(create(model=MODEL, messages=HELLO, response_type=DataclassId), DataclassId)
    assert_type(create(model=MODEL, messages=HELLO, response_type=AttrsId), AttrsId)
    assert_type(create(model=MODEL, messages=HELLO, response_type=TypedDictId), TypedDictId)
    assert_type(create(model=MODEL, messages=HELLO, response_type=dict), dict[str, Any])
    assert_type(create(model=MODEL, messages=HELLO, response_type=bytes), bytes)
    assert_type(create(model=MODEL, messages=HELLO, response_type=None), ChatCompletionResponse)
    assert_type(create(model=MODEL, messages=HELLO, response_type=StructId, stream=False), StructId)
    either = create(model=MODEL, messages=HELLO, response_type=StructId, stream=flag)
    assert_type(either, StructId | Stream[StructId])
    if isinstance(either, Stream):
        either.close()


def own_types_streamed(client: Together) -> None:
    create = client.chat.completions.create
    with create(model=MODEL, messages=HELLO, response_type=StructId, stream=True) as structs:
        assert_type(structs, Stream[StructId])
        assert_type(iter(structs), Iterator[StructId])
    with create(model=MODEL, messages=HELLO, response_type=DataclassId, stream=True) as objects:
        assert_type(next(objects), DataclassId)
    with create(model=MODEL, messages=HELLO, response_type=TypedDictId, stream=True) as typed:
        assert_type(next(typed), TypedDictId)
    with create(model=MODEL, messages=HELLO, response_type=dict, stream=True) as dicts:
        assert_type(dicts, Stream[dict[str, Any]])
    with create(model=MODEL, messages=HELLO, response_type=bytes, stream=True) as events:
        assert_type(events, Stream[bytes])


def raw(client: Together, flag: bool) -> None:
    create = client.chat.completions.with_raw_response.create
    answer = create(model=MODEL, messages=HELLO)
    assert_type(answer, APIResponse[ChatCompletionResponse])
    assert_type(answer.parse(), ChatCompletionResponse)
    assert_type(answer.status_code, int)
    assert_type(answer.headers, Mapping[str, str])
    assert_type(answer.request_id, str | None)
    assert_type(answer.content, bytes)
    assert_type(answer.json(), Any)
    assert_type(answer.attempts, int)
    assert_type(answer.elapsed, float)
    assert_type(answer.rate_limit, RateLimits)
    assert_type(answer.rate_limit.tokens, RateLimit)
    assert_type(answer.rate_limit.requests.reset, float | None)
    assert_type(create(model=MODEL, messages=HELLO, response_type=StructId), APIResponse[StructId])
    assert_type(create(model=MODEL, messages=HELLO, response_type=dict), APIResponse[dict[str, Any]])
    assert_type(create(model=MODEL, messages=HELLO, response_type=bytes), APIResponse[bytes])
    either = create(model=MODEL, messages=HELLO, stream=flag)
    assert_type(either, APIResponse[ChatCompletionResponse] | APIStreamResponse[Stream[ChatCompletionChunk]])
    if isinstance(either, APIStreamResponse):
        either.parse().close()


def raw_streamed(client: Together) -> None:
    create = client.chat.completions.with_raw_response.create
    opened = create(model=MODEL, messages=HELLO, stream=True)
    assert_type(opened, APIStreamResponse[Stream[ChatCompletionChunk]])
    with opened.parse() as stream:
        assert_type(stream.response, ResponseInfo)
        assert_type(stream.response.rate_limit.requests.remaining, float | None)
    structs = create(model=MODEL, messages=HELLO, stream=True, response_type=StructId)
    assert_type(structs, APIStreamResponse[Stream[StructId]])
    structs.parse().close()
    dicts = create(model=MODEL, messages=HELLO, stream=True, response_type=dict)
    assert_type(dicts, APIStreamResponse[Stream[dict[str, Any]]])
    dicts.parse().close()


def hooks(client: Together) -> None:
    assert_type(client.with_options(hooks=Printing()), Together)
    assert_type(client.with_options(hooks=[Printing(), Hooks()]), Together)
    assert_type(togetherpy.hooks.Hooks(), Hooks)
    with Together(api_key="test", base_url=client.base_url, hooks=Printing()) as other:
        other.chat.completions.create(model=MODEL, messages=HELLO)


def errors(error: togetherpy.APIError) -> None:
    assert_type(error.elapsed, float)
    if error.response is not None:
        assert_type(error.response.status_code, int)
        assert_type(error.response.content, bytes)
        assert_type(error.response.rate_limit, RateLimits)


def chunks() -> None:
    assert_type(accumulate([ChatCompletionChunk(), {"choices": []}, b"{}", "{}"]), ChatCompletionResponse)


async def asynchronous(client: AsyncTogether, flag: bool) -> None:
    create = client.chat.completions.create
    assert_type(await create(model=MODEL, messages=HELLO, response_type=StructId), StructId)
    assert_type(await create(model=MODEL, messages=HELLO, response_type=TypedDictId), TypedDictId)
    assert_type(await create(model=MODEL, messages=HELLO, response_type=dict), dict[str, Any])
    assert_type(await create(model=MODEL, messages=HELLO, response_type=bytes), bytes)
    async with await create(model=MODEL, messages=HELLO, response_type=StructId, stream=True) as structs:
        assert_type(structs, AsyncStream[StructId])
        assert_type(aiter(structs), AsyncIterator[StructId])
    async with await create(model=MODEL, messages=HELLO, response_type=dict, stream=True) as dicts:
        assert_type(dicts, AsyncStream[dict[str, Any]])
    either = await create(model=MODEL, messages=HELLO, response_type=StructId, stream=flag)
    assert_type(either, StructId | AsyncStream[StructId])
    if isinstance(either, AsyncStream):
        await either.close()


async def asynchronous_raw(client: AsyncTogether, flag: bool) -> None:
    create = client.chat.completions.with_raw_response.create
    answer = await create(model=MODEL, messages=HELLO)
    assert_type(answer, APIResponse[ChatCompletionResponse])
    assert_type(await create(model=MODEL, messages=HELLO, response_type=dict), APIResponse[dict[str, Any]])
    assert_type(await create(model=MODEL, messages=HELLO, response_type=StructId), APIResponse[StructId])
    opened = await create(model=MODEL, messages=HELLO, stream=True)
    assert_type(opened, APIStreamResponse[AsyncStream[ChatCompletionChunk]])
    async with opened.parse() as stream:
        assert_type(stream.response.rate_limit, RateLimits)
    own = await create(model=MODEL, messages=HELLO, stream=True, response_type=bytes)
    assert_type(own, APIStreamResponse[AsyncStream[bytes]])
    await own.parse().close()
    either = await create(model=MODEL, messages=HELLO, stream=flag)
    assert_type(either, APIResponse[ChatCompletionResponse] | APIStreamResponse[AsyncStream[ChatCompletionChunk]])
    if isinstance(either, APIStreamResponse):
        await either.parse().close()
    async with AsyncTogether(api_key="test", base_url=client.base_url, hooks=[Printing()]) as other:
        await other.chat.completions.create(model=MODEL, messages=HELLO)
