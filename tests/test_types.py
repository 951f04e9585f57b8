"""The Structs: open, optional, and plain data again when asked."""

import copy
import importlib
import itertools
import json
import pickle
from typing import Any, get_args, get_type_hints

import msgspec
import pydantic
import pytest

from togetherpy._core.decode import decode_json
from togetherpy.types import chat_completions, common
from togetherpy.types._model import Model, _names_of_inner, keep_raw
from togetherpy.types.chat_completions import (
    ChatCompletionChunk,
    ChatCompletionMessage,
    ChatCompletionMessageContent,
    ChatCompletionMessageContentImageURL,
    ChatCompletionMessageContentType,
    ChatCompletionResponse,
    FunctionTool,
    FunctionToolChoice,
    ResponseFormat,
    ResponseFormatType,
    ToolChoice,
    ToolChoiceEnum,
    Tools,
)
from togetherpy.types.common import FinishReason, MessageRole, ObjectType, TokenLogprob, ToolCalls, UsageData
from togetherpy.types.tool_runs import ToolResult, ToolRun, ToolStep

SENT_BY_THE_SERVER = [
    *(getattr(common, name) for name in common.__all__ if issubclass(getattr(common, name), Model)),
    chat_completions.ChatCompletionMessage,
    chat_completions.ChatCompletionChoicesData,
    chat_completions.ChatCompletionResponse,
    chat_completions.ChatCompletionChoicesChunk,
    chat_completions.ChatCompletionChunk,
]


@pytest.mark.parametrize("cls", SENT_BY_THE_SERVER, ids=lambda cls: cls.__name__)
def test_every_field_of_an_answer_is_optional(cls: type[Model]) -> None:
    made = cls()
    assert all(getattr(made, name) is None for name in cls.__struct_fields__)
    assert set(cls.__struct_defaults__) <= {None}
    assert made == msgspec.json.decode(b"{}", type=cls)
    nulls = dict.fromkeys(cls.__struct_encode_fields__)
    assert made == msgspec.json.decode(json.dumps(nulls).encode(), type=cls)
    assert made.to_dict() == {}
    assert made.model_dump() == nulls
    assert made.model_dump(exclude_none=True) == {}
    assert made.model_extra == {}
    assert cls.__doc__


BODY = {
    "id": "x",
    "object": "chat.completion",
    "created": 7,
    "model": "m",
    "prompt": [],
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "seed": 17786007661749115000,
            "message": {"role": "assistant", "content": "hi", "tool_calls": [], "audio": None, "new": {"a": [None]}},
            "new": 1,
        },
        {"index": 1, "finish_reason": "brand_new", "message": {"role": "assistant", "content": None}},
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "new": {"b": 2}},
    "new": [{"c": 3}],
    "null": None,
}


def response() -> ChatCompletionResponse:
    return decode_json(msgspec.json.Decoder(ChatCompletionResponse), json.dumps(BODY).encode())


EXPECTED = {
    "id": "x",
    "object": "chat.completion",
    "created": 7,
    "model": "m",
    "prompt": [],
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "seed": 17786007661749115000,
            "message": {"role": "assistant", "content": "hi", "tool_calls": [], "audio": None, "new": {"a": [None]}},
            "new": 1,
        },
        {"index": 1, "finish_reason": "brand_new", "message": {"role": "assistant"}},
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "new": {"b": 2}},
    "new": [{"c": 3}],
    "null": None,
}


def test_to_dict_holds_what_the_server_sent() -> None:
    made = response()
    assert made.to_dict() == EXPECTED
    assert json.loads(made.to_json()) == EXPECTED
    assert made.model_dump(exclude_none=True) == EXPECTED
    assert json.loads(made.model_dump_json(exclude_none=True)) == EXPECTED
    plain = made.to_dict()
    assert type(plain["object"]) is str
    assert type(plain["choices"][1]["finish_reason"]) is str


def test_model_dump_names_what_is_absent() -> None:
    dumped = response().model_dump()
    assert dumped["warnings"] is None
    assert dumped["choices"][0]["logprobs"] is None
    assert dumped["choices"][1]["message"]["content"] is None
    assert dumped["choices"][0]["message"]["new"] == {"a": [None]}
    assert set(dumped) == {*ChatCompletionResponse.__struct_fields__, "new", "null"}
    assert json.loads(response().model_dump_json()) == dumped


