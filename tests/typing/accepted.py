"""What type checkers make of calls that are right: one row, one type.

In: clients. Out: nothing. The rule: mypy and pyright read every row, and tests/test_typing.py runs it.
"""

import dataclasses
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Literal, assert_type

import attrs
import msgspec
import pydantic

import togetherpy
from togetherpy import APIResponse, AsyncStream, AsyncTogether, Stream, Timeout, Together
from togetherpy._settings import BaseURL
from togetherpy.batch import MapResult
from togetherpy.resources.chat import Chat
from togetherpy.resources.models import AsyncModels, Models
from togetherpy.types import ChatCompletionChunk, ChatCompletionMessage, ChatCompletionResponse, FinishReason, UsageData
from togetherpy.types.chat_completions import (
    ChatCompletionChoicesChunk,
    ChatCompletionChoicesData,
    FunctionTool,
    MessageParam,
    ResponseFormat,
    ResponseFormatType,
    ToolChoiceEnum,
    Tools,
    UserMessage,
)
from togetherpy.types.common import DeltaContent, LogprobsPart, MessageRole, ObjectType, ToolCalls
from togetherpy.types.models import ModelObject, PricingObject
from togetherpy.types.parsed import ParsedChatCompletion

MODEL = "openai/gpt-oss-20b"
HELLO: list[UserMessage] = [{"role": "user", "content": "Hello"}]


@dataclasses.dataclass
class DataclassMessage:
    role: str
    content: str


@attrs.define
class AttrsMessage:
    role: str
    content: str


class PydanticMessage(pydantic.BaseModel):
    role: str
    content: str


class StructMessage(msgspec.Struct):
    role: str
    content: str


def results(client: Together, flag: bool) -> None:
    create = client.chat.completions.create
    assert_type(create(model=MODEL, messages=HELLO), ChatCompletionResponse)
    assert_type(create(model=MODEL, messages=HELLO).text, str)
    assert_type(create(model=MODEL, messages=HELLO, stream=False), ChatCompletionResponse)
    assert_type(create(model=MODEL, messages=HELLO, stream=None), ChatCompletionResponse)
    with create(model=MODEL, messages=HELLO, stream=True) as stream:
        assert_type(stream, Stream[ChatCompletionChunk])
    either = create(model=MODEL, messages=HELLO, stream=flag)
    assert_type(either, ChatCompletionResponse | Stream[ChatCompletionChunk])
    if isinstance(either, Stream):
        either.close()


class ForeignTimeout:
    """As httpx.Timeout is."""

    connect: float | None = 5.0
    read: float | None = 600.0
    write: float | None = 600.0
    pool: float | None = None


def clients(client: Together) -> None:
    assert_type(client.with_options(timeout=5), Together)
    assert_type(client.with_options(timeout=ForeignTimeout()), Together)
    assert_type(client.with_options(timeout=(5, None)), Together)
    assert_type(client.with_options(timeout=Timeout(connect=1), max_retries=0, default_headers={"X-A": None}), Together)
    assert_type(client.base_url, BaseURL)
    assert_type(client.base_url.port, int | None)
    assert_type(client.api_key, str)
    assert_type(client.copy(api_key=lambda: "k", base_url="http://localhost", default_query={"a": 1}), Together)
    assert_type(client.timeout, Timeout)
    assert_type(client.max_retries, int)
    with Together(api_key="test", base_url=client.base_url, proxy=None, ssl_context=None) as other:
        assert_type(other, Together)
    assert_type(togetherpy.Client(api_key="test"), Together)
    assert_type(togetherpy.__version__, str)


def response(client: Together) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HELLO, logprobs=1, n=2)
    assert_type(answer.id, str | None)
    assert_type(answer.object, ObjectType | None)
    assert_type(answer.created, int | None)
    assert_type(answer.usage, UsageData | None)
    assert_type(answer.choices, list[ChatCompletionChoicesData] | None)
    assert_type(answer.to_dict(), dict[str, Any])
    assert_type(answer.to_json(), str)
    assert_type(answer.model_dump(exclude_none=True), dict[str, Any])
    assert_type(answer.model_dump_json(), str)
    assert_type(answer.model_extra, dict[str, Any])
    for choice in answer.choices or ():
        assert_type(choice.index, int | None)
        assert_type(choice.finish_reason, FinishReason | None)
        assert_type(choice.logprobs, LogprobsPart | None)
        assert_type(choice.message, ChatCompletionMessage | None)
        if choice.message is not None:
            assert_type(choice.message.role, MessageRole | None)
            assert_type(choice.message.content, str | None)
            assert_type(choice.message.tool_calls, list[ToolCalls] | None)
            assert_type(choice.message.reasoning, str | None)


