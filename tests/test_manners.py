"""Answers asked to behave like pydantic models; pydantic itself, FastAPI and pandas say what that is."""

import copy
import importlib
import json
import pickle
import pkgutil
import subprocess
import sys
from typing import Annotated, Any

import msgspec
import pydantic
import pytest
from support.clients import KEY

import togetherpy.types
from togetherpy import Together
from togetherpy._core.decode import decode_json
from togetherpy.testing import LocalServer
from togetherpy.types._model import Model
from togetherpy.types.chat_completions import (
    ChatCompletionChoicesData,
    ChatCompletionChunk,
    ChatCompletionMessage,
    ChatCompletionResponse,
    ResponseFormat,
    Tools,
)
from togetherpy.types.chat_messages import Sent
from togetherpy.types.common import FinishReason, FunctionCall, MessageRole, TokenLogprob, ToolCalls, UsageData
from togetherpy.types.parsed import ParsedChatCompletion, ParsedMessage

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}", "new": 1}}
BODY: dict[str, Any] = {
    "id": "x",
    "object": "chat.completion",
    "created": 7,
    "model": None,
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": {"content": [{"token": "a", "logprob": -1.5, "top_logprobs": [{"token": "b", "new": 1}]}]},
            "message": {"role": "assistant", "content": "hi", "tool_calls": [CALL], "new": {"a": [None]}},
        },
        {"index": 1, "finish_reason": "brand_new", "message": {"role": "assistant", "content": None}},
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "new": 2},
    "new": [{"c": 3}],
}


def response() -> Any:
    return decode_json(msgspec.json.Decoder(ChatCompletionResponse), json.dumps(BODY).encode())


def every_type() -> list[type[Model]]:
    for module in pkgutil.iter_modules(togetherpy.types.__path__, "togetherpy.types."):
        importlib.import_module(module.name)
    found: list[type[Model]] = []
    waiting = [Model]
    while waiting:
        below = [one for one in waiting.pop().__subclasses__() if one.__module__.startswith("togetherpy.types.")]
        found += [one for one in below if one.__struct_fields__ and not one.__struct_config__.forbid_unknown_fields]
        waiting += below
    return found


ANSWERED = [one for one in every_type() if not issubclass(one, Sent)]
each_type = pytest.mark.parametrize("cls", ANSWERED, ids=lambda cls: cls.__name__)


@each_type
def test_what_every_type_can_be_asked(cls: Any) -> None:
    made = cls.model_validate({"new_": 1})
    if not hasattr(cls, "keys"):  # a document that was ranked is gone through as a dict is
        assert dict(made) == {**{name: getattr(made, name) for name in cls.__struct_fields__}, "new_": 1}
    assert made.model_fields_set >= {"new_"}
    assert list(cls.model_fields) == list(made.model_fields) == list(cls.__struct_fields__)
    assert made.dict() == made.model_dump() == json.loads(made.json())
    assert cls(**made.model_dump()).model_extra == {"new_": 1}
    for other in (made.copy(), made.model_copy(deep=True), cls.parse_raw(made.json()), cls.parse_obj(made.dict())):
        assert type(other) is cls
        assert other.model_extra == {"new_": 1}
    assert cls.model_json_schema()["properties"].keys() == set(cls.__struct_encode_fields__)
    adapter = pydantic.TypeAdapter(cls)
    assert adapter.validate_python({"new_": 1}) == made
    assert adapter.dump_python(made) == made.model_dump()
    assert adapter.json_schema()["properties"].keys() == set(cls.__struct_encode_fields__)
    assert made in [made]
    assert made


def test_pairs_of_name_and_value() -> None:
    made = response()
    pairs = dict(made)
    assert list(made) == list(pairs.items())
    assert pairs["choices"] is made.choices
    assert pairs["new"] == [{"c": 3}]
    assert pairs["warnings"] is None
    assert len(pairs) == len(ChatCompletionResponse.__struct_fields__) + 1


