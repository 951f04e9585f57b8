"""(Config, Endpoint, parameters) -> Request; what cannot be sent is refused with its path."""

import collections
import datetime
import decimal
import enum
import json
import threading
import traceback
import types
import uuid
from typing import Any, NamedTuple

import numpy as np
import pytest
from support.objects import USER, Attrs, Data, Nothing, Pydantic, Struct, Words

from togetherpy._chat.facts import ChatAnswer, ChatEvents
from togetherpy._core.config import Config, Secret, make_config
from togetherpy._core.encode import encode_json, encode_request, plain_object
from togetherpy._core.wire import Endpoint, Request
from togetherpy.types.chat_completions import (
    ChatCompletionResponse,
    FunctionTool,
    ResponseFormat,
    ResponseFormatType,
    Tools,
)

KEY = "sk-Z9y8X7w6V5u4"
ENDPOINT: Endpoint[Any] = Endpoint("chat", "POST", "/chat/completions", ChatAnswer(ChatCompletionResponse))
STREAMED: Endpoint[Any] = Endpoint("chat", "POST", "/chat/completions", ChatEvents())


def config(**arguments: Any) -> Config:
    return make_config(lambda _: None, api_key=Secret(KEY), base_url="http://h:1/v1", **arguments)


def encode(params: dict[str, Any], *, stream: bool = False) -> Request:
    return encode_request(config(), STREAMED if stream else ENDPOINT, params, idempotency_key="once")


def body(**params: Any) -> Any:
    return json.loads(encode(params).body)


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not the text"


class Whole(int):
    pass


class Real(float):
    pass


class Colour(enum.Enum):
    RED = "red"
    NOWHERE = object()


class Row(collections.UserList):
    pass


class Pair(NamedTuple):
    a: int
    b: int


# The request


def test_a_plain_request() -> None:
    request = encode({"model": "m", "messages": [USER], "temperature": None, "n": 2})
    assert request.target == "/v1/chat/completions"
    assert json.loads(request.body) == {"model": "m", "messages": [USER], "n": 2}
    headers = dict(request.headers)
    assert headers.pop("User-Agent").startswith("togetherpy/")
    assert headers == {
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "Content-Type": "application/json",
        "Idempotency-Key": "once",
    }
    assert request.authorization == Secret(f"Bearer {KEY}")
    assert request.take == "whole"
    assert request.endpoint is ENDPOINT


def test_a_streamed_request() -> None:
    request = encode({"stream": True}, stream=True)
    assert dict(request.headers)["Accept"] == "text/event-stream"
    assert dict(request.headers)["Accept-Encoding"] == "identity"
    assert json.loads(request.body) == {"stream": True}
    assert request.take == "events"


@pytest.mark.fault("G5", "G6")
def test_neither_key_nor_prompt_is_shown() -> None:
    request = encode({"messages": [{"role": "user", "content": "the prompt"}]})
    for text in (repr(request), str(request), f"{request}"):
        assert KEY not in text
        assert "prompt" not in text
    assert repr(request) == f"<Request POST /v1/chat/completions {len(request.body)} bytes>"
    assert KEY.encode() not in request.body
    assert KEY not in repr(request.headers)


@pytest.mark.fault("H6")
def test_unknown_parameters_are_sent_and_none_is_not() -> None:
    assert body(a=1, brand_new={"x": None}, b=None) == {"a": 1, "brand_new": {"x": None}}


def test_extra_body_is_over_all() -> None:
    assert body(a=1, b=2, extra_body={"b": 3, "c": None}) == {"a": 1, "b": 3, "c": None}
    assert body(a=1, extra_body=None) == {"a": 1}
    assert body(a=1, extra_body={}) == {"a": 1}


def test_extra_headers() -> None:
    params = {"extra_headers": {"accept": "x/y", "X-New": "1", "Idempotency-Key": None, "authorization": "Basic b"}}
    request = encode(params)
    headers = dict(request.headers)
    assert (headers["accept"], headers["X-New"]) == ("x/y", "1")
    assert "Accept" not in headers
    assert "Idempotency-Key" not in headers
    assert request.authorization == Secret("Basic b")


