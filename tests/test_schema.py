"""Types -> strict JSON schemas, and text -> values of those types."""

import dataclasses
from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypedDict

import attrs
import msgspec
import pydantic
import pytest
from support.clients import failure
from support.typed import (
    LAKES,
    AttrsLake,
    Bay,
    Climate,
    DataclassLake,
    Node,
    PydanticLake,
    StructLake,
    TypedDictLake,
    lake_json,
    loaded_after,
)

from togetherpy import ParseError
from togetherpy._typed.decoding import bare_json, decode_text, misfit
from togetherpy._typed.schema import json_schema, response_format, strict_schema
from togetherpy.types.common import FunctionCall, ToolCalls

NAMES = ["name", "depth", "countries", "note", "climate", "water", "islands"]


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object schema with properties, at any depth."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


# What is strict


@pytest.mark.parametrize("of", LAKES)
def test_every_property_is_required_and_no_other_is_allowed(of: Any) -> None:
    schema = strict_schema(of)
    assert schema["type"] == "object"
    assert list(schema["properties"]) == schema["required"]
    assert set(schema["required"]) == set(NAMES)
    assert schema["additionalProperties"] is False
    assert "$ref" not in schema


@pytest.mark.parametrize("of", [*LAKES, Bay, Node])
def test_it_holds_at_every_depth(of: Any) -> None:
    found = list(objects(strict_schema(of)))
    assert found
    for schema in found:
        assert schema["required"] == list(schema["properties"])
        assert schema["additionalProperties"] is False


@pytest.mark.parametrize("of", [*LAKES, Bay])
def test_defaults_are_removed(of: Any) -> None:
    assert b'"default"' not in msgspec.json.encode(strict_schema(of))


@pytest.mark.parametrize("of", LAKES)
def test_maps_are_kept(of: Any) -> None:
    islands = strict_schema(of)["properties"]["islands"]
    assert (islands["type"], islands["additionalProperties"]) == ("object", {"type": "integer"})
    assert "required" not in islands


@pytest.mark.parametrize("of", LAKES)
def test_optional_fields_are_nullable(of: Any) -> None:
    assert strict_schema(of)["properties"]["note"]["anyOf"] == [{"type": "string"}, {"type": "null"}]


@pytest.mark.parametrize("of", LAKES)
def test_lists_literals_and_enums(of: Any) -> None:
    schema = strict_schema(of)
    properties = schema["properties"]
    assert properties["countries"]["items"] == {"type": "string"}
    assert sorted(properties["water"]["enum"]) == ["fresh", "salt"]
    assert properties["water"]["type"] == "string"
    climate = schema["$defs"][properties["climate"]["$ref"].removeprefix("#/$defs/")]
    assert sorted(climate["enum"]) == ["dry", "wet"]
    assert climate["type"] == "string"


class NamedLikeKeywords(msgspec.Struct):
    default: int = 1
    title: str = "x"
    properties: dict[str, int] = {}


def test_fields_that_are_named_like_keywords_are_fields() -> None:
    schema = strict_schema(NamedLikeKeywords)
    assert schema["required"] == ["default", "title", "properties"]
    assert schema["properties"]["default"] == {"type": "integer"}
    assert schema["properties"]["properties"] == {"type": "object", "additionalProperties": {"type": "integer"}}


class Empty(msgspec.Struct):
    pass


def test_a_type_without_fields() -> None:
    assert strict_schema(Empty)["additionalProperties"] is False


# References


class PydanticNode(pydantic.BaseModel):
    value: int
    children: list["PydanticNode"] = []


class Left(msgspec.Struct):
    right: "Right | None" = None


class Right(msgspec.Struct):
    left: list[Left] = []


@pytest.mark.parametrize(("of", "name"), [(Node, "Node"), (PydanticNode, "PydanticNode")])
def test_recursion_goes_by_definitions_under_an_object_root(of: Any, name: str) -> None:
    schema = strict_schema(of)
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": f"#/$defs/{name}"}
    assert schema["$defs"][name]["properties"] == schema["properties"]