def test_an_answer_from_its_own_data() -> None:
    made = response()
    texts = made.model_dump_json(), made.model_dump_json().encode(), bytearray(made.model_dump_json(indent=2).encode())
    for other in (
        ChatCompletionResponse(**made.model_dump()),
        ChatCompletionResponse(**dict(made)),
        ChatCompletionResponse(**BODY),
        ChatCompletionResponse.model_validate(made.to_dict()),
        ChatCompletionResponse.model_validate({**BODY, "choices": tuple(BODY["choices"])}),
        *map(ChatCompletionResponse.model_validate_json, texts),
    ):
        assert other == made
        assert other.to_dict() == made.to_dict()
        first, second = other.choices
        assert type(first) is ChatCompletionChoicesData
        assert first.finish_reason is FinishReason.StopSequence
        assert type(second.finish_reason) is FinishReason
        assert second.finish_reason == "brand_new"
        assert type(first.message.tool_calls[0].function) is FunctionCall
        assert first.message.tool_calls[0].function.new == 1
        assert first.message.new == {"a": [None]}
        assert type(first.logprobs.content[0].top_logprobs[0]) is TokenLogprob
        assert pickle.loads(pickle.dumps(other)) == copy.deepcopy(other) == made
    parsed: Any = ParsedChatCompletion(**made.model_dump())
    assert type(parsed.choices[0].message) is ParsedMessage
    chunk = ChatCompletionChunk(choices=[{"delta": {"content": "a", "new": 1}}], obfuscation="x")
    assert chunk.to_dict() == {"choices": [{"delta": {"content": "a", "new": 1}}], "obfuscation": "x"}


def test_data_is_not_shared_and_objects_are_kept() -> None:
    given = json.loads(json.dumps(BODY))
    made: Any = ChatCompletionResponse(**given)
    given["choices"][0]["message"]["more"] = 1
    given["more"] = 1
    assert "more" not in made.model_extra
    assert "more" not in made.choices[0].message.model_extra
    message = response().choices[0].message
    for choice in (
        ChatCompletionChoicesData(message=message),
        ChatCompletionChoicesData.model_validate({"message": message}),
    ):
        assert choice.message is message
        assert choice.to_dict() == {"message": BODY["choices"][0]["message"]}
    assert ChatCompletionResponse.model_validate(made) is made


def test_what_does_not_fit_is_kept() -> None:
    odd = {"id": 5, "choices": [{"message": "text", "index": "0"}, 7], "usage": [1], "object": None, "created": "1"}
    made = ChatCompletionResponse.model_validate(odd)
    assert made.model_dump(exclude_unset=True) == odd
    assert made.id == 5
    assert ChatCompletionResponse.model_validate_json('{"id": "\\ud800", "created": NaN}').id == "\ufffd"


@pytest.mark.parametrize("bad", [5, "text", None, [("id", "x")]], ids=repr)
def test_what_is_no_object(bad: Any) -> None:
    with pytest.raises(ValueError, match="ChatCompletionResponse is made of a JSON object"):
        ChatCompletionResponse.model_validate(bad)
    with pytest.raises(ValueError, match="ChatCompletionResponse is made of a JSON object"):
        ChatCompletionResponse.model_validate_json(json.dumps(bad))
    with pytest.raises(ValueError, match="made of JSON, and this is not"):
        ChatCompletionResponse.model_validate_json("{")


def test_objects_that_are_sent() -> None:
    assert Tools(function={"name": "f"}).function.name == "f"
    assert ResponseFormat.model_validate({"type": "json_object", "schema": {}}).schema_ == {}
    assert ResponseFormat(type="json_object", schema_={}).to_dict() == {"type": "json_object", "schema": {}}
    with pytest.raises(TypeError, match="strict"):  # it could not be sent, so it is not taken
        Tools(function={"name": "f", "strict": True})
    with pytest.raises(ValueError, match=r"Tools: .*function"):
        Tools.model_validate({})
    assert Tools.model_fields["function"].is_required()
    assert not Tools.model_fields["type"].is_required()
    assert ResponseFormat.model_fields["schema_"].alias == "schema"


