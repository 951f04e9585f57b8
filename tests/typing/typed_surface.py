"""What type checkers make of structured output and tools: one row, one type.

In: clients. Out: nothing. The rule: mypy and pyright read every row, and tests/test_typing.py runs it.
"""

import dataclasses
from typing import Any, Literal, TypedDict, assert_type

import attrs
import msgspec
import pydantic

import togetherpy
from togetherpy import AsyncParsedStream, AsyncTogether, ParsedStream, Together, tool
from togetherpy.tools import Tool, ToolResult, ToolRun, ToolStep
from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionResponse, MessageParam, UserMessage
from togetherpy.types.common import FinishReason, ToolCalls, UsageData
from togetherpy.types.parsed import ParsedChatCompletion, ParsedChoice, ParsedMessage

MODEL = "openai/gpt-oss-20b"
HELLO: list[UserMessage] = [{"role": "user", "content": "Hello"}]


class StructLake(msgspec.Struct):
    name: str


@dataclasses.dataclass
class DataclassLake:
    name: str


@attrs.define
class AttrsLake:
    name: str


class TypedDictLake(TypedDict):
    name: str


class PydanticLake(pydantic.BaseModel):
    name: str


def weather(city: str, unit: Literal["c", "f"] = "c") -> str:
    """The weather in a city."""
    return f"warm in {city} ({unit})"


@tool
def population(city: str) -> int:
    """The number of people in a city."""
    return len(city)


@tool(name="height", description="Metres above the sea.")
async def height_of(city: str) -> float:
    return float(len(city))


def parsed(client: Together) -> None:
    parse = client.chat.completions.parse
    answer = parse(model=MODEL, messages=HELLO, response_format=StructLake)
    assert_type(answer, ParsedChatCompletion[StructLake])
    assert_type(answer.choices, list[ParsedChoice[StructLake]])
    assert_type(answer.parsed, StructLake)
    assert_type(answer.text, str)
    assert_type(answer.choices[0].message, ParsedMessage[StructLake])
    assert_type(answer.choices[0].message.parsed, StructLake | None)
    assert_type(answer.choices[0].message.content, str | None)
    assert_type(answer.choices[0].finish_reason, FinishReason | None)
    assert_type(answer.usage, UsageData | None)
    whole: ChatCompletionResponse = answer
    assert_type(whole.to_dict(), dict[str, Any])
    client.chat.completions.create(model=MODEL, messages=[*HELLO, answer.choices[0].message, *HELLO])


def parsed_types(client: Together) -> None:
    parse = client.chat.completions.parse
    dataclass = parse(model=MODEL, messages=HELLO, response_format=DataclassLake, stream=False, n=2)
    assert_type(dataclass.choices[0].message.parsed, DataclassLake | None)
    attrs_class = parse(model=MODEL, messages=HELLO, response_format=AttrsLake, stream=None)
    assert_type(attrs_class.choices[0].message.parsed, AttrsLake | None)
    typed_dict = parse(model=MODEL, messages=HELLO, response_format=TypedDictLake, temperature=0.5)
    assert_type(typed_dict.choices[0].message.parsed, TypedDictLake | None)
    model = parse(model=MODEL, messages=HELLO, response_format=PydanticLake, extra_body={"a": 1})
    assert_type(model.choices[0].message.parsed, PydanticLake | None)
    mapping = parse(model=MODEL, messages=HELLO, response_format=dict[str, int])
    assert_type(mapping.choices[0].message.parsed, dict[str, int] | None)


def parsed_streams(client: Together, flag: bool) -> None:
    parse = client.chat.completions.parse
    with parse(model=MODEL, messages=HELLO, response_format=StructLake, stream=True) as stream:
        assert_type(stream, ParsedStream[StructLake])
        for chunk in stream:
            assert_type(chunk, ChatCompletionChunk)
        assert_type(stream.current, ChatCompletionResponse | None)
        assert_type(stream.get_final_response(), ParsedChatCompletion[StructLake])
        assert_type(stream.get_final_response().choices[0].message.parsed, StructLake | None)
        assert_type(stream.get_final_response().parsed, StructLake)
    either = parse(model=MODEL, messages=HELLO, response_format=StructLake, stream=flag)
    assert_type(either, ParsedChatCompletion[StructLake] | ParsedStream[StructLake])
    if isinstance(either, ParsedStream):
        either.close()


