"""Typed functions as tools: what the model is told, and what its arguments become."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import msgspec
import pydantic
import pytest
from support.typed import (
    Climate,
    DataclassLake,
    PydanticLake,
    StructLake,
    call,
    fails,
    lake_json,
    loaded_after,
    reading,
)

import togetherpy
from togetherpy import ParseError, tool
from togetherpy._typed.docstrings import read_docstring
from togetherpy.testing import LocalServer
from togetherpy.tools import Tool, as_tool
from togetherpy.types.common import FunctionCall, ToolCalls

Maker = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


def weather(
    city: str,
    /,
    days: int = 1,
    *,
    unit: Literal["c", "f"] = "c",
    climate: Climate | None = None,
    lake: StructLake | None = None,
) -> str:
    """The weather in a city.

    It is a forecast: nobody knows.

    Args:
        city: name of the city,
            without the country
        days (int): how many

    Returns:
        climate: not a parameter here.
    """
    return f"{city} {days} {unit} {climate} {lake.name if lake else None}"


async def wait_for(seconds: Annotated[float, "how long"]) -> float:
    """Waits."""
    return seconds


def call_of(**arguments: Any) -> ToolCalls:
    return ToolCalls(id="c", function=FunctionCall(name="f", arguments=msgspec.json.encode(arguments).decode()))


def run(function: Callable[..., Any], **arguments: Any) -> Any:
    args, kwargs = as_tool(function).decode(call_of(**arguments))
    return function(*args, **kwargs)


# What the model is told


def test_the_schema_is_made_from_signature_and_docstring() -> None:
    function = as_tool(weather).definition["function"]
    assert function["name"] == "weather"
    assert function["description"] == "The weather in a city.\n\nIt is a forecast: nobody knows."
    parameters = function["parameters"]
    properties = parameters["properties"]
    assert list(properties) == ["city", "days", "unit", "climate", "lake"]
    assert parameters["required"] == ["city"]
    assert parameters["additionalProperties"] is False
    assert properties["city"] == {"type": "string", "description": "name of the city, without the country"}
    assert properties["days"] == {"type": "integer", "description": "how many", "default": 1}
    assert properties["unit"] == {"type": "string", "enum": ["c", "f"], "default": "c"}
    assert "description" not in properties["climate"]
    assert {"type": "null"} in properties["lake"]["anyOf"]
    assert as_tool(weather).definition["type"] == "function"


def test_without_a_docstring() -> None:
    def f() -> None: ...

    assert as_tool(f).definition == {
        "type": "function",
        "function": {
            "name": "f",
            "parameters": {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
        },
    }


def test_a_description_in_the_annotation_wins() -> None:
    def f(a: Annotated[int, "of the annotation"], b: Annotated[int, msgspec.Meta(description="of the Meta")]) -> None:
        """a: of the docstring
        b: of the docstring"""

    properties = as_tool(f).parameters["properties"]
    assert (properties["a"]["description"], properties["b"]["description"]) == ("of the annotation", "of the Meta")


@dataclasses.dataclass
class Odd:
    x: int = 1


def test_a_default_that_json_cannot_show_is_a_default_nevertheless() -> None:
    thing = object()

    def f(a: str = thing, b: Odd = Odd(2), c: Climate = Climate.DRY) -> Any:  # type: ignore[assignment]  # noqa: B008
        return a, b, c

    made = as_tool(f)
    assert made.parameters["required"] == []
    assert "default" not in made.parameters["properties"]["a"]
    assert run(f) == (thing, Odd(2), Climate.DRY)


def test_another_name_and_description() -> None:
    @tool(name="forecast", description="Of the weather.")
    def weather_in(city: str) -> str:
        """Not this."""
        return city

    assert weather_in.definition["function"]["name"] == "forecast"
    assert weather_in.definition["function"]["description"] == "Of the weather."
    assert weather_in("Kampala") == "Kampala"


def test_the_decorated_function_is_still_the_function() -> None:
    @tool
    def double(x: int) -> int:
        """Twice x."""
        return 2 * x

    assert double(4) == 8
    assert (double.__name__, double.__doc__, repr(double)) == ("double", "Twice x.", "<Tool double>")
    assert list(inspect.signature(double).parameters) == ["x"]
    assert isinstance(double, Tool)
    assert as_tool(double) is double


STYLES = {
    "google": "Does.\n\nArgs:\n    a: the a\n        and more\n    b (str, optional): the b\n\nRaises:\n    E: no",
    "sphinx": "Does.\n\n:param a: the a\n    and more\n:param str b: the b\n:returns: nothing\n:rtype: None",
    "numpy": "Does.\n\nParameters\n----------\na : int\n    the a\n    and more\nb : str\n    the b\n\nYields\n------",
    "plain": "Does.\n\na: the a\n   and more\nb: the b",
    "list": "Does.\n\n- a: the a\n    and more\n- `b`: the b",
}


@pytest.mark.parametrize("doc", STYLES.values(), ids=STYLES)
def test_docstrings_of_every_style(doc: str) -> None:
    assert read_docstring(doc, ["a", "b"]) == ("Does.", {"a": "the a and more", "b": "the b"})


def test_prose_with_a_colon_is_prose() -> None:
    doc = "Does this: that.\n\nNote well: a is fine.\nx: not a parameter"
    assert read_docstring(doc, ["a"]) == (doc, {})
    assert read_docstring(None, ["a"]) == ("", {})


# What its arguments become


def test_arguments_become_the_function_s_own_types() -> None:
    assert run(weather, city="Goma") == "Goma 1 c None None"
    lake = msgspec.json.decode(lake_json())
    assert run(weather, city="Goma", days=3, unit="f", climate="dry", lake=lake) == "Goma 3 f Climate.DRY Kivu"
    assert run(weather, city="Goma", climate=None) == "Goma 1 c None None"


@pytest.mark.parametrize("to", [StructLake, DataclassLake, PydanticLake])
def test_parameters_of_every_kind_of_class(to: Any) -> None:
    def show(lake: Any, more: Any) -> Any:
        return lake, more

    show.__annotations__ = {"lake": to, "more": list[to]}
    lake = msgspec.json.decode(lake_json())
    one, more = run(show, lake=lake, more=[lake])
    assert type(one) is to
    assert more == [one]


@pytest.mark.parametrize(
    ("arguments", "path", "reason"),
    [
        ({"city": 5}, "$.city", "Expected `str`, got `int`"),
        ({"city": "x", "unit": "k"}, "$.unit", "Invalid enum value 'k'"),
        ({"city": "x", "lake": {"name": "y"}}, "$.lake", "missing required field `depth`"),
        ({}, "$", "missing required field `city`"),
        ({"city": "x", "hour": 5}, "$", "unknown field `hour`"),
    ],
)
def test_arguments_that_do_not_fit(arguments: dict[str, Any], path: str, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        as_tool(weather).decode(call_of(**arguments))
    assert caught.value.path == path
    assert reason in str(caught.value)
    assert "weather()" in str(caught.value)


class Station:
    def __init__(self, name: str) -> None:
        self.name = name

    def measure(self, what: str) -> str:
        """Measures."""
        return f"{self.name}: {what}"

    def __call__(self, what: str) -> str:
        return what


def test_methods_partials_and_objects() -> None:
    station = Station("north")
    assert run(station.measure, what="wind") == "north: wind"
    assert as_tool(station).name == "Station"
    assert as_tool(station).parameters["required"] == ["what"]
    partial = tool(name="measure")(functools.partial(Station.measure, station))
    assert partial.parameters["required"] == ["what"]


def test_async_functions() -> None:
    assert as_tool(wait_for).is_async
    assert not as_tool(weather).is_async
    assert as_tool(wait_for).parameters["properties"]["seconds"] == {"type": "number", "description": "how long"}


# What cannot be a tool


def no_annotation(a: int, b) -> None: ...  # type: ignore[no-untyped-def]
def stars(*cities: str) -> None: ...
def more(**cities: str) -> None: ...
def thing(a: object) -> None: ...
def unresolved(a: "NoSuchType") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_annotation, "the parameter b of no_annotation has no annotation; annotate it, such as b: str"),
        (
            Station.measure,
            r"the parameter self of measure has no annotation; pass the method .*tools=\[thing.measure\]",
        ),
        (stars, r"\*cities: str of stars cannot be described to a model; name its parameters one by one"),
        (more, r"\*\*cities: str of more cannot be described"),
        (thing, r"thing\(\).a is of type object, which has no JSON schema; annotate it with str"),
        (unresolved, "the annotations of unresolved cannot be resolved"),
        (lambda a: a, r"'<lambda>' cannot be the name of a tool.*tool\(name=\.\.\.\)"),
        (StructLake, "a tool is a function, not <class"),
    ],
)
def test_a_function_that_cannot_be_described(function: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        tool(function)
    with pytest.raises(TypeError, match=message):
        as_tool(function)


def test_it_is_said_before_anything_is_sent(client: Maker, server: LocalServer) -> None:
    for method in ("create", "parse", "run_tools"):
        kind = {"response_format": StructLake} if method == "parse" else {}
        error = fails(TypeError, client(server), method, tools=[no_annotation], **kind)
        assert "annotate it, such as b: str" in str(error)
    assert server.requests == []


# In calls


def test_functions_go_directly_into_tools(client: Maker, server: LocalServer) -> None:
    plain = {"type": "function", "function": {"name": "plain"}}
    caller = client(server)
    answer = call(caller, "create", tools=(one for one in (weather, plain)), tool_choice="required")
    assert server.requests[0].json["tools"] == [as_tool(weather).definition, plain]
    made = answer.choices[0].message.tool_calls[0]
    args, kwargs = as_tool(weather).decode(made)
    assert isinstance(weather(*args, **kwargs), str)
    call(caller, "parse", tools=[wait_for], response_format=StructLake)
    assert server.requests[1].json["tools"] == [as_tool(wait_for).definition]
    reading(caller, call(caller, "create", tools=[weather], stream=True)).close()
    assert server.requests[2].json["tools"] == [as_tool(weather).definition]


def test_tool_call_parse_in_an_answer(client: Maker, server: LocalServer) -> None:
    class City(msgspec.Struct):
        city: str

    answer = call(client(server), "create", tools=[weather], tool_choice="required")
    assert isinstance(answer.choices[0].message.tool_calls[0].parse(City).city, str)


def test_one_function_is_no_list(client: Maker, server: LocalServer) -> None:
    assert "tools must be a list" in str(fails(TypeError, client(server), "create", tools=weather))
    assert "tools must be a list" in str(fails(TypeError, client(server), "run_tools", tools=weather))


def test_a_tool_is_described_once() -> None:
    assert as_tool(weather) is as_tool(weather)


def test_the_name_at_the_top() -> None:
    assert togetherpy.tool is tool
    assert togetherpy.tools.tool is tool


def test_plain_tools_load_nothing_of_it(server: LocalServer) -> None:
    code = f"""
import togetherpy
client = togetherpy.Together(api_key="k", base_url={server.base_url!r})
tools = [{{"type": "function", "function": {{"name": "f"}}}}]
client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "x"}}], tools=tools)
"""
    assert loaded_after(code, "togetherpy.tools", "togetherpy._typed.schema", "togetherpy._typed.decoding") == []


def test_pydantic_is_not_needed_for_a_tool() -> None:
    assert pydantic
    code = "import togetherpy\n@togetherpy.tool\ndef f(x: int) -> int: return x"
    assert loaded_after(code, "pydantic", "asyncio", "urllib3", "togetherpy.tools") == ["togetherpy.tools"]