def test_types_that_hold_each_other() -> None:
    assert set(strict_schema(Left)["$defs"]) == {"Left", "Right"}


def test_only_what_is_referred_to_is_defined() -> None:
    assert "$defs" not in strict_schema(Empty)
    assert set(strict_schema(StructLake)["$defs"]) == {"Climate"}


class Described(msgspec.Struct):
    parts: "list[Annotated[Described, msgspec.Meta(description='its parts')]]"


def test_nothing_stands_beside_a_reference() -> None:
    lake = strict_schema(Bay)["properties"]["lake"]
    assert lake["description"] == "the lake it belongs to"
    assert lake["required"] == NAMES
    assert "$ref" not in lake
    # In a type that holds itself the writing out ends.
    text = msgspec.json.encode(strict_schema(Described)).decode()
    assert text.count("its parts") < 5
    assert '"$ref":"#/$defs/Described"' in text


def test_a_pydantic_model_inside_of_another_type() -> None:
    schema = strict_schema(Bay)
    assert schema["properties"]["tree"]["anyOf"][0]["required"] == NAMES
    assert schema["$defs"]["Climate"]["type"] == "string"
    assert "$defs" not in schema["properties"]["tree"]["anyOf"][0]
    bay = decode_text(Bay, f'{{"lake": {lake_json()}, "tree": {lake_json(name="inner")}}}')
    assert isinstance(bay.tree, PydanticLake)
    assert bay.tree.name == "inner"


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    tricks: list[str]


class Owner(msgspec.Struct):
    pet: Cat | Dog


class PydanticCat(pydantic.BaseModel):
    kind: Literal["cat"]


class PydanticDog(pydantic.BaseModel):
    kind: Literal["dog"]


class PydanticOwner(pydantic.BaseModel):
    pet: Annotated[PydanticCat | PydanticDog, pydantic.Field(discriminator="kind")]


@pytest.mark.parametrize("of", [Owner, PydanticOwner])
def test_unions_say_anyof_and_have_their_tags(of: Any) -> None:
    schema = strict_schema(of)
    pet = schema["properties"]["pet"]
    assert len(pet["anyOf"]) == 2
    assert not {"oneOf", "discriminator"} & set(pet)
    for branch in pet["anyOf"]:
        target = schema["$defs"][branch["$ref"].removeprefix("#/$defs/")]
        assert {"cat", "dog"} & {
            str(v) for part in target["properties"].values() for v in (part.get("const"), *part.get("enum", ()))
        }


def test_not_strict_leaves_defaults_and_what_may_be_absent() -> None:
    schema = json_schema(StructLake, strict=False)
    assert schema["required"] == ["name", "depth"]
    assert schema["properties"]["water"]["default"] == "fresh"
    assert schema["additionalProperties"] is False


def test_the_request_part_names_the_type() -> None:
    class Box(msgspec.Struct):
        x: int

    made = msgspec.json.decode(response_format(Box))
    assert made == {
        "type": "json_schema",
        "json_schema": {"name": "Box", "schema": strict_schema(Box), "strict": True},
    }
    assert response_format(Box) is response_format(Box)


def test_the_name_has_only_what_a_name_may_have() -> None:
    made = msgspec.json.decode(response_format(dict[str, list[int]]))
    assert made["json_schema"]["name"] == "dict_str__list_int__"
    assert made["json_schema"]["schema"] == {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "integer"}},
    }


# What has no schema


class Thing:
    pass


class InStruct(msgspec.Struct):
    fine: int
    bad: list[Thing | None]


class Outer(msgspec.Struct):
    inner: dict[str, InStruct]


@dataclasses.dataclass
class InDataclass:
    bad: Thing


@attrs.define
class InAttrs:
    bad: Thing


class InTypedDict(TypedDict):
    bad: tuple[int, Thing]


