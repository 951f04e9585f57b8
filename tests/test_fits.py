"""Whether a value fits a JSON schema."""

import json
from typing import Any

import pytest

from togetherpy.cli.chat.fits import misfit
from togetherpy.testing import LocalServer

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}
TREE: dict[str, Any] = {
    "$defs": {
        "a/b": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/a~1b"}, {"type": "null"}]}}},
    },
    "$ref": "#/$defs/a~1b",
}


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        (PERSON, {"name": 1}, "$.name is integer, not string"),
        (PERSON, {}, "$ lacks 'name'"),
        (PERSON, {"name": "x", "more": 1}, "$ has 'more', which is not allowed"),
        (PERSON, {"name": "x", "age": -1}, "$.age is -1, less than 0"),
        (PERSON, [], "$ is array, not object"),
        ({"type": ["string", "null"]}, 1.5, "$ is number, not string or null"),
        ({"type": "integer"}, True, "$ is boolean, not integer"),
        ({"type": "array", "items": {"type": "string"}}, ["a", None], "$[1] is null, not string"),
        ({"prefixItems": [{"type": "string"}], "items": False}, ["a", 1], "$[1] must not be there"),
        ({"minItems": 2}, [1], "$ has 1 items, fewer than 2"),
        ({"maxItems": 0}, [1], "$ has 1 items, more than 0"),
        ({"uniqueItems": True}, [1, 1], "$ has the same item twice"),
        ({"enum": ["a", "b"]}, "c", "$ is none of the values that it may have"),
        ({"enum": [1]}, True, "$ is none of the values that it may have"),
        ({"const": 1}, 2, "$ is not 1"),
        ({"pattern": "^a"}, "ba", "$ does not match ^a"),
        ({"minLength": 3}, "ab", "$ has 2 characters, fewer than 3"),
        ({"exclusiveMaximum": 3}, 3, "$ is 3, not less than 3"),
        ({"exclusiveMinimum": 3}, 3.0, "$ is 3.0, not more than 3"),
        ({"maximum": 3}, 4, "$ is 4, more than 3"),
        ({"multipleOf": 5}, 4, "$ is 4, no multiple of 5"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "$ fits none of the 2 forms that it may have"),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, 1, "$ fits several forms of which it may have one"),
        ({"allOf": [{"type": "number"}, {"minimum": 5}]}, 1, "$ is 1, less than 5"),
        ({"not": {"type": "string"}}, "a", "$ has the form that it must not have"),
        ({"patternProperties": {"^x": {"type": "null"}}}, {"xy": 1}, "$.xy is integer, not null"),
        ({"additionalProperties": {"type": "null"}}, {"xy": 1}, "$.xy is integer, not null"),
        (TREE, {"next": {"next": 1}}, "$.next fits none of the 2 forms that it may have"),
    ],
)
def test_what_does_not_fit_is_told(schema: Any, value: Any, said: str) -> None:
    assert misfit(schema, value) == said


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (PERSON, {"name": "x", "age": 3}),
        ({"type": "integer"}, 3.0),
        ({"type": "number"}, 3),
        (TREE, {"next": {"next": None}}),
        ({}, object),
        (True, 1),
        ({"type": "unheard of", "unheardOf": 1}, 1),
        ({"pattern": "(?<name>x)"}, "an expression of JavaScript's"),
        ({"$ref": "https://elsewhere.example/schema"}, 1),
        ({"$ref": "#/not/there"}, 1),
        ({"$ref": "#"}, 1),  # round in a circle
        ({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, 1),  # in so many that it would take for ever
        ({"oneOf": [{"$ref": "#"}, {"$ref": "#"}]}, 1),
        ({"properties": ["a"], "patternProperties": True, "required": [["a"], {}], "type": [{}, []]}, {"a": 1}),
        ({"minimum": "3", "required": 1, "anyOf": {}, "maxItems": None}, 1),
        ({"prefixItems": [{"type": "string"}]}, ["a", 1]),
    ],
)
def test_what_fits_and_what_nobody_can_say_passes(schema: Any, value: Any) -> None:
    assert misfit(schema, value) is None


def test_what_the_local_server_makes_of_a_schema_fits_it() -> None:
    schema = {
        **PERSON,
        "properties": {**PERSON["properties"], "tags": {"type": "array", "items": {"enum": ["a", "b"]}}},
    }
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
    with LocalServer() as server, server.client() as client:
        answer = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Ana"}], response_format=form
        )
    assert answer.choices
    assert answer.choices[0].message
    assert misfit(schema, json.loads(answer.choices[0].message.content or "")) is None