@pytest.mark.fault("G12")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (None, ""),
        ({}, ""),
        ({"a": None}, ""),
        ({"a": 1, "b": "x y/&=?#\xe9"}, "?a=1&b=x+y%2F%26%3D%3F%23%C3%A9"),
        ({"a": [1, 2], "b": ("x", None)}, "?a=1&a=2&b=x"),
        ({"t": True, "f": False, "n": 1.5}, "?t=true&f=false&n=1.5"),
        ({"a\r\nb": "c\r\nd"}, "?a%0D%0Ab=c%0D%0Ad"),
    ],
)
def test_extra_query(query: Any, expected: str) -> None:
    assert encode({"extra_query": query}).target == "/v1/chat/completions" + expected


@pytest.mark.fault("H7")
def test_the_body_is_encoded_once() -> None:
    message = {"role": "user", "content": "before"}
    params = {"messages": [message]}
    request = encode(params)
    message["content"] = "after"
    params["messages"].clear()
    assert json.loads(request.body) == {"messages": [{"role": "user", "content": "before"}]}
    with pytest.raises(AttributeError):
        request.body = b""


def shown(error: BaseException) -> str:
    formatted = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(formatted.format())


@pytest.mark.fault("G4", "G5")
@pytest.mark.parametrize(
    "params",
    [
        {"extra_headers": {"X": "a\r\nb"}},
        {"extra_headers": {"X Y": "a"}},
        {"extra_headers": {"Host": "a"}},
        {"extra_headers": {"X": 1}},
        {"x": float("nan")},
        {"x": Nothing()},
        {"x": "\ud800"},
    ],
    ids=repr,
)
def test_no_error_shows_the_key(params: dict[str, Any]) -> None:
    made = config()
    with pytest.raises((TypeError, ValueError)) as raised:
        encode_request(made, ENDPOINT, params, idempotency_key="once")
    assert KEY not in shown(raised.value)


# Values


@pytest.mark.fault("H5")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Text("text"), "text"),
        (Whole(7), 7),
        (Real(1.5), 1.5),
        (np.str_("text"), "text"),
        (np.int64(7), 7),
        (np.uint8(7), 7),
        (np.float64(1.5), 1.5),
        (np.float32(1.5), 1.5),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(["a"]), ["a"]),
        ({"logit_bias": {np.str_("50256"): np.float32(-100)}}, {"logit_bias": {"50256": -100}}),
        (decimal.Decimal("1.5"), 1.5),
        (2**63, 2**63),
        (17786007661749115000, 17786007661749115000),
        (1e300, 1e300),
        (-0.0, -0.0),
        (Colour.RED, "red"),
        (Data(), {"role": "user", "content": "hi", "name": None}),
        (Attrs(), {"role": "user", "content": "hi", "name": None}),
        (Pydantic(call_id="c"), {"role": "user", "content": "hi", "tool_call_id": "c"}),
        (Struct(), {"role": "user", "content": "hi"}),
        ([Pydantic(content=[Pydantic()])], [{"role": "user", "content": [{"role": "user", "content": "hi"}]}]),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (Words(a=Words(b=1)), {"a": {"b": 1}}),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(int, a=1), {"a": 1}),
        (collections.ChainMap({"a": 1}, {"a": 2, "b": 3}), {"a": 1, "b": 3}),
        ((1, "a"), [1, "a"]),
        (Pair(1, 2), [1, 2]),
        (Row([1, 2]), [1, 2]),
        (collections.deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        ({"a": 1}.values(), [1]),
        ({"a": 1}.keys(), ["a"]),
        ({"a"}, ["a"]),
        (frozenset(["a"]), ["a"]),
        ((item for item in "ab"), ["a", "b"]),
        (map(str, [1]), ["1"]),
        (iter([1]), [1]),
        ({1: "a", 2.5: "c"}, {"1": "a", "2.5": "c"}),
        ({datetime.date(2026, 1, 2): 1}, {"2026-01-02": 1}),
        (datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), "2026-01-02T00:00:00Z"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("null", "null"),
        ("NaN Infinity null", "NaN Infinity null"),
        ("\u6c34\U0001f34c\0\x7f\u2028", "\u6c34\U0001f34c\0\x7f\u2028"),
        ("", ""),
    ],
    ids=repr,
)
def test_values_that_can_be_sent(value: Any, expected: Any) -> None:
    assert body(value=value) == {"value": expected}