class Mirror(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


@pytest.mark.parametrize("data", [{}, {"total_tokens": 3}, {"total_tokens": None, "new": 1}], ids=repr)
def test_as_pydantic_does(data: Any) -> None:
    """The same questions to a model of pydantic's, which says what is right."""
    ours, theirs = UsageData(**data), Mirror(**data)
    shown = theirs.model_dump()
    for one, other in (
        (ours, theirs),
        (UsageData.model_validate(data), Mirror.model_validate(data)),
        (
            ours.model_copy(update={"total_tokens": 5, "more": 2}),
            theirs.model_copy(update={"total_tokens": 5, "more": 2}),
        ),
        (
            ours.model_copy(update={"more": {"a": 1}}, deep=True),
            theirs.model_copy(update={"more": {"a": 1}}, deep=True),
        ),
    ):
        assert one.model_fields_set == other.model_fields_set
        assert one.model_extra == other.model_extra
        assert one.model_dump(exclude_unset=True) == other.model_dump(exclude_unset=True)
        assert {name: value for name, value in one if name in other.model_dump()} == dict(other)
    assert theirs.model_dump() == shown
    assert isinstance(ours, UsageData)


def test_a_copy_of_some_fields() -> None:
    made = response()
    assert made.copy(include={"id", "new"}).to_dict() == {"id": "x", "new": [{"c": 3}]}
    some = made.copy(exclude={"choices": {"__all__": {"logprobs"}}}, update={"id": "y"})
    assert (some.id, some.choices[0].logprobs) == ("y", None)
    assert some.choices[0].message == made.choices[0].message
    assert made.id == "x"


def test_constructed_of_what_nobody_looks_at() -> None:
    made = ChatCompletionResponse.model_construct(id=5, choices=[{"a": 1}], new=1)
    assert made.choices == [{"a": 1}]
    assert ChatCompletionResponse.construct(**dict(made)) == made


def test_fields_are_assigned() -> None:
    made = response()
    made.id = "y"
    made.latency = 1.5
    made.new = None
    made.choices[0].message.checked = True
    made.usage = UsageData(total_tokens=9)
    assert (made.latency, made.new, made.choices[0].message.checked) == (1.5, None, True)
    for other in (made, copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        plain = other.to_dict()
        assert (plain["id"], plain["latency"], plain["new"]) == ("y", 1.5, None)
        assert plain["choices"][0]["message"]["checked"] is True
        assert plain["usage"] == {"total_tokens": 9}
        assert plain["choices"][0]["message"]["new"] == {"a": [None]}
    fresh: Any = UsageData()
    fresh.cost = 0.5
    assert fresh.model_dump(exclude_none=True) == {"cost": 0.5}
    for name in ("to_dict", "_private", "model_extra"):
        with pytest.raises(AttributeError):
            setattr(made, name, 1)


def test_by_the_standard_library() -> None:
    made = response()
    for default in (dict, lambda one: one.model_dump(), lambda one: one.to_dict()):
        assert json.loads(json.dumps(made, default=default))["choices"][0]["message"]["content"] == "hi"
    with pytest.raises(TypeError):
        json.dumps(made)
    with pytest.raises(TypeError):
        hash(made)


def test_what_is_sent_back() -> None:
    """An object can be gone through now, and is still no list of messages, tools or texts."""
    message = ChatCompletionMessage(role=MessageRole.ASSISTANT, content="hi", refusal="no")
    with LocalServer() as server, Together(api_key=KEY, base_url=server.base_url) as client:
        create: Any = client.chat.completions.create
        create(model="m", messages=[{"role": "user", "content": "a"}, message, {"role": "user", "content": "b"}])
        for bad in (
            {"messages": message},
            {"tools": UsageData(), "messages": []},
            {"stop": UsageData(), "messages": []},
        ):
            with pytest.raises((TypeError, togetherpy.APIStatusError)):
                create(model="m", **bad)
        with pytest.raises(TypeError, match="messages must be a list of messages"):
            create(model="m", messages=message)
        with pytest.raises(TypeError, match="requests must be"):
            client.chat.completions.map(message, model="m")
    sent = json.loads(server.requests[0].body)["messages"]
    assert sent[1] == {"role": "assistant", "content": "hi", "refusal": "no"}


# Those who ask


class Report(pydantic.BaseModel):
    answer: ChatCompletionResponse
    more: list[UsageData] = []


def test_in_a_model_of_pydantics() -> None:
    made = response()
    report = Report(answer=made, more=[{"total_tokens": 1, "new": 2}])
    assert report.answer is made
    assert report.more == [UsageData(total_tokens=1)]
    assert report.model_dump()["answer"] == made.model_dump()
    assert report.model_dump(exclude_none=True)["answer"] == made.to_dict()
    assert report.model_dump(include={"answer": {"usage": {"total_tokens"}}}) == {
        "answer": {"usage": {"total_tokens": 3}}
    }
    again = Report.model_validate_json(report.model_dump_json())
    assert again.answer == made
    assert again.more[0].model_extra == {"new": 2}
    with pytest.raises(pydantic.ValidationError, match="made of a JSON object"):
        Report.model_validate({"answer": 5})
    text = json.dumps(Report.model_json_schema())
    assert '"total_tokens"' in text


def test_a_schema_of_a_type_that_holds_itself() -> None:
    schema = TokenLogprob.model_json_schema(ref_template="#/components/{model}")
    assert "#/components/TokenLogprob" in json.dumps(schema)
    whole = json.dumps(pydantic.TypeAdapter(list[TokenLogprob]).json_schema())
    assert "$ref" not in whole
    assert ChatCompletionResponse.schema()["$defs"]["FinishReason"]["type"] == "string"


def test_pydantic_is_not_imported() -> None:
    code = """
import sys
from togetherpy.types.chat_completions import ChatCompletionResponse as R
made = R(choices=[{"message": {"content": "a"}}], new=1)
made.model_copy(update={"id": 1}), R.model_validate_json(made.json()), R.model_json_schema(), R.model_fields, dict(made)
R.__get_pydantic_core_schema__(R, None)
assert not any(name.startswith("pydantic") for name in sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_what_is_not_asked_for_is_not_loaded() -> None:
    code = """
import sys
import msgspec
from togetherpy.types.chat_completions import ChatCompletionResponse as R
R(), msgspec.json.decode(b'{"id": "x", "choices": [{"message": {}}]}', type=R), R().to_dict()
assert not {"togetherpy.types._build", "togetherpy.types._pydantic"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


@pytest.mark.slow
def test_fastapi_answers_with_an_answer() -> None:
    fastapi = pytest.importorskip("fastapi")
    testclient = pytest.importorskip("fastapi.testclient")
    encoders = pytest.importorskip("fastapi.encoders")
    made = response()
    assert encoders.jsonable_encoder(made) == made.model_dump()
    assert encoders.jsonable_encoder({"a": [made]}) == {"a": [made.model_dump()]}
    app = fastapi.FastAPI()

    @app.get("/typed")
    def typed() -> ChatCompletionResponse:
        return made

    @app.get("/bare", response_model=ChatCompletionResponse, response_model_exclude_none=True)
    def bare() -> Any:
        return made

    @app.get("/inside", response_model=Report)
    def inside() -> Any:
        return {"answer": made.model_dump(), "more": [UsageData(total_tokens=1)]}

    @app.post("/taken")
    def taken(answer: Annotated[ChatCompletionResponse, fastapi.Body()]) -> dict[str, Any]:
        return {"type": type(answer).__name__, "extra": answer.model_extra}

    with testclient.TestClient(app) as client:
        assert client.get("/typed").json() == made.model_dump()
        assert client.get("/bare").json() == made.to_dict()
        assert client.get("/inside").json()["answer"] == made.model_dump()
        assert client.post("/taken", json=BODY).json() == {
            "type": "ChatCompletionResponse",
            "extra": {"new": [{"c": 3}]},
        }
        assert client.post("/taken", json=[1]).status_code == 422
        assert "total_tokens" in client.get("/openapi.json").text


@pytest.mark.slow
def test_pandas_makes_tables_of_answers() -> None:
    pandas = pytest.importorskip("pandas")
    answers = [response(), response().model_copy(update={"id": "y", "cost": 1})]
    frame = pandas.DataFrame([one.model_dump() for one in answers])
    assert list(frame["id"]) == ["x", "y"]
    assert frame["cost"][1] == 1
    flat = pandas.json_normalize([one.model_dump() for one in answers])
    assert list(flat["usage.total_tokens"]) == [3, 3]
    choices = pandas.json_normalize([one.to_dict() for one in answers], record_path="choices", meta=["id"])
    assert next(iter(choices["message.content"])) == "hi"
    assert list(choices["id"]) == ["x", "x", "y", "y"]
    assert list(pandas.DataFrame([dict(one.usage) for one in answers])["total_tokens"]) == [3, 3]
    assert ToolCalls(**BODY["choices"][0]["message"]["tool_calls"][0]).id == "c"
