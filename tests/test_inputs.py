"""What a user may hand to `create` and what not, H1 to H7, seen from the server's side."""

import dataclasses
import json
import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import attrs
import numpy
import pydantic
import pytest
from support.answers import OK, answer, error_body
from support.clients import failure
from support.scripted import ScriptedServer, repeat, request, send

from togetherpy.types.chat_completions import ChatCompletionMessage, FunctionCall, ToolCalls

Maker = Callable[..., Any]
HI = {"role": "user", "content": "hi"}


def sent(client: Maker, **params: Any) -> Any:
    """The body that these parameters make."""
    with ScriptedServer([request, send(OK)]) as server:
        client(server).create(**params)
        return json.loads(server.requests[0].body)


def refused(client: Maker, expected: type[Exception], **params: Any) -> str:
    """The complaint about these parameters, which must come before anything is sent."""
    with ScriptedServer([request, send(OK)]) as server:
        caller = client(server)
        error = failure(expected, lambda: caller.create(**params))
        assert server.connections == 0
        return str(error)


@pytest.mark.fault("H1")
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, numpy.float32("nan")])
def test_numbers_that_json_lacks(client: Maker, value: Any) -> None:
    assert "temperature" in refused(client, ValueError, temperature=value)
    assert "logit_bias" in refused(client, ValueError, logit_bias={"17": value})
    assert "extra.deep[1]" in refused(client, ValueError, extra={"deep": [1.0, value]})


@pytest.mark.fault("H3")
def test_lone_surrogate(client: Maker) -> None:
    messages = [HI, {"role": "user", "content": "a\ud83d"}]
    assert "messages[1].content" in refused(client, ValueError, messages=messages)
    assert "U+D83D" in refused(client, ValueError, messages=messages)
    assert "user" in refused(client, ValueError, user="\udcff")


class Odd:
    pass


@pytest.mark.fault("H4")
@pytest.mark.parametrize("value", [Odd(), object(), 1j, Odd, lambda: 0])
def test_objects_that_json_lacks(client: Maker, value: Any) -> None:
    assert "metadata.key" in refused(client, TypeError, metadata={"key": value})
    assert "messages[0].content" in refused(client, TypeError, messages=[{"role": "user", "content": value}])


@pytest.mark.fault("H4")
def test_what_holds_itself(client: Maker) -> None:
    circle: dict[str, Any] = {}
    circle["again"] = circle
    assert "holds itself" in refused(client, ValueError, metadata=circle)


@pytest.mark.fault("H4")
@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        ("hi", "messages must be a list"),
        (HI, "messages must be a list"),
        (7, "messages must be a list"),
        (["hi"], "messages[0]"),
        ([HI, None], "messages[1]"),
        ([{"role": "user", "content": b"hi"}], "messages[0].content"),
    ],
)
def test_messages_that_are_none(client: Maker, messages: Any, shown: str) -> None:
    assert shown in refused(client, TypeError, messages=messages)


@pytest.mark.parametrize(("name", "value"), [("model", None), ("model", 7), ("messages", None)])
def test_what_is_missing(client: Maker, name: str, value: Any) -> None:
    assert name in refused(client, TypeError, **{name: value})


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


@pytest.mark.fault("H5")
@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (Text("abc"), "abc"),
        (Whole(7), 7),
        (numpy.str_("abc"), "abc"),
        (numpy.float64(0.5), 0.5),
        (numpy.float32(0.5), 0.5),
        (numpy.int64(7), 7),
        (numpy.bool_(True), True),
        (numpy.array([1, 2]), [1, 2]),
        ((1, 2), [1, 2]),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (10**30, 10**30),
    ],
)
def test_kinds_of_values(client: Maker, value: Any, wire: Any) -> None:
    assert sent(client, extra=value)["extra"] == wire
    assert sent(client, extra={"deep": [value]})["extra"] == {"deep": [wire]}


@dataclasses.dataclass
class AsDataclass:
    role: str
    content: str
    name: str | None = None


@attrs.define
class AsAttrs:
    role: str
    content: str
    name: str | None = None


class AsModel(pydantic.BaseModel):
    role: str
    content: str
    name: str | None = None


@pytest.mark.fault("H5")
@pytest.mark.parametrize("kind_of_message", [AsDataclass, AsAttrs, AsModel, ChatCompletionMessage, dict])
def test_kinds_of_messages(client: Maker, kind_of_message: Any) -> None:
    messages = [kind_of_message(role="user", content=Text("hi"))]
    assert sent(client, messages=messages)["messages"] == [HI]
    assert sent(client, messages=iter(messages))["messages"] == [HI]


@pytest.mark.fault("H5")
def test_answer_goes_back_as_it_is(client: Maker) -> None:
    with ScriptedServer([repeat(request, send(OK))]) as server:
        caller = client(server)
        reply = caller.create().choices[0].message
        caller.create(messages=[HI, reply])
        assert json.loads(server.requests[1].body)["messages"] == [
            HI,
            {"role": "assistant", "content": "the-completion-nobody-logs"},
        ]


@pytest.mark.fault("H5")
def test_tool_calls_go_back_as_they_are(client: Maker) -> None:
    call = ToolCalls(id="c-1", type="function", function=FunctionCall(name="f", arguments="{}"))
    message = ChatCompletionMessage(role="assistant", tool_calls=[call])
    assert sent(client, messages=[HI, message])["messages"][1] == {
        "role": "assistant",
        "tool_calls": [{"id": "c-1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }


@pytest.mark.fault("H5")
def test_parts_of_content(client: Maker) -> None:
    parts = [{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": "data:image/png,"}}]
    assert sent(client, messages=[{"role": "user", "content": parts}])["messages"][0]["content"] == parts


@pytest.mark.fault("H6")
def test_unknown_parameters_are_sent_and_none_is_not(client: Maker) -> None:
    body = sent(client, brand_new={"a": None}, also_new=[1], top_k=None, stop="end")
    assert (body["brand_new"], body["also_new"], body["stop"]) == ({"a": None}, [1], ["end"])
    assert "top_k" not in body


@pytest.mark.fault("H7")
def test_caller_changes_its_objects_between_attempts(client: Maker) -> None:
    messages = [dict(HI)]

    def change(peer: Any) -> None:
        messages[0]["content"] = "changed"
        messages.append(HI)

    with ScriptedServer([request, change, send(answer(error_body(), 500)), request, send(OK)]) as server:
        client(server, max_retries=1).create(messages=messages)
        assert len({one.body for one in server.requests}) == 1
        assert json.loads(server.requests[1].body)["messages"] == [HI]