class InPydantic(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    bad: Thing


class OuterPydantic(msgspec.Struct):
    inner: InPydantic


class Untagged(msgspec.Struct):
    pet: Node | StructLake


class Unresolved(msgspec.Struct):
    bad: "NoSuchType"  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("of", "field"),
    [
        (InStruct, "InStruct.bad"),
        (Outer, "InStruct.bad"),
        (InDataclass, "InDataclass.bad"),
        (InAttrs, "InAttrs.bad"),
        (InTypedDict, "InTypedDict.bad"),
        (InPydantic, "InPydantic.bad"),
        (OuterPydantic, "InPydantic.bad"),
    ],
)
def test_a_type_that_has_no_json_schema(of: Any, field: str) -> None:
    with pytest.raises(TypeError, match=rf"^{field} is of type Thing, which has no JSON schema; annotate it with str"):
        strict_schema(of)


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (list[int], r"list\[int\] is not a JSON object.*make a class with a field of this type"),
        (Cat | Dog, "is not a JSON object"),
        (int, "int is not a JSON object"),
        (Climate, "Climate is not a JSON object"),
        (Untagged, "Untagged has no JSON schema: .*must be tagged"),
        (Unresolved, "annotations of Unresolved cannot be resolved.*in its module"),
        ({"type": "object"}, r"a type is wanted here.*not a dict; .*create\(response_format="),
        (StructLake("x", 1), "not a StructLake"),
        (None, "not a NoneType"),
    ],
)
def test_what_else_cannot_be_asked_for(of: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        response_format(of)


def twins() -> tuple[Any, Any]:
    made: list[Any] = []
    for field in (int, str):
        inner = pydantic.create_model("Inner", x=(field, ...))
        made.append(pydantic.create_model(f"Holds{field.__name__}", inner=(inner, ...)))
    return made[0], made[1]


def test_two_models_of_one_name() -> None:
    first, second = twins()
    both = msgspec.defstruct("Both", [("a", first), ("b", second), ("c", Node)])
    definitions = strict_schema(both)["$defs"]
    assert set(definitions) == {"Holdsint_Inner", "Holdsstr_Inner", "Node"}
    assert definitions["Holdsint_Inner"]["properties"]["x"]["type"] == "integer"
    assert definitions["Holdsstr_Inner"]["properties"]["x"]["type"] == "string"


def test_two_models_that_cannot_be_told_apart() -> None:
    first, second = twins()
    second.__name__ = first.__name__
    both = msgspec.defstruct("Both", [("a", first), ("b", second)])
    with pytest.raises(TypeError, match="two different types inside of one are called Holdsint_Inner; rename one"):
        strict_schema(both)


# From text to a value


@pytest.mark.parametrize("to", LAKES)
def test_text_becomes_a_value(to: Any) -> None:
    lake = decode_text(to, lake_json())
    if to is TypedDictLake:
        assert (lake["name"], lake["climate"]) == ("Kivu", Climate.WET)
    else:
        assert isinstance(lake, to)
        assert (lake.name, lake.climate, lake.islands) == ("Kivu", Climate.WET, {"Idjwi": 1})


WRAPPED = {
    "fence": "```json\n{}\n```",
    "fence without a language": "```\n{}\n```",
    "fence in prose": "Here it is:\n\n```json\n{}\n```\nAnything else?",
    "reasoning": "<think>Is it {{deep}}? ```no```</think>\n\n{}",
    "reasoning without its beginning": "It is deep, I think.</think>{}",
    "reasoning and fence": "<think>hm</think>```JSON\n{}\n```",
    "reasoning twice": "<think>a</think> <think>b</think> {}",
    "blanks": "\n\n {} \n",
}


@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED)
def test_what_stands_around_the_json_is_passed_over(wrapped: str) -> None:
    text = wrapped.replace("{{", "(").replace("}}", ")").replace("{}", lake_json())
    assert decode_text(StructLake, text).name == "Kivu"
    assert decode_text(PydanticLake, text).name == "Kivu"