def tools(client: Together) -> None:
    named: Tool[[str], int] = population
    assert_type(named("Goma"), int)
    assert_type(population(city="Goma"), int)
    assert_type(population.parameters, dict[str, Any])
    create, parse = client.chat.completions.create, client.chat.completions.parse
    plain = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    answer = create(model=MODEL, messages=HELLO, tools=[weather, population, plain], tool_choice="required")
    if answer.choices and answer.choices[0].message and answer.choices[0].message.tool_calls:
        call = answer.choices[0].message.tool_calls[0]
        assert_type(call, ToolCalls)
        assert_type(call.parse(dict[str, str]), dict[str, str])
    parse(model=MODEL, messages=HELLO, tools=[weather], tool_choice="none", response_format=StructLake)


def tool_call_parse(call: ToolCalls) -> None:
    assert_type(call.parse(StructLake), StructLake)
    assert_type(call.parse(DataclassLake), DataclassLake)
    assert_type(call.parse(AttrsLake), AttrsLake)
    assert_type(call.parse(TypedDictLake), TypedDictLake)
    assert_type(call.parse(PydanticLake), PydanticLake)


def runs(client: Together) -> None:
    run_tools = client.chat.completions.run_tools
    run = run_tools(model=MODEL, messages=HELLO, tools=[weather, population, height_of], max_turns=3, raise_errors=True)
    assert_type(run, ToolRun)
    assert_type(run.content, str | None)
    assert_type(run.text, str)
    assert_type(run.response, ChatCompletionResponse)
    assert_type(run.messages, list[MessageParam])
    assert_type(run.steps, list[ToolStep])
    assert_type(run.steps[0].results, list[ToolResult])
    assert_type(run.steps[0].results[0].error, Exception | None)
    steps: list[ToolStep] = []
    run_tools(model=MODEL, messages=run.messages, tools=[weather], on_step=steps.append, tool_choice="auto")


def failures(client: Together) -> None:
    try:
        client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=StructLake, max_tokens=1)
    except togetherpy.ParseError as error:
        assert_type(error.completion, ChatCompletionResponse | None)
        assert_type(error.text, str)
        assert_type(error.path, str)
    try:
        client.chat.completions.run_tools(model=MODEL, messages=HELLO, tools=[weather], max_turns=1)
    except togetherpy.MaxTurnsError as error:
        client.chat.completions.run_tools(model=MODEL, messages=error.messages, tools=[weather])


async def asynchronous(client: AsyncTogether, flag: bool) -> None:
    assert_type(await height_of("Goma"), float)
    parse = client.chat.completions.parse
    answer = await parse(model=MODEL, messages=HELLO, response_format=StructLake)
    assert_type(answer, ParsedChatCompletion[StructLake])
    assert_type(answer.choices[0].message.parsed, StructLake | None)
    model = await parse(model=MODEL, messages=HELLO, response_format=PydanticLake, stream=False)
    assert_type(model.choices[0].message.parsed, PydanticLake | None)
    async with await parse(model=MODEL, messages=HELLO, response_format=StructLake, stream=True) as stream:
        assert_type(stream, AsyncParsedStream[StructLake])
        async for chunk in stream:
            assert_type(chunk, ChatCompletionChunk)
        assert_type(await stream.get_final_response(), ParsedChatCompletion[StructLake])
    either = await parse(model=MODEL, messages=HELLO, response_format=StructLake, stream=flag)
    assert_type(either, ParsedChatCompletion[StructLake] | AsyncParsedStream[StructLake])
    if isinstance(either, AsyncParsedStream):
        await either.aclose()
    run = await client.chat.completions.run_tools(model=MODEL, messages=HELLO, tools=[weather, height_of])
    assert_type(run, ToolRun)

    async def look(step: ToolStep) -> None:
        assert_type(step.response, ChatCompletionResponse)

    await client.chat.completions.run_tools(model=MODEL, messages=HELLO, tools=[weather], on_step=look)
