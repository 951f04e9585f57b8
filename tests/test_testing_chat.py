"""What `LocalServer` answers by itself: the API's checks and errors, chat completions plain and streamed, schemas."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.testing_helpers import HELLO, KEY, MODEL, PATH, ask, chat, exchange, text_of

from togetherpy import InternalServerError
from togetherpy.testing import LocalServer, _api
from togetherpy.testing._api import Api
from togetherpy.testing._check import RequestError
from togetherpy.testing._http import Request, parse_head
from togetherpy.testing._limits import Limits
from togetherpy.testing._pattern import text_for_pattern
from togetherpy.testing._rates import Rates
from togetherpy.testing._schema import Maker

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
    "required": ["city"],
}
TOOLS = [
    {"type": "function", "function": {"name": "get_time"}},
    {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}},
]
ASK_WEATHER = [{"role": "user", "content": "How is the weather in Paris today?"}]
CALLED = [
    *ASK_WEATHER,
    {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function"}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "Sunny, 22 degrees"},
]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


class TestErrors:
    def test_envelope_and_headers(self, server: LocalServer) -> None:
        said = chat(server, model="no-such-model")
        assert said.status == 404
        assert set(said.json) == {"id", "error"}
        assert said.headers["cf-ray"].partition("-")[0] in said.json["id"]
        assert said.headers["content-type"] == "application/json; charset=utf-8"
        assert said.error == {
            "message": "Unable to access model no-such-model. Please visit https://api.together.ai/models to view the "
            "list of supported models.",
            "type": "invalid_request_error",
            "param": None,
            "code": "model_not_available",
        }

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer  ", "Basic abc", "test"])
    def test_missing_or_malformed_key(self, server: LocalServer, header: str) -> None:
        said = ask(server, {"model": MODEL, "messages": HELLO}, Authorization=header)
        assert said.status == 401
        assert said.error["code"] == "invalid_api_key"
        assert said.error["type"] == "invalid_request_error"

    def test_unknown_path_and_method(self, server: LocalServer) -> None:
        assert ask(server, path="/v1/nothing").status == 404
        said = ask(server, method="GET")
        assert said.status == 405
        assert said.headers["allow"] == "POST"
        assert said.error["type"] == "invalid_request_error"
        assert "POST" in said.error["message"]

    def test_head_has_no_body(self, server: LocalServer) -> None:
        said = exchange(server, f"HEAD {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert said.startswith(b"HTTP/1.1 405 ")
        assert said.endswith(b"\r\n\r\n")

    @pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"a"', b"\xff", b"[" * 100_000])
    def test_body_that_is_no_json_object(self, server: LocalServer, body: bytes) -> None:
        said = ask(server, body)
        assert said.status == 400
        assert "JSON" in said.error["message"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(("model", value) for value in (None, 1, "")),
            *(
                ("messages", value)
                for value in (None, "hello", [], ["hello"], [{}], [{"role": "king", "content": "a"}])
            ),
            *(("max_tokens", value) for value in (0, 1.5, "5", True)),
            *(("n", value) for value in (0, 129, "2")),
            *(("logprobs", value) for value in (-1, 21, True)),
            *(("temperature", value) for value in ("0.7", -1, True, [])),
            *(("top_p", value) for value in (1.1, "x")),
            *(("frequency_penalty", value) for value in (2.1, -2.1)),
            *(("stop", value) for value in (5, [1], "", [""])),
            *(("stream", value) for value in ("true", 1)),
            *(("seed", value) for value in (1.5, "1")),
            *(("logit_bias", value) for value in ([], {"1": "a"})),
            *(("tools", value) for value in ("x", {}, [1], [{"type": "function"}], [{"function": {"name": 1}}])),
            *(("tools", value) for value in ([{"function": {"name": "a", "parameters": []}}],)),
            *(("tool_choice", value) for value in ("always", "required", {}, {"function": {"name": "other"}}, 1)),
            *(("response_format", value) for value in ("json", {}, {"type": "xml"}, {"type": "json_schema"})),
            *(("response_format", value) for value in ({"type": "regex"}, {"type": "json_schema", "json_schema": {}})),
        ],
    )
    def test_wrong_parameter_is_named(self, server: LocalServer, name: str, value: Any) -> None:
        said = chat(server, **{name: value})
        assert said.status == 400
        assert name in said.error["message"] or "tools" in said.error["message"]

    @pytest.mark.parametrize(
        ("message", "place"),
        [
            ({"role": "user"}, "content"),
            ({"role": "user", "content": None}, "content"),
            ({"role": "user", "content": 5}, "content"),
            ({"role": "user", "content": ["text"]}, "content[0].type"),
            ({"role": "user", "content": [{"type": "smell"}]}, "content[0].type"),
            ({"role": "user", "content": [{"type": "text"}]}, "content[0].text"),
            ({"role": "tool", "content": "x"}, "tool_call_id"),
        ],
    )
    def test_wrong_message_is_named_by_its_path(self, server: LocalServer, message: Any, place: str) -> None:
        said = chat(server, messages=[*HELLO, message])
        assert said.status == 400
        assert f"`messages[1].{place}`" in said.error["message"]

    def test_error_on_a_stream_is_plain_json(self, server: LocalServer) -> None:
        said = chat(server, stream=True, n=0)
        assert said.status == 400
        assert said.error["type"] == "invalid_request_error"

    def test_too_many_tokens(self, server: LocalServer) -> None:
        said = chat(server, max_tokens=999_999_999)
        assert said.status == 422
        assert "`inputs` tokens + `max_new_tokens` must be <=" in said.error["message"]

    def test_models_can_be_named(self) -> None:
        with LocalServer(models=["mine/one"]) as server:
            assert chat(server, model="mine/one").status == 200
            assert chat(server).status == 404
            listed = ask(server, b"", method="GET", path="/v1/models").json
            assert [model["id"] for model in listed] == ["mine/one"]

    def test_unknown_models_are_told_by_their_name(self, server: LocalServer) -> None:
        assert [chat(server, model=m).status for m in ("any", "x/unknown-1", "no-such")] == [200, 404, 404]

    def test_fault_inside_is_a_server_error(self, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(_api._MAKERS, "/v1/chat/completions", (lambda *_: None, lambda *_, **__: 1 / 0))
        said = chat(server)
        assert said.status == 500
        assert said.error["type"] == "server_error"
        assert "ZeroDivisionError" in said.error["message"]

    def test_null_and_unknown_parameters_are_tolerated(self, server: LocalServer) -> None:
        nothing = dict.fromkeys(
            ("stop", "tools", "tool_choice", "n", "seed", "stream", "response_format", "max_tokens")
        )
        said = chat(server, **nothing, reasoning={"enabled": True}, reasoning_effort="high", some_new_thing=[1])
        assert said.status == 200


class TestModels:
    def test_list(self, server: LocalServer) -> None:
        said = ask(server, b"", method="GET", path="/v1/models")
        assert said.status == 200
        assert MODEL in [model["id"] for model in said.json]
        assert all(model["object"] == "model" for model in said.json)
        assert ask(server, b"", method="GET", path="/v1/models", X="1").status == 401


class TestPlain:
    def test_shape(self, server: LocalServer) -> None:
        said = chat(server)
        assert said.status == 200
        assert said.headers["content-type"] == "application/json; charset=utf-8"
        assert said.headers["x-ratelimit-limit"] == "100"
        body = said.json
        assert said.headers["cf-ray"].partition("-")[0] in body["id"]
        assert body["object"] == "chat.completion"
        assert isinstance(body["created"], int)
        assert body["model"] == MODEL
        assert body["prompt"] == []
        [choice] = body["choices"]
        assert set(choice) == {"index", "finish_reason", "seed", "logprobs", "message"}
        assert (choice["index"], choice["finish_reason"], choice["logprobs"]) == (0, "stop", None)
        assert set(choice["message"]) == {"role", "content", "tool_calls"}
        assert choice["message"]["role"] == "assistant"
        assert "What is the capital of France" in choice["message"]["content"]
        assert choice["message"]["tool_calls"] == []
        usage = body["usage"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        assert min(usage.values()) > 0

    def test_ids_differ(self, server: LocalServer) -> None:
        assert chat(server).json["id"] != chat(server).json["id"]

    def test_same_prompt_and_seed_same_text_other_seed_other_text(self, server: LocalServer) -> None:
        texts = [chat(server, seed=seed).json["choices"][0]["message"]["content"] for seed in (1, 1, 2, 3)]
        assert texts[0] == texts[1]
        assert len(set(texts)) == 3

    def test_seed_is_echoed_or_made_up(self, server: LocalServer) -> None:
        assert chat(server, seed=7).json["choices"][0]["seed"] == 7
        assert chat(server).json["choices"][0]["seed"] > 2**32

    def test_some_answers_hold_more_than_ascii(self, server: LocalServer) -> None:
        texts = [chat(server, seed=seed).body for seed in range(10)]
        assert any("☕".encode() in text or "🚀".encode() in text or "😊".encode() in text for text in texts)

    def test_content_parts_and_a_conversation_without_user(self, server: LocalServer) -> None:
        parts = [{"type": "text", "text": "Hello"}, {"type": "image_url", "image_url": {"url": "data:"}}]
        assert "Hello" in str(chat(server, messages=[{"role": "user", "content": parts}]).json["choices"])
        assert "everything" in str(chat(server, messages=[{"role": "system", "content": "Be nice"}]).json["choices"])

    def test_lone_surrogate_does_no_harm(self, server: LocalServer) -> None:
        assert chat(server, messages=[{"role": "user", "content": "a\ud800b"}], logprobs=2, echo=True).status == 200

    def test_max_tokens(self, server: LocalServer) -> None:
        whole, short = chat(server).json, chat(server, max_tokens=5).json
        [choice] = short["choices"]
        assert choice["finish_reason"] == "length"
        assert short["usage"]["completion_tokens"] == 5
        assert whole["choices"][0]["message"]["content"].startswith(choice["message"]["content"])
        exact = whole["usage"]["completion_tokens"]
        assert chat(server, max_tokens=exact).json["choices"][0]["finish_reason"] == "stop"

    @pytest.mark.parametrize("stop", ["capital", ["nowhere to be found", "France", "capital"]])
    def test_stop_cuts_before_the_first_of_them(self, server: LocalServer, stop: Any) -> None:
        [choice] = chat(server, stop=stop).json["choices"]
        assert choice["finish_reason"] == "stop"
        assert choice["message"]["content"].endswith("What is the ")

    def test_n_choices_differ(self, server: LocalServer) -> None:
        body = chat(server, n=3).json
        assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
        assert len({choice["message"]["content"] for choice in body["choices"]}) == 3
        assert body["choices"][0]["message"] == chat(server).json["choices"][0]["message"]

    def test_logprobs(self, server: LocalServer) -> None:
        none, one, three = (chat(server, logprobs=k).json["choices"][0] for k in (0, 1, 3))
        assert none["logprobs"] is None
        assert set(one["logprobs"]) == {"tokens", "token_logprobs", "token_ids"}
        assert one["logprobs"]["token_ids"] == []
        logprobs = three["logprobs"]
        assert "".join(logprobs["tokens"]) == three["message"]["content"]
        assert len({len(values) for values in logprobs.values()}) == 1
        assert all(value < 0 for value in logprobs["token_logprobs"])
        for token, value, top in zip(
            logprobs["tokens"], logprobs["token_logprobs"], logprobs["top_logprobs"], strict=True
        ):
            assert len(top) == 3
            assert max(top, key=top.__getitem__) == token
            assert top[token] == value
        most = chat(server, logprobs=20).json["choices"][0]["logprobs"]["top_logprobs"]
        assert {len(top) for top in most} == {20}

    def test_echo(self, server: LocalServer) -> None:
        [prompt] = chat(server, echo=True).json["prompt"]
        assert prompt == {"text": HELLO[0]["content"], "logprobs": None}
        [prompt] = chat(server, echo=True, logprobs=1).json["prompt"]
        assert "".join(prompt["logprobs"]["tokens"]) == HELLO[0]["content"]


class TestStream:
    def test_shape(self, server: LocalServer) -> None:
        said = chat(server, stream=True)
        assert said.headers["content-type"] == "text/event-stream;charset=utf-8"
        assert said.headers["cache-control"] == "no-cache, no-transform"
        events = said.events
        assert {event["object"] for event in events} == {"chat.completion.chunk"}
        assert {event["id"] for event in events} == {events[0]["id"]}
        assert said.headers["cf-ray"].partition("-")[0] in events[0]["id"]
        *chunks, usage = events
        assert usage["choices"] == []
        assert usage["usage"] == chat(server).json["usage"]
        choices = [choice for chunk in chunks for choice in chunk["choices"]]
        assert all(chunk["usage"] is None for chunk in chunks)
        assert set(choices[0]) == {"index", "text", "logprobs", "finish_reason", "seed", "delta"}
        assert all(set(choice["delta"]) == {"token_id", "role", "content", "tool_calls"} for choice in choices)
        assert {choice["delta"]["role"] for choice in choices} == {"assistant"}
        assert isinstance(choices[0]["delta"]["token_id"], int)
        assert [choice["finish_reason"] for choice in choices[:-1]] == [None] * (len(choices) - 1)
        assert choices[-1]["finish_reason"] == "stop"
        assert choices[-1]["seed"] == chat(server).json["choices"][0]["seed"]

    @pytest.mark.parametrize(
        "params", [{}, {"seed": 5}, {"max_tokens": 3}, {"stop": ["capital"]}, {"n": 3}, {"logprobs": 2}]
    )
    def test_same_text_as_plain(self, server: LocalServer, params: dict[str, Any]) -> None:
        plain, streamed = chat(server, **params).json, chat(server, stream=True, **params).events
        for choice in plain["choices"]:
            assert text_of(streamed, choice["index"]) == choice["message"]["content"]
            ends = [c["finish_reason"] for e in streamed for c in e["choices"] if c["index"] == choice["index"]]
            assert ends[-1] == choice["finish_reason"]

    def test_choices_take_turns(self, server: LocalServer) -> None:
        indexes = [event["choices"][0]["index"] for event in chat(server, stream=True, n=3).events[:-1]]
        assert indexes[:6] == [0, 1, 2, 0, 1, 2]

    def test_logprobs_are_a_number_with_the_alternatives_beside_it(self, server: LocalServer) -> None:
        events = chat(server, stream=True, logprobs=2).events
        whole = chat(server, logprobs=2).json["choices"][0]["logprobs"]
        choices = [event["choices"][0] for event in events[:-2]]
        assert [choice["logprobs"] for choice in choices] == whole["token_logprobs"]
        assert [choice["top_logprobs"] for choice in choices] == whole["top_logprobs"]

    def test_pace_and_delay_of_the_server(self) -> None:
        with LocalServer(pace=0.0005, delay=0.001) as server:
            streamed = chat(server, stream=True).events
            assert text_of(streamed) == chat(server).json["choices"][0]["message"]["content"]
        body = json.dumps({"model": MODEL, "messages": HELLO, "stream": True}).encode()
        request = Request(parse_head(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x".encode()), body)
        answer = Api(None, Rates(Limits(), delay=3), pace=5).answer(request)
        assert (answer.pace, answer.delay) == (5, 3)
        assert [piece.count(b"data: ") for piece in answer.pieces] == [1] * (len(streamed) + 1)
        assert len(Api(None, Rates(Limits())).answer(request).pieces) == 1


class TestTools:
    @pytest.mark.parametrize(
        "choice", [None, "auto", "required", {"type": "function", "function": {"name": "get_weather"}}]
    )
    def test_call(self, server: LocalServer, choice: Any) -> None:
        [made] = chat(server, messages=ASK_WEATHER, tools=TOOLS, tool_choice=choice).json["choices"]
        assert made["finish_reason"] == "tool_calls"
        assert made["message"]["content"] is None
        [call] = made["message"]["tool_calls"]
        assert (call["type"], call["index"]) == ("function", 0)
        assert call["id"].startswith("call_")
        assert call["function"]["name"] == "get_weather"
        arguments = json.loads(call["function"]["arguments"])
        assert arguments["city"] == "Paris"
        assert arguments["days"] in range(1, 8)

    def test_named_tool_without_parameters(self, server: LocalServer) -> None:
        choice = {"function": {"name": "get_time"}}
        [made] = chat(server, messages=ASK_WEATHER, tools=TOOLS, tool_choice=choice).json["choices"]
        assert made["message"]["tool_calls"][0]["function"] == {"name": "get_time", "arguments": "{}"}

    def test_no_call_when_told_so_or_when_it_is_not_the_users_turn(self, server: LocalServer) -> None:
        after = [*HELLO, {"role": "assistant", "content": "Well,"}]
        for params in ({"tool_choice": "none"}, {"messages": after}, {"messages": CALLED}, {"tools": []}):
            [made] = chat(server, **{"messages": ASK_WEATHER, "tools": TOOLS, **params}).json["choices"]
            assert made["finish_reason"] == "stop"
            assert made["message"]["tool_calls"] == []
        [forced] = chat(server, messages=after, tools=TOOLS, tool_choice="required").json["choices"]
        assert forced["finish_reason"] == "tool_calls"

    def test_result_of_a_tool_is_answered_in_text(self, server: LocalServer) -> None:
        for choice in ("auto", "required"):
            [made] = chat(server, messages=CALLED, tools=TOOLS, tool_choice=choice).json["choices"]
            assert "Sunny, 22 degrees" in made["message"]["content"]

    def test_streamed_call_is_split_and_adds_up_to_the_plain_one(self, server: LocalServer) -> None:
        [plain] = chat(server, messages=ASK_WEATHER, tools=TOOLS).json["choices"]
        events = chat(server, messages=ASK_WEATHER, tools=TOOLS, stream=True).events
        choices = [event["choices"][0] for event in events[:-1]]
        parts = [part for choice in choices for part in choice["delta"]["tool_calls"] or []]
        [call] = plain["message"]["tool_calls"]
        assert parts[0]["id"] == call["id"]
        assert parts[0]["function"]["name"] == "get_weather"
        assert len(parts) > 3
        assert all(set(part) == {"index", "function"} for part in parts[1:])
        assert "".join(part["function"]["arguments"] for part in parts) == call["function"]["arguments"]
        assert choices[-1]["finish_reason"] == "tool_calls"
        assert text_of(events) == ""

    def test_arguments_cut_by_max_tokens(self, server: LocalServer) -> None:
        [made] = chat(server, messages=ASK_WEATHER, tools=TOOLS, max_tokens=2).json["choices"]
        assert made["finish_reason"] == "length"
        with pytest.raises(ValueError, match="line 1"):
            json.loads(made["message"]["tool_calls"][0]["function"]["arguments"])


class TestResponseFormat:
    @pytest.mark.parametrize(
        "form",
        [{"schema": WEATHER}, {"json_schema": {"name": "weather", "schema": WEATHER, "strict": True}}],
    )
    def test_json_schema_nested_and_flat(self, server: LocalServer, form: dict[str, Any]) -> None:
        said = chat(server, response_format={"type": "json_schema", **form}).json
        assert valid(json.loads(said["choices"][0]["message"]["content"]), WEATHER, WEATHER)

    def test_json_object_with_a_schema_obeys_it(self, server: LocalServer) -> None:
        said = chat(server, response_format={"type": "json_object", "schema": WEATHER}).json
        assert valid(json.loads(said["choices"][0]["message"]["content"]), WEATHER, WEATHER)

    def test_json_object_regex_and_text(self, server: LocalServer) -> None:
        content = [
            chat(server, response_format=form).json["choices"][0]["message"]["content"]
            for form in ({"type": "json_object"}, {"type": "regex", "pattern": "[A-F]{3}-\\d+"}, {"type": "text"})
        ]
        assert isinstance(json.loads(content[0]), dict)
        assert re.fullmatch(r"[A-F]{3}-\d+", content[1])
        assert content[2] == chat(server).json["choices"][0]["message"]["content"]

    def test_impossible_schema_is_unprocessable(self, server: LocalServer) -> None:
        said = chat(server, response_format={"type": "json_schema", "schema": {"$ref": "#/nowhere"}})
        assert said.status == 422
        assert "failed to compile grammar" in said.error["message"]


def valid(value: Any, schema: Any, root: Any) -> bool:
    """Whether a value fits a schema, for the keywords these tests use."""
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema:
        target = root
        for step in schema["$ref"].split("/")[1:]:
            target = target[int(step) if isinstance(target, list) else step]
        if not valid(value, target, root):
            return False
    kinds = schema.get("type", [])
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    checks: list[bool] = [
        not kinds or any(_is(value, kind, types) for kind in ([kinds] if isinstance(kinds, str) else kinds)),
        value == schema.get("const", value),
        value in schema.get("enum", [value]),
        all(valid(value, part, root) for part in schema.get("allOf", [])),
        *(any(valid(value, part, root) for part in schema[name]) for name in ("anyOf", "oneOf") if name in schema),
    ]
    if isinstance(value, dict):
        properties, extra = schema.get("properties", {}), schema.get("additionalProperties", True)
        checks += [set(schema.get("required", [])) <= set(value)]
        checks += [valid(part, properties.get(name, extra), root) for name, part in value.items()]
    elif isinstance(value, list):
        first = schema.get("prefixItems", [])
        checks += [schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1000)]
        checks += [valid(part, rule, root) for part, rule in zip(value, first, strict=False)]
        checks += [valid(part, schema.get("items", True), root) for part in value[len(first) :]]
    elif isinstance(value, str):
        checks += [schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1000)]
        checks += ["pattern" not in schema or re.search(schema["pattern"], value) is not None]
    elif _is(value, "number", types):
        checks += [schema.get("minimum", value) <= value <= schema.get("maximum", value)]
        checks += [value > schema.get("exclusiveMinimum", value - 1), value < schema.get("exclusiveMaximum", value + 1)]
        checks += ["multipleOf" not in schema or abs(value / schema["multipleOf"] % 1) < 1e-9]
    return all(checks)


def _is(value: Any, kind: str, types: dict[str, type]) -> bool:
    if kind in types:
        return isinstance(value, types[kind])
    return isinstance(value, int | float if kind == "number" else int) and not isinstance(value, bool)


def make(schema: Any, seed: int = 0, words: str = "Hello big World") -> Any:
    return Maker(schema, random.Random(seed), words.split()).make()


NODE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "left": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "right": {"oneOf": [{"$ref": "#/$defs/node"}, {"type": "integer"}]},
                "more": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["left", "right", "more"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
KINDS = [f"kind{i}" for i in range(12)]
MANY_KINDS = {
    "$defs": {
        kind: {
            "type": "object",
            "properties": {"of": {"anyOf": [{"$ref": f"#/$defs/{other}"} for other in KINDS]}, "name": {"const": kind}},
            "required": ["name", *(["of"] if kind != "kind7" else [])],
        }
        for kind in KINDS
    },
    "anyOf": [{"$ref": f"#/$defs/{kind}"} for kind in KINDS],
}


class TestSchema:
    @pytest.mark.parametrize(
        "schema",
        [
            {},
            {"type": "null"},
            {"type": "boolean"},
            {"type": ["null", "integer"]},
            {"type": ["null"]},
            {"enum": ["a", 1, None]},
            {"const": {"a": [1]}},
            {"type": "string", "minLength": 30},
            {"type": "string", "maxLength": 2},
            {"type": "string", "pattern": r"^\d{3}-[a-f]+$"},
            {"type": "integer", "minimum": 5, "maximum": 5},
            {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
            {"type": "integer", "maximum": -1000},
            {"type": "integer", "multipleOf": 7, "minimum": 50, "maximum": 60},
            {"type": "number", "minimum": 0.1, "maximum": 0.2},
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.1},
            {"type": "number", "multipleOf": 0.1, "maximum": 1},
            {"minimum": 3},
            {"type": "array", "items": {"type": "integer"}, "minItems": 5},
            {"type": "array", "items": {"type": "integer"}, "maxItems": 1},
            {"prefixItems": [{"type": "string"}, {"type": "null"}, {"const": 1}], "items": False},
            {"properties": {"a": {"type": "integer"}, "no": False}, "required": ["a", "b"]},
            {"type": "object", "additionalProperties": {"type": "integer"}},
            {"anyOf": [{"type": "integer"}, {"type": "string"}], "oneOf": [{}, {"enum": ["a", 1]}]},
            {
                "allOf": [
                    {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
                    {"properties": {"b": {"type": "null"}}, "required": ["b"]},
                ],
                "anyOf": [{"properties": {"c": {"const": 1}}, "required": ["c"]}],
            },
            NODE,
            MANY_KINDS,
            {"type": "array", "minItems": 1, "items": {"anyOf": [{"$ref": "#"}, {"type": "string"}]}},
        ],
    )
    def test_value_fits(self, schema: Any) -> None:
        for seed in range(6):
            value = make(schema, seed)
            assert valid(value, schema, schema), value
            assert value == make(schema, seed)

    def test_optional_parts_are_filled_in_near_the_root(self) -> None:
        assert set(make({"properties": {"a": {}, "b": {}}})) == {"a", "b"}

    @pytest.mark.parametrize("form", ["date", "date-time", "email", "uuid", "uri"])
    def test_formats(self, form: str) -> None:
        assert make({"type": "string", "format": form}) != make({"type": "string"})

    def test_unknown_format_is_text_from_the_prompt(self) -> None:
        assert make({"type": "string", "format": "poem"}) == "World"
        assert make({"type": "string"}, words="only small") in ("only", "small")
        assert make({"type": "string"}, words="") == "text"

    @pytest.mark.parametrize(
        "schema",
        [
            {"$ref": "#"},
            {"$ref": "other.json"},
            {"$ref": "#/$defs/missing"},
            {"allOf": [{"$ref": "#"}]},
            {"anyOf": [{"$ref": "#"}]},
            {"properties": {"a": {"$ref": "#"}}, "required": ["a"]},
            {"properties": {"a": 5}},
            {"type": "object", "additionalProperties": False, "required": ["a"]},
            {"type": "integer", "minimum": 5, "maximum": 4},
            {"type": "integer", "minimum": "5"},
        ],
    )
    def test_what_admits_no_value_is_refused(self, schema: Any) -> None:
        with pytest.raises(RequestError) as caught:
            make(schema)
        assert caught.value.status == 422

    @settings(max_examples=50, deadline=None)
    @given(data=st.data(), seed=st.integers(0, 1000))
    def test_any_combination_fits(self, data: st.DataObject, seed: int) -> None:
        leaves = st.sampled_from(
            [{"type": "string"}, {"type": "integer", "minimum": 3}, {"enum": ["x", 2]}, {"type": "null"}, {"const": 1}]
        )
        schemas = st.recursive(
            leaves,
            lambda inner: st.one_of(
                st.builds(
                    lambda parts, needed: {"type": "object", "properties": parts, "required": sorted(parts)[:needed]},
                    st.dictionaries(st.sampled_from("abc"), inner),
                    st.integers(0, 3),
                ),
                st.builds(
                    lambda part, least: {"type": "array", "items": part, "minItems": least}, inner, st.integers(0, 3)
                ),
                st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=3)),
            ),
            max_leaves=8,
        )
        schema = data.draw(schemas)
        assert valid(make(schema, seed), schema, schema)


class TestPattern:
    @pytest.mark.parametrize(
        "pattern",
        [
            r"^abc$",
            r"[a-z]{2,5}",
            r"[^a-z]+",
            r"(yes|no|maybe)",
            r"\d+\.\d{2}",
            r"\D\S\W\s",
            r"[\W]",
            r"[^\S]",
            r"[^a][^,]*?",
            r".+",
            r"(?:ab)*+c",
            r"(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])",
            r"a{,2}b{2,}c??[]x-]\[\]",
            r"\bword\b|[\w.+-]+@[\w-]+\.[\w.]+",
            r"(a|b(c|d){2})+|",
            r'\{"a": \d+\}',
            r"[\u0400-\u04ff]{4}",
        ],
    )
    def test_text_matches(self, pattern: str) -> None:
        for seed in range(20):
            assert re.search(pattern, text_for_pattern(pattern, random.Random(seed)))

    @pytest.mark.parametrize("pattern", ["(", r"\p{L}+", "a{99999999999999999999}", r"(a|b)x\1", "(?=a)a", "(?i)a"])
    def test_unreadable_pattern_gives_some_text(self, pattern: str) -> None:
        assert text_for_pattern(pattern, random.Random(0)) == "text"

    def test_repetition_is_bounded(self) -> None:
        assert len(text_for_pattern("a{1000000}", random.Random(0))) == 1000

    def test_class_without_members_gives_some_text(self) -> None:
        assert text_for_pattern(r"[^\s\S]", random.Random(0)) == "a"


def test_key_is_not_needed_for_a_scripted_answer(server: LocalServer) -> None:
    server.reply(body="ok")
    assert ask(server, X="1").body == b"ok"
    assert KEY["Authorization"].startswith("Bearer ")


def test_answers_say_what_is_said_and_leave_the_rest_to_the_server() -> None:
    seen: list[Any] = []

    def answers(messages: list[dict[str, Any]]) -> str | None:
        seen.append(messages)
        return "Mine." if messages[-1]["content"] == "mine" else None

    with LocalServer(answers=answers) as server, server.client() as client:
        for content, said in (("mine", True), ("yours", False)):
            messages: Any = [{"role": "user", "content": content}]
            answer = client.chat.completions.create(model="m", messages=messages, tools=[_NAMED], tool_choice="none")
            assert (answer.text == "Mine.") == said
            assert seen[-1] == messages
        answer = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "mine"}], tools=[_NAMED]
        )
        assert answer.choices is not None
        assert answer.choices[0].finish_reason == "stop"
        assert (
            client.completions.create(model="m", prompt="mine", max_tokens=1).to_dict()["choices"][0]["text"] == "Mine"
        )


def test_answers_that_cannot_be_said() -> None:
    with pytest.raises(TypeError, match="answers must be a function of the messages"):
        LocalServer(answers="It is so.")  # type: ignore[arg-type]
    wrong: Any = dict
    with (
        LocalServer(answers=lambda _: wrong()) as server,
        server.client(max_retries=0) as client,
        pytest.raises(InternalServerError, match="answers must return a text or None, not dict"),
    ):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])


_NAMED: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