def test_json_that_only_looks_wrapped_is_left_alone() -> None:
    text = lake_json(name="</think> ```x``` ")
    assert bare_json(text) == text
    assert decode_text(StructLake, text).name == "</think> ```x``` "


@pytest.mark.parametrize("text", ["```" * 50_000, "</think>" * 50_000, "<think>" * 50_000, "`" * 100_001])
def test_odd_wrappings_end(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|truncated"):
        decode_text(StructLake, text)


@pytest.mark.parametrize(
    ("to", "text", "path", "reason"),
    [
        (StructLake, lake_json(depth="deep"), "$.depth", "Expected `float`, got `str`"),
        (StructLake, lake_json(countries=["a", 1]), "$.countries[1]", "Expected `str`, got `int`"),
        (StructLake, "[]", "$", "Expected `object`, got `array`"),
        (StructLake, '{"name": "x"}', "$", "Object missing required field `depth`"),
        (StructLake, '{"name": ', "$", "truncated"),
        (StructLake, "Sorry.", "$", "malformed"),
        (PydanticLake, lake_json(depth="deep"), "$.depth", "valid number"),
        (PydanticLake, lake_json(countries=["a", 1]), "$.countries[1]", "valid string"),
        (PydanticLake, "Sorry.", "$", "Invalid JSON"),
        (Bay, f'{{"lake": {lake_json()}, "tree": {{"name": 1}}}}', "$.tree.name", "valid string"),
    ],
)
def test_what_does_not_fit_is_said_with_its_path(to: Any, text: str, path: str, reason: str) -> None:
    error = failure(ValueError, lambda: decode_text(to, text))
    found = misfit(error)
    assert found.path == path
    assert reason in found.reason


# Tool calls


def tool_call(arguments: Any, name: str = "look_up") -> ToolCalls:
    return ToolCalls(id="c1", function=FunctionCall(name=name, arguments=arguments))


@pytest.mark.parametrize("to", [StructLake, DataclassLake, AttrsLake, PydanticLake])
def test_tool_call_parse(to: Any) -> None:
    lake = tool_call(lake_json()).parse(to)
    assert isinstance(lake, to)
    assert lake.depth == 475
    assert tool_call(lake_json()).parse(TypedDictLake)["depth"] == 475


def test_tool_call_parse_of_no_arguments() -> None:
    for nothing in ("", "  ", None):
        assert tool_call(nothing).parse(Empty) == Empty()
    assert ToolCalls().parse(Empty) == Empty()
    assert tool_call({"value": 1, "children": []}).parse(Node) == Node(1, [])


def test_tool_call_parse_of_what_does_not_fit() -> None:
    with pytest.raises(
        ParseError, match=r"The arguments of look_up do not fit StructLake: Expected `float`.*\$\.depth"
    ) as e:
        tool_call(lake_json(depth="x")).parse(StructLake)
    assert e.value.path == "$.depth"
    assert e.value.text == lake_json(depth="x")
    assert e.value.completion is None
    with pytest.raises(TypeError):
        tool_call("{}").parse(Untagged)


# What it costs those who do not use it


def test_pydantic_and_attrs_are_never_imported() -> None:
    code = "import togetherpy._typed.schema, togetherpy.tools, togetherpy._chat.parsing, togetherpy._chat.run_tools"
    assert loaded_after(code, "pydantic", "attrs", "attr") == []


def test_it_is_loaded_when_it_is_used() -> None:
    ours = ["togetherpy._typed.schema", "togetherpy._typed.decoding", "togetherpy.types.parsed", "togetherpy.tools"]
    home = "togetherpy.resources.chat.completions"
    code = f"import togetherpy\nfrom togetherpy import Together, AsyncTogether\nimport {home}"
    assert loaded_after(code, *ours) == []
    assert loaded_after("from togetherpy import tool", *ours) != []