MESSAGES = {"role": "assistant", "content": "hi"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"include": {"id"}}, {"id": "x"}),
        ({"include": ["id", "new"]}, {"id": "x", "new": [{"c": 3}]}),
        ({"include": {"usage": {"total_tokens"}}}, {"usage": {"total_tokens": 3}}),
        ({"include": {"usage": {"new": ..., "total_tokens": True}}}, {"usage": {"total_tokens": 3, "new": {"b": 2}}}),
        ({"include": {"choices": {0: {"index"}}}}, {"choices": [{"index": 0}]}),
        ({"include": {"choices": {-1: {"index"}}}}, {"choices": [{"index": 1}]}),
        ({"include": {"choices": {"__all__": {"index"}}}}, {"choices": [{"index": 0}, {"index": 1}]}),
        ({"include": set()}, {}),
        (
            {"include": {"choices"}, "exclude": {"choices": {"__all__": {"seed", "new", "message"}, 1: {"index"}}}},
            {"choices": [{"index": 0, "finish_reason": "stop"}, {"finish_reason": "brand_new", "message": MESSAGES}]},
        ),
        ({"include": {"usage"}, "exclude": {"usage": {"new": True, "total_tokens": False}}}, None),
        ({"include": {"usage", "id"}, "exclude": {"usage"}}, {"id": "x"}),
    ],
    ids=repr,
)
def test_what_is_asked_for_and_what_is_left_out(arguments: Any, expected: Any) -> None:
    made = response()
    made.choices[1].message.content = "hi"
    if expected is None:
        expected = {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}
    assert made.model_dump(exclude_none=True, **arguments) == expected
    assert json.loads(made.model_dump_json(exclude_none=True, **arguments)) == expected


def test_as_pydantic_does() -> None:
    """The same rules on a model of pydantic's, which says what is right."""

    class Inner(pydantic.BaseModel):
        prompt_tokens: int | None = None
        completion_tokens: int | None = None
        total_tokens: int | None = None

    class Outer(pydantic.BaseModel):
        id: str | None = None
        model: str | None = None
        usage: Inner | None = None
        choices: list[Inner] | None = None

    raw = b'{"id": null, "usage": {"prompt_tokens": 1, "total_tokens": null}}'
    theirs, ours = Outer.model_validate_json(raw), keep_raw(msgspec.json.decode(raw, type=ChatCompletionResponse), raw)
    rules: list[Any] = [None, {"id"}, {"usage": {"prompt_tokens"}}, {"usage": ...}, {"usage": True, "id": True}]
    for include, exclude in itertools.product(rules, rules):
        arguments = {"include": include, "exclude": exclude}
        for flags in ({"exclude_unset": True}, {"exclude_defaults": True}, {"exclude_none": True}):
            assert ours.model_dump(**arguments, **flags) == theirs.model_dump(**arguments, **flags), (arguments, flags)


def test_what_was_not_sent_or_is_the_default() -> None:
    made = response()
    assert made.model_dump(exclude_unset=True) == BODY
    assert made.model_dump(exclude_defaults=True) == EXPECTED
    made.warnings = []
    assert made.model_dump(exclude_unset=True)["warnings"] == []
    by_hand = UsageData(total_tokens=1)
    assert by_hand.model_dump(exclude_unset=True) == by_hand.model_dump(exclude_defaults=True) == {"total_tokens": 1}


def test_other_arguments_of_pydantics_methods() -> None:
    assert response().model_dump(mode="json", by_alias=True, exclude_none=True) == EXPECTED
    assert response().model_dump(mode="python", by_alias=False, exclude_none=True) == EXPECTED
    text = response().model_dump_json(indent=2, exclude_none=True)
    assert text == json.dumps(response().to_dict(), indent=2) == response().to_json(indent=2)
    assert response().to_json() == json.dumps(response().to_dict(), separators=(",", ":"))