def test_the_word_null_does_not_make_odd_values_wrong() -> None:
    """Where `null` turns up, the body is looked through; what can be sent must pass that too."""
    odd = [
        Text("null"),
        Whole(7),
        np.float32(1.5),
        np.array([1.0]),
        decimal.Decimal(1),
        Colour.RED,
        Data(content=None),
        Attrs(content=None),
        Pydantic(content=None),
        Struct(content=None),
        Words(a=None),
        Row([None]),
        {1: None, uuid.UUID(int=1): None, datetime.date(2026, 1, 2): None},
        b"bytes",
        uuid.UUID(int=1),
        {"a": 1}.values(),
        True,
        None,
        2**80,
    ]
    assert len(body(value=odd)["value"]) == len(odd)


NAN = float("nan")
BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "nan": ({"temperature": NAN}, ValueError, "temperature is nan, which JSON cannot carry"),
    "inf": ({"temperature": float("inf")}, ValueError, "temperature is inf"),
    "-inf": ({"temperature": float("-inf")}, ValueError, "temperature is -inf"),
    "nan at depth": ({"a": [{"b": (1, {"c": NAN})}]}, ValueError, "a[0].b[1].c is nan"),
    "nan of a subclass": ({"a": Real("nan")}, ValueError, "a is nan"),
    "nan of numpy": ({"a": np.float64("nan")}, ValueError, "a is nan"),
    "nan of numpy, single": ({"a": [np.float32("inf")]}, ValueError, "a[0] is inf"),
    "nan in an array": ({"a": np.array([[0.0, 1.0], [NAN, 1.0]])}, ValueError, "a[1][0] is nan"),
    "nan in a dataclass": ({"messages": [Data(content={"x": NAN})]}, ValueError, "messages[0].content.x is nan"),
    "nan in attrs": ({"messages": [Attrs(content=NAN)]}, ValueError, "messages[0].content is nan"),
    "nan in a Struct": ({"a": Struct(content=[NAN])}, ValueError, "a.content[0] is nan"),
    "nan in our Struct": (
        {"a": ResponseFormat(type=ResponseFormatType.JSON_SCHEMA, schema_={"maximum": NAN})},
        ValueError,
        "a.schema.maximum is nan",
    ),
    "nan in a mapping": ({"a": Words(b=NAN)}, ValueError, "a.b is nan"),
    "nan in a sequence": ({"a": Row([0, NAN])}, ValueError, "a[1] is nan"),
    "nan in values": ({"a": {"x": NAN}.values()}, ValueError, "a[0] is nan"),
    "nan in an iterator": ({"a": iter([1, NAN])}, ValueError, "a[1] is nan"),
    "nan in extra_body": ({"extra_body": {"a": NAN}}, ValueError, "a is nan"),
    "nan Decimal": ({"a": decimal.Decimal("NaN")}, ValueError, "a is NaN, which JSON cannot carry"),
    "inf Decimal": ({"a": [decimal.Decimal("-Infinity")]}, ValueError, "a[0] is -Infinity"),
    "nan under an odd key": ({"logit_bias": {"50 256": NAN}}, ValueError, "logit_bias['50 256'] is nan"),
    "nan under a number": ({"logit_bias": {50256: NAN}}, ValueError, "logit_bias[50256] is nan"),
    "lone surrogate": (
        {"messages": [USER, USER, {"role": "user", "content": "ab\ud83d"}]},
        ValueError,
        "messages[2].content holds a lone surrogate (U+D83D at index 2), which UTF-8 cannot carry",
    ),
    "lone surrogate in parts": (
        {"messages": [{"content": [{"type": "text", "text": "\udc00"}]}]},
        ValueError,
        "messages[0].content[0].text holds a lone surrogate (U+DC00 at index 0)",
    ),
    "lone surrogate in a subclass": ({"a": Text("\ud800")}, ValueError, "a holds a lone surrogate"),
    "lone surrogate of numpy": ({"a": np.str_("\ud800")}, ValueError, "a holds a lone surrogate"),
    "lone surrogate in a dataclass": ({"a": [Data(content="\ud800")]}, ValueError, "a[0].content holds a lone"),
    "lone surrogate in a key": ({"a": {"\ud800": 1}}, ValueError, "the key '\\ud800' of a holds a lone surrogate"),
    "lone surrogate in a parameter": ({"\ud800": 1}, ValueError, "the key '\\ud800' of the request holds"),
    "object": ({"a": {"b": [Nothing()]}}, TypeError, "a.b[0]: Nothing has no JSON form"),
    "class": ({"a": Data}, TypeError, "a: type has no JSON form"),
    "pydantic class": ({"a": Pydantic}, TypeError, "a: ModelMetaclass has no JSON form"),
    "attrs class": ({"a": Attrs}, TypeError, "a: type has no JSON form"),
    "function": ({"tools": [len]}, TypeError, "tools[0]: builtin_function_or_method has no JSON form"),
    "complex": ({"a": 1j}, TypeError, "a: complex has no JSON form"),
    "generator at depth": ({"a": {"b": (x for x in "a")}}, TypeError, "a.b: generator has no JSON form"),
    "enum of an object": ({"a": Colour.NOWHERE}, TypeError, "a: object has no JSON form"),
    "object in a dataclass": ({"a": Data(content=Nothing())}, TypeError, "a.content: Nothing has no JSON form"),
    "object in pydantic": ({"a": Pydantic(content=Nothing())}, TypeError, "a: "),
    "object in a Struct": ({"a": [Struct(content=Nothing())]}, TypeError, "a[0].content: Nothing has no JSON form"),
    "object in an array": ({"a": np.array([Nothing()])}, TypeError, "a[0]: Nothing has no JSON form"),
    "key None": ({"a": {None: 1}}, TypeError, "a has a key of type NoneType; JSON keys are str"),
    "key tuple": ({"a": {(1, 2): 1}}, TypeError, "a has a key of type tuple; JSON keys are str"),
    "key frozenset": ({"a": {frozenset(): 1}}, TypeError, "a has a key of type frozenset"),
    "key object": ({"a": [{Nothing(): 1}]}, TypeError, "a[0] has a key of type Nothing"),
}