def chunks(client: Together) -> None:
    stream = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    assert_type(stream.response.status_code, int)
    assert_type(stream.response.request_id, str | None)
    assert_type(stream.response.headers["content-type"], str)
    assert_type(stream.response.attempts, int)
    assert_type(next(stream), ChatCompletionChunk)
    remaining = iter(stream)
    assert_type(remaining, Iterator[ChatCompletionChunk])
    for chunk in remaining:
        assert_type(chunk, ChatCompletionChunk)
        assert_type(chunk.choices, list[ChatCompletionChoicesChunk] | None)
        assert_type(chunk.usage, UsageData | None)
        for choice in chunk.choices or ():
            assert_type(choice.delta, DeltaContent | None)
            assert_type(choice.finish_reason, FinishReason | None)
            if choice.delta is not None:
                assert_type(choice.delta.content, str | None)
                assert_type(choice.delta.tool_calls, list[ToolCalls] | None)


def helpers(client: Together) -> None:
    stream = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    for text in stream.text_deltas():
        assert_type(text, str)
    assert_type(stream.current, ChatCompletionResponse | None)
    assert_type(stream.get_final_response(), ChatCompletionResponse)


def messages(client: Together) -> None:
    create = client.chat.completions.create
    create(model=MODEL, messages=[{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hello"}])
    create(model=MODEL, messages=({"role": "user", "content": "Hello"},))
    create(model=MODEL, messages=({"role": "user", "content": word} for word in ("Hello", "there")))
    plain: list[dict[str, str]] = [{"role": "user", "content": "Hello"}]
    create(model=MODEL, messages=plain)
    anything: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
    create(model=MODEL, messages=anything)
    mapping: Mapping[str, object] = {"role": "user", "content": "Hello"}
    create(model=MODEL, messages=[mapping])
    create(model=MODEL, messages=[DataclassMessage("user", "Hello")])
    create(model=MODEL, messages=[AttrsMessage("user", "Hello")])
    create(model=MODEL, messages=[PydanticMessage(role="user", content="Hello")])
    create(model=MODEL, messages=[StructMessage("user", "Hello")])
    create(model=MODEL, messages=[ChatCompletionMessage(role=MessageRole.USER, content="Hello")])
    parts: list[MessageParam] = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
                {"type": "audio_url", "audio_url": {"url": "https://example.com/a.wav"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ],
        }
    ]
    create(model=MODEL, messages=parts)


def conversation(client: Together) -> None:
    said: list[MessageParam] = [{"role": "user", "content": "Hello"}]
    answer = client.chat.completions.create(model=MODEL, messages=said)
    if answer.choices and answer.choices[0].message:
        said.append(answer.choices[0].message)
        call: Literal["function"] = "function"
        said.append(
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": call, "function": {"name": "f", "arguments": "{}"}}],
            }
        )
        said.append({"role": "tool", "tool_call_id": "c1", "content": "42"})
        client.chat.completions.create(model=MODEL, messages=said)


def parameters(client: Together, number: float) -> None:
    create = client.chat.completions.create
    create(model=MODEL, messages=HELLO, stop="END", temperature=0, top_p=number, max_tokens=None, seed=2**64)
    create(model=MODEL, messages=HELLO, stop=("a", "b"), logit_bias={"1": -1}, metadata={"a": "b"})
    create(model=MODEL, messages=HELLO, timeout=ForeignTimeout())
    create(model=MODEL, messages=HELLO, timeout=5, max_retries=0, extra_headers={"X-A": "b", "User-Agent": None})
    create(model=MODEL, messages=HELLO, timeout=Timeout(total=5), extra_query={"a": [1, 2]}, extra_body={"any": [None]})
    create(model=MODEL, messages=HELLO, response_format={"type": "json_object"})
    create(model=MODEL, messages=HELLO, response_format=ResponseFormat(type=ResponseFormatType.JSON_OBJECT))
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    create(model=MODEL, messages=HELLO, tools=[tool], tool_choice="auto", parallel_tool_calls=True)
    create(model=MODEL, messages=HELLO, tools=[Tools(function=FunctionTool(name="f"))], tool_choice=ToolChoiceEnum.NONE)
    create(model=MODEL, messages=HELLO, tools=[tool], tool_choice={"type": "function", "function": {"name": "f"}})
    create(model=MODEL, messages=HELLO, reasoning={"enabled": False}, reasoning_effort="low")


def errors(error: togetherpy.TogetherError) -> None:
    assert_type(error.message, str)
    assert_type(error.request_id, str | None)
    if isinstance(error, togetherpy.APIStatusError):
        assert_type(error.status_code, int)
        assert_type(error.retry_after, float | None)
        assert_type(error.code, str | None)
    if isinstance(error, togetherpy.APIError):
        assert_type(error.partial, ChatCompletionResponse | None)
        assert_type(error.maybe_billed, bool)


def areas(client: Together) -> None:
    models = client.models
    assert_type(models, Models)
    assert_type(models.list(), list[ModelObject])
    assert_type(models.list(dedicated=True, timeout=5, extra_query={"a": 1}), list[ModelObject])
    model = models.retrieve("m", max_retries=0)
    assert_type(model, ModelObject)
    assert_type(model.pricing, PricingObject | None)
    assert_type(models.with_raw_response.list(dedicated=False), APIResponse[list[ModelObject]])
    assert_type(models.with_raw_response.retrieve("m").parse(), ModelObject)
    assert_type(Together.models, type[Models])
    assert_type(Together.chat, type[Chat])


async def asynchronous_areas(client: AsyncTogether, flag: bool) -> None:
    assert_type(client.models, AsyncModels)
    assert_type(await client.models.list(dedicated=flag), list[ModelObject])
    assert_type(await client.models.retrieve(id="m"), ModelObject)
    raw = await client.models.with_raw_response.list()
    assert_type(raw, APIResponse[list[ModelObject]])
    assert_type((await client.models.with_raw_response.retrieve("m")).parse(), ModelObject)


async def asynchronous(client: AsyncTogether, flag: bool) -> None:
    create = client.chat.completions.create
    assert_type(await create(model=MODEL, messages=HELLO), ChatCompletionResponse)
    assert_type(await create(model=MODEL, messages=HELLO, stream=False), ChatCompletionResponse)
    either = await create(model=MODEL, messages=HELLO, stream=flag)
    assert_type(either, ChatCompletionResponse | AsyncStream[ChatCompletionChunk])
    if isinstance(either, AsyncStream):
        await either.aclose()
    async with await create(model=MODEL, messages=HELLO, stream=True) as stream:
        assert_type(stream, AsyncStream[ChatCompletionChunk])
        assert_type(stream.response.request_id, str | None)
        assert_type(await anext(stream), ChatCompletionChunk)
        remaining = aiter(stream)
        assert_type(remaining, AsyncIterator[ChatCompletionChunk])
        async for chunk in remaining:
            assert_type(chunk, ChatCompletionChunk)
    stream = await create(model=MODEL, messages=HELLO, stream=True)
    async for text in stream.text_deltas():
        assert_type(text, str)
    assert_type(stream.current, ChatCompletionResponse | None)
    assert_type(await stream.get_final_response(), ChatCompletionResponse)
    assert_type(client.with_options(max_retries=0), AsyncTogether)
    async with AsyncTogether(api_key="test", base_url=client.base_url) as other:
        assert_type(other, AsyncTogether)
    assert_type(togetherpy.AsyncClient(api_key="test"), AsyncTogether)


def many(client: Together) -> None:
    requests = client.chat.completions.map
    for one in requests(["a", HELLO, {"messages": HELLO}], model=MODEL, concurrency=2, ordered=True, temperature=0):
        assert_type(one, MapResult[ChatCompletionResponse])
        assert_type(one.response, ChatCompletionResponse | None)
        assert_type(one.error, Exception | None)
        assert_type((one.index, one.attempts, one.seconds), tuple[int, int, float])
    for parsed in requests(["a"], model=MODEL, response_format=StructMessage, reask=1):
        assert_type(parsed, MapResult[ParsedChatCompletion[StructMessage]])
    for raw in requests(["a"], model=MODEL, response_type=bytes):
        assert_type(raw.response, bytes | None)


async def many_async(client: AsyncTogether, flag: bool) -> None:
    async for one in client.chat.completions.map(["a", HELLO], model=MODEL, ordered=flag):
        assert_type(one, MapResult[ChatCompletionResponse])