@pytest.mark.parametrize("method", ["model_dump", "model_dump_json", "to_json", "to_dict"])
@pytest.mark.parametrize("name", ["exclude_none_", "context", "excludes", "sort_keys"])
def test_arguments_that_nobody_knows(method: str, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        getattr(response(), method)(**{name: True})


@pytest.mark.parametrize("arguments", [{"include": "id"}, {"exclude": "id"}, {"exclude": 5}], ids=repr)
def test_rules_of_another_kind(arguments: Any) -> None:
    with pytest.raises(TypeError, match=f"{next(iter(arguments))} must be a set of names"):
        response().model_dump(**arguments)
    with pytest.raises(ValueError, match="mode must be"):
        response().model_dump(mode="yaml")


# What repr shows


def test_repr_shows_what_is_there() -> None:
    shown = repr(response())
    assert shown.startswith("ChatCompletionResponse(id='x', ")
    assert "=None" not in shown
    assert "finish_reason='stop'" in shown
    assert "finish_reason='brand_new'" in shown
    assert "new=[{'c': 3}]" in shown
    assert repr(UsageData()) == "UsageData()"


def test_repr_cuts_what_is_long() -> None:
    text = "Once upon a time " * 1000
    choice = {"message": {"role": "assistant", "content": text}, "logprobs": {"tokens": ["a"] * 5000}}
    made = msgspec.convert({"id": "x", "choices": [choice] * 128, "metadata": {"k": text}}, ChatCompletionResponse)
    shown = repr(made)
    assert len(shown) <= 24 * 80
    assert "content='Once upon a time " in shown
    assert "... (17,000 characters)" in shown
    assert "... 4,996 more]" in shown
    assert "... 124 more]" in shown
    few = msgspec.convert({"choices": [{"message": {"content": "a"}}] * 3}, ChatCompletionResponse)
    assert "more" not in repr(few)


def test_repr_of_a_run_of_tools() -> None:
    text = "Once upon a time " * 1000
    answer = response()
    results = [ToolResult(call=ToolCalls(id="c"), content=text, value=text, error=ValueError(text))] * 3
    run = ToolRun(
        response=answer,
        messages=[{"role": "user", "content": text}] * 50,
        steps=[ToolStep(response=answer, results=results)],
    )
    assert len(repr(run)) <= 24 * 80
    assert repr(run).startswith("ToolRun(response=ChatCompletionResponse(id='x', ")
    assert "... 46 more]" in repr(run)
    assert repr(results[0]).startswith("ToolResult(call=ToolCalls(id='c'), content='Once upon")


def test_repr_of_what_holds_itself_and_of_anything() -> None:
    inner: list[Any] = []
    inner.append(inner)
    made = ChatCompletionResponse(id="x", error=inner, usage=UsageData(prompt_tokens_details={"k": b"z" * 10_000}))
    assert len(repr(made)) < 1000


def test_unknown_fields() -> None:
    made = response()
    assert made.model_extra == {"new": [{"c": 3}], "null": None}
    assert made.new == [{"c": 3}]
    assert made.null is None
    with pytest.raises(AttributeError, match="ChatCompletionResponse has no field 'old'"):
        _ = made.old


def test_what_was_changed_since_is_shown_as_it_is() -> None:
    made = response()
    made.choices[0].message.content = "changed"
    made.model = None
    del made.choices[1]
    plain = made.to_dict()
    assert plain["choices"][0]["message"]["content"] == "changed"
    assert "model" not in plain
    assert len(plain["choices"]) == 1
    assert plain["new"] == [{"c": 3}]


def test_objects_made_by_hand() -> None:
    made = UsageData(prompt_tokens=1, prompt_tokens_details={"a": None})
    assert made.to_dict() == {"prompt_tokens": 1, "prompt_tokens_details": {"a": None}}
    assert made.to_json() == '{"prompt_tokens":1,"prompt_tokens_details":{"a":null}}'
    assert made.model_extra == {}
    with pytest.raises(TypeError):
        UsageData(1)  # by keyword only: the order of fields is no promise


def test_copies_are_equal_and_independent() -> None:
    made = response()
    for other in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert other == made
        other.choices[0].message.content = "changed"
        assert made.choices[0].message.content == "hi"
    assert repr(made).startswith("ChatCompletionResponse(id='x', ")


def test_unknown_fields_of_what_is_inside() -> None:
    made = response()
    both = made, pickle.loads(pickle.dumps(made)), copy.deepcopy(made), copy.copy(made)
    for other in both:
        assert other.to_dict() == EXPECTED
        first, second = other.choices
        assert (first.model_extra, second.model_extra) == ({"new": 1}, {})
        assert first.message.model_extra == {"audio": None, "new": {"a": [None]}}
        assert first.message.to_dict() == EXPECTED["choices"][0]["message"]
        assert (first.message.audio, first.message.new, first.new) == (None, {"a": [None]}, 1)
        assert other.usage.model_extra == {"new": {"b": 2}}
        with pytest.raises(AttributeError):
            _ = second.message.new
        assert not hasattr(first.message, "other")
    alone = pickle.loads(pickle.dumps(response().choices[0].message))
    assert alone.new == {"a": [None]}
    assert copy.copy(response().usage).new == {"b": 2}


def test_what_was_moved_keeps_its_unknown_fields() -> None:
    made = response()
    del made.choices[0]
    made.choices.append(response().choices[0])
    assert [one.model_extra for one in made.choices] == [{}, {"new": 1}]
    assert made.to_dict()["choices"][1]["message"]["new"] == {"a": [None]}


def test_fields_that_are_structs_in_structs() -> None:
    raw = b'{"token": "a", "top_logprobs": [{"token": "b", "new": 1}]}'
    made = keep_raw(msgspec.json.decode(raw, type=TokenLogprob), raw)
    assert made.top_logprobs == [TokenLogprob(token="b")]
    assert made.to_dict() == json.loads(raw)
    assert keep_raw(5, raw) == 5


def test_chunks() -> None:
    raw = b'{"choices": [{"index": 0, "delta": {"content": "a", "new": 1}, "logprobs": -1}], "obfuscation": "x"}'
    chunk = decode_json(msgspec.json.Decoder(ChatCompletionChunk), raw)
    assert chunk.to_dict() == json.loads(raw)
    assert chunk.model_extra == {"obfuscation": "x"}


def test_an_answers_message_in_messages() -> None:
    made = response()
    messages = [{"role": "user", "content": "hi"}, *(one.message for one in made.choices)]
    assert json.loads(msgspec.json.encode(messages)) == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hi", "tool_calls": []},
        {"role": "assistant"},
    ]


