"""pydantic's dataclasses and its Field, in structured output and in tools: they validate, and the model is told."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import msgspec
import pydantic
import pytest
from pydantic import Field
from support.processes import PYTHON, run
from support.typed import StructLake, call, calls, fails, final, says
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

from togetherpy import ParseError, tool
from togetherpy._typed.schema import json_schema, strict_schema
from togetherpy.testing import LocalServer
from togetherpy.types.common import FunctionCall, ToolCalls

Maker = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pydantic.dataclasses.dataclass
class Lake:
    """A body of water."""

    name: str = Field(description="what it is called", min_length=2)
    depth: Annotated[float, Field(ge=0, le=1700)] = 0.0


@pydantic.dataclasses.dataclass
class Country:
    lakes: list[Lake]
    code: str = Field(default="TZ", pattern="^[A-Z]{2}$")


@dataclasses.dataclass
class PlainCountry:
    lakes: list[Lake]
    code: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "TZ"


class CountryDict(TypedDict):
    lakes: list[Lake]
    code: Annotated[str, Field(pattern="^[A-Z]{2}$")]


# Structured output


def test_the_schema_has_descriptions_and_limits() -> None:
    schema = strict_schema(Lake)
    assert schema["description"] == "A body of water."
    assert schema["properties"]["name"]["description"] == "what it is called"
    assert schema["properties"]["name"]["minLength"] == 2
    assert (schema["properties"]["depth"]["minimum"], schema["properties"]["depth"]["maximum"]) == (0, 1700)
    assert schema["required"] == ["name", "depth"]
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("kind", [Country, PlainCountry, CountryDict])
def test_the_schema_of_what_they_are_in(kind: Any) -> None:
    schema = strict_schema(kind)
    assert schema["properties"]["lakes"]["items"] == {"$ref": "#/$defs/Lake"}
    assert schema["$defs"]["Lake"]["properties"]["name"]["minLength"] == 2
    assert schema["properties"]["code"]["pattern"] == "^[A-Z]{2}$"
    assert schema["required"] == ["lakes", "code"]


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_becomes_one(client: Maker, server: LocalServer, stream: bool) -> None:
    caller = client(server)
    answer = call(caller, "parse", response_format=Country, stream=stream)
    made = (final(caller, answer) if stream else answer).choices[0].message.parsed
    assert type(made) is Country
    assert all(type(lake) is Lake and len(lake.name) >= 2 for lake in made.lakes)


@pytest.mark.parametrize("kind", [Country, PlainCountry, CountryDict])
@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"lakes": [{"name": "Kivu", "depth": -1}], "code": "RW"}', "$.lakes[0].depth"),
        ('{"lakes": [{"name": "K"}], "code": "RW"}', "$.lakes[0].name"),
        ('{"lakes": [{}], "code": "RW"}', "$.lakes[0].name"),
        ('{"lakes": [], "code": "rw"}', "$.code"),
    ],
)
def test_an_answer_that_does_not_fit(client: Maker, server: LocalServer, kind: Any, text: str, path: str) -> None:
    server.reply(body=says(text))
    error = fails(ParseError, client(server), "parse", response_format=kind)
    assert error.path == path
    assert error.text == text
    assert error.completion.choices[0].message.content == text


def test_what_a_call_s_arguments_become() -> None:
    made = ToolCalls(function=FunctionCall(name="f", arguments='{"name": "Kivu", "depth": "475"}')).parse(Lake)
    assert made == Lake(name="Kivu", depth=475.0)
    with pytest.raises(ParseError, match="at least 2 characters"):
        ToolCalls(function=FunctionCall(name="f", arguments='{"name": "K"}')).parse(Lake)


# Tools


@tool
def dive(
    lake: Lake,
    depth: Annotated[int, Field(ge=1, le=40, description="in metres")],
    lakes: list[Lake] | None = None,
    note: Annotated[str, Field(max_length=3)] = "-",
) -> str:
    """Dives.

    lake: where
    depth: is said by the annotation
    note: for the log
    """
    return f"{lake!r} {depth} {lakes!r} {note}"


def test_what_the_model_is_told_of_parameters() -> None:
    told = dive.parameters["properties"]
    assert told["depth"] == {"type": "integer", "minimum": 1, "maximum": 40, "description": "in metres"}
    assert told["note"] == {"type": "string", "maxLength": 3, "description": "for the log", "default": "-"}
    assert told["lake"]["properties"]["name"]["description"] == "what it is called"
    assert told["lake"]["description"] == "where"
    assert {"type": "null"} in told["lakes"]["anyOf"]
    assert dive.parameters["required"] == ["lake", "depth"]


def test_arguments_of_tools_are_validated(client: Maker, server: LocalServer) -> None:
    kivu = {"name": "Kivu", "depth": 475}
    server.reply(
        body=calls(
            ("dive", {"lake": kivu, "depth": 3, "lakes": [kivu]}),
            ("dive", {"lake": kivu, "depth": 0}),
            ("dive", {"lake": {"name": "K"}, "depth": 3}),
            ("dive", {"lake": kivu, "depth": 3, "note": "long"}),
            ("dive", {"lake": kivu, "depth": 3, "lakes": [{"name": "K"}]}),
        )
    )
    server.reply(body=says("Done."))
    run = call(client(server), "run_tools", tools=[dive])
    right, *wrong = run.steps[0].results
    assert right.content == f"{Lake('Kivu', 475.0)!r} 3 {[Lake('Kivu', 475.0)]!r} -"
    assert [result.error.path for result in wrong] == ["$.depth", "$.lake.name", "$.note", "$.lakes[0].name"]
    assert all(type(result.error) is ParseError for result in wrong)
    assert "Input should be greater than or equal to 1, at $.depth" in wrong[0].content


def test_a_description_alone_leaves_the_type_to_msgspec() -> None:
    def count(lakes: Annotated[dict[str, int], Field(description="by name")]) -> int:
        return len(lakes)

    assert tool(count).parameters["properties"]["lakes"]["description"] == "by name"


# What cannot be


class Holder(msgspec.Struct):
    lake: Lake


def test_one_inside_of_a_struct_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Holder.lake is a pydantic dataclass inside .* make Lake a pydantic model"):
        strict_schema(Holder)
    with pytest.raises(TypeError, match=r"Holder.lake is a pydantic dataclass"):
        json_schema(Holder, strict=False)


def test_a_struct_inside_of_one_is_refused() -> None:
    def visit(lakes: Annotated[list[StructLake], Field(min_length=1)]) -> None: ...

    with pytest.raises(TypeError, match=r"pydantic cannot make .*StructLake"):
        tool(visit)


# -OO


def test_without_docstrings_a_tool_says_what_it_needs() -> None:
    code = """
from togetherpy import Together, tool

def dive(depth: int) -> str:
    'Dives.'

try:
    client = Together(api_key="k", base_url="http://127.0.0.1:9", max_retries=0)
    client.chat.completions.run_tools(model="m", messages=[], tools=[dive])
except Exception as error:
    print(error)
print(tool(description="Dives.")(dive).description)
"""
    done = run(*PYTHON, "-OO", "-c", code)
    assert (done.returncode, done.stderr) == (0, "")
    said, described = done.stdout.splitlines()
    assert "-OO has taken the docstring of dive" in said
    assert "tool(description=...)" in said
    assert described == "Dives."
    done = run(*PYTHON, "-O", "-c", code)
    assert "docstring" not in done.stdout