@pytest.mark.fault("H1", "H3", "H4")
@pytest.mark.parametrize(("params", "error", "message"), BAD.values(), ids=BAD)
def test_values_that_cannot_be_sent(params: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        encode(dict(params))
    assert str(raised.value).startswith(message)
    assert raised.type is error
    assert raised.value.__cause__ is None


def itself() -> Any:
    value: list[Any] = []
    value.append({"a": value})
    return value


def nested(depth: int, inner: Any = None) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.fault("H4")
@pytest.mark.parametrize(
    "value",
    [itself(), nested(100_000), nested(100_000, NAN), Words(a=nested(5000, Words()))],
    ids=["holds itself", "deep", "deep, with nan", "deep in a mapping"],
)
def test_nested_too_deeply(value: Any) -> None:
    with pytest.raises(ValueError, match="is nested too deeply, or holds itself"):
        encode({"value": value})


@pytest.mark.fault("H4")
@pytest.mark.parametrize("depth", [800, 1200, 3000, 9000])
@pytest.mark.parametrize("key", [None, "a"])
def test_how_deep_is_too_deep_on_every_python(depth: int, key: str | None) -> None:
    """A shallow stack of our own: pytest's takes much of what Python 3.11 allows."""
    value: Any = "x"
    for _ in range(depth):
        value = [value] if key is None else {key: value}
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(encode({"value": value}))
        except ValueError as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert isinstance(outcome[0], ValueError) is (depth > 900)


def test_many_brackets_are_not_deep() -> None:
    body = encode({"value": ["[{" * 5000, *({"a": [i]} for i in range(5000))]}).body
    assert len(json.loads(body)["value"]) == 5001


@pytest.mark.parametrize("inner", [NAN, Nothing()], ids=["nan", "object"])
def test_a_bad_value_deep_below(inner: Any) -> None:
    """The encoder reaches deeper than the search for the path does."""
    for _ in range(600):
        inner = {"a": inner}
    with pytest.raises(ValueError, match="the request is nested too deeply, or holds itself"):
        encode({"value": inner})


class Moody:
    """Has a JSON form only when it is asked again."""

    asked = False

    def tolist(self) -> Any:
        if not self.asked:
            self.asked = True
            raise TypeError("not now")
        return 1


def test_what_cannot_be_found_again() -> None:
    with pytest.raises(ValueError, match="the request cannot be encoded as JSON: not now"):
        encode({"value": Moody()})


def test_objects_that_are_no_messages() -> None:
    assert plain_object(7) == 7
    assert plain_object(Nothing) is Nothing
    assert plain_object(USER) is USER
    assert json.loads(encode_json({"tools": [Tools(function=FunctionTool(name="f"))]})) == {
        "tools": [{"function": {"name": "f"}, "type": "function"}]
    }