# Vocabularies


@pytest.mark.parametrize("cls", [FinishReason, ObjectType, MessageRole], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("word", ["brand_new", "", "Stop", "\u6c34"])
def test_vocabularies_are_open(cls: Any, word: str) -> None:
    size = len(cls)
    made = msgspec.json.decode(json.dumps(word).encode(), type=cls)
    assert isinstance(made, cls)
    assert made == word == made.value == str(made) == f"{made}"
    assert made == cls(word)
    assert {made: 1}[word] == 1
    assert len(cls) == size  # what a server sends does not make the class grow
    assert msgspec.json.encode(made) == json.dumps(word, ensure_ascii=False).encode()
    for other in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert other == made
        assert type(other) is cls
    assert repr(made).startswith(f"<{cls.__name__}.")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_new_word_is_pickled_by_any_protocol(protocol: int) -> None:
    made = FinishReason("brand_new")
    again = pickle.loads(pickle.dumps(made, protocol))
    assert (again, type(again)) == (made, FinishReason)
    assert made.__reduce_ex__(protocol) == (FinishReason, ("brand_new",))  # Python 3.11.2 would look for the name
    assert pickle.loads(pickle.dumps(FinishReason.EOS, protocol)) is FinishReason.EOS
    assert copy.copy(made) is copy.deepcopy(made) is made


def test_known_words_are_members() -> None:
    assert FinishReason("stop") is FinishReason.StopSequence
    assert msgspec.json.decode(b'"tool_calls"', type=FinishReason) is FinishReason.ToolCalls
    assert FinishReason.EOS == "eos"
    assert pickle.loads(pickle.dumps(FinishReason.EOS)) is FinishReason.EOS
    assert copy.deepcopy(FinishReason.EOS) is FinishReason.EOS


@pytest.mark.parametrize("cls", [FinishReason, ObjectType, MessageRole], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("value", [5, None, ["stop"]], ids=repr)
def test_only_strings_are_words(cls: Any, value: Any) -> None:
    with pytest.raises(ValueError, match="is not a valid"):
        cls(value)


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (FinishReason, {"length", "stop", "eos", "tool_calls", "error", "", "function_call", "content_filter"}),
        (
            ObjectType,
            {
                "text.completion",
                "completion.chunk",
                "chat.completion",
                "chat.completion.chunk",
                "embedding",
                "fine-tune-event",
                "file",
                "model",
            },
        ),
        (MessageRole, {"assistant", "system", "user", "tool"}),
        (ToolChoiceEnum, {"auto", "required", "none"}),
        (ResponseFormatType, {"json_object", "json_schema", "regex", "text"}),
        (ChatCompletionMessageContentType, {"text", "image_url", "video_url", "audio_url", "input_audio"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_words_of_the_vocabularies(cls: Any, words: set[str]) -> None:
    assert words <= {member.value for member in cls}


# What users send


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            ResponseFormat(type=ResponseFormatType.JSON_SCHEMA, schema_={"type": "object"}),
            {"type": "json_schema", "schema": {"type": "object"}},
        ),
        (ResponseFormat(type=ResponseFormatType.REGEX, pattern="a+"), {"type": "regex", "pattern": "a+"}),
        # "type" has a default, and must be sent all the same.
        (Tools(function=FunctionTool(name="f")), {"type": "function", "function": {"name": "f"}}),
        (ToolChoice(function=FunctionToolChoice(name="f")), {"type": "function", "function": {"name": "f"}}),
        (ChatCompletionMessage(role=MessageRole.USER, content="hi"), {"role": "user", "content": "hi"}),
        (
            ChatCompletionMessage(role="tool", content="5", tool_call_id="c"),
            {"role": "tool", "content": "5", "tool_call_id": "c"},
        ),
        (
            ChatCompletionMessageContent(
                type=ChatCompletionMessageContentType.IMAGE_URL,
                image_url=ChatCompletionMessageContentImageURL(url="https://x/y.png"),
            ),
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_users_send_as_objects(made: Model, expected: dict[str, Any]) -> None:
    assert json.loads(msgspec.json.encode(made)) == expected
    assert made.to_dict() == expected


# Names of the official package

NAMES = {
    "togetherpy.types": ["ChatCompletionChunk", "ChatCompletionResponse"],
    "togetherpy.types.common": [
        "DeltaContent",
        "FinishReason",
        "LogprobsPart",
        "ObjectType",
        "PromptPart",
        "UsageData",
    ],
    "togetherpy.types.chat_completions": [
        "ChatCompletionChoicesChunk",
        "ChatCompletionChoicesData",
        "ChatCompletionChunk",
        "ChatCompletionMessage",
        "ChatCompletionMessageContent",
        "ChatCompletionMessageContentImageURL",
        "ChatCompletionMessageContentType",
        "ChatCompletionMessageContentVideoURL",
        "ChatCompletionResponse",
        "FunctionCall",
        "FunctionTool",
        "FunctionToolChoice",
        "MessageRole",
        "ResponseFormat",
        "ResponseFormatType",
        "ToolCalls",
        "ToolChoice",
        "ToolChoiceEnum",
        "Tools",
    ],
    "togetherpy.error": [
        "APIConnectionError",
        "APIError",
        "AuthenticationError",
        "InvalidRequestError",
        "JSONError",
        "RateLimitError",
        "ResponseError",
        "ServiceUnavailableError",
        "Timeout",
        "TogetherException",
    ],
}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in NAMES.items() for name in names])
def test_names_of_the_official_package(module: str, name: str) -> None:
    assert isinstance(getattr(importlib.import_module(module), name), type)


@pytest.mark.parametrize("module", ["togetherpy.types", "togetherpy.types.common", "togetherpy.types.chat_completions"])
def test_what_a_star_import_brings(module: str) -> None:
    found = importlib.import_module(module)
    assert list(found.__all__) == sorted(found.__all__)
    assert all(hasattr(found, name) for name in found.__all__)
    assert set(found.__all__) <= set(dir(found))


@pytest.mark.parametrize("cls", SENT_BY_THE_SERVER, ids=lambda cls: cls.__name__)
def test_fields_that_may_hold_a_model_are_linked_and_no_others(cls: type[Model]) -> None:
    hints = get_type_hints(cls)
    assert _names_of_inner(cls) == tuple(name for name in cls.__struct_fields__ if _holds_model(hints[name]))


def _holds_model(hint: Any) -> bool:
    return (isinstance(hint, type) and issubclass(hint, Model)) or any(map(_holds_model, get_args(hint)))


def test_a_field_whose_hint_is_not_understood_may_hold_a_model() -> None:
    class Mine(ChatCompletionResponse):  # its module knows no such name
        here: "Elsewhere | None" = None  # type: ignore[name-defined]  # noqa: F821

    assert "here" in _names_of_inner(Mine)
