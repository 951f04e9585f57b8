"""The parameters of a chat completion, as they are sent: messages of every kind, and what is none."""

import json
import types
from typing import Any

import msgspec
import pytest
from support.objects import USER, Attrs, Data, Nothing, Pydantic, Struct, Words

from togetherpy._chat.request import plain_messages, prepare
from togetherpy._core.encode import encode_json
from togetherpy.types.chat_completions import ChatCompletionChoicesData, ChatCompletionMessage, ChatCompletionResponse


def prepared(**params: Any) -> dict[str, Any]:
    return prepare({"model": "m", "messages": [USER], **params}, None)


def test_what_is_sent_of_a_call() -> None:
    assert prepared() == {"model": "m", "messages": [USER]}
    assert prepared(stop="x")["stop"] == ["x"]
    assert prepare({"model": "m", "messages": [USER]}, True)["stream"] is True


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(TypeError, match=rf"create\(\) needs {missing}=\.\.\."):
        prepared(**{missing: None})


def test_functions_among_the_tools_are_described() -> None:
    def look_up(name: str) -> str:
        """Looks it up."""
        return name

    plain = {"type": "function", "function": {"name": "f"}}
    described, kept = prepared(tools=[look_up, plain])["tools"]
    assert msgspec.to_builtins(described)["function"]["name"] == "look_up"
    assert kept is plain
    with pytest.raises(TypeError, match=r"tools=\[function\]"):
        prepared(tools=look_up)


@pytest.mark.fault("H5")
@pytest.mark.parametrize(
    "message",
    [
        USER,
        types.MappingProxyType(USER),
        Words(USER),
        Data(),
        Attrs(),
        Pydantic(),
        Struct(),
        ChatCompletionMessage(role="user", content="hi"),
    ],
    ids=lambda message: type(message).__name__,
)
@pytest.mark.parametrize("container", [list, tuple, iter, lambda items: (item for item in items)], ids=str)
def test_messages_of_every_kind(message: Any, container: Any) -> None:
    # absent fields of objects are not sent
    assert json.loads(encode_json({"m": plain_messages(container([message, message]))})) == {"m": [USER, USER]}


def test_what_a_user_writes_in_a_dict_is_sent_as_it_is() -> None:
    turn = {"role": "assistant", "content": None, "tool_calls": []}
    assert plain_messages([turn]) == [turn]


@pytest.mark.parametrize("messages", ["hi", b"hi", USER, 7, None], ids=repr)
def test_no_list_of_messages(messages: Any) -> None:
    with pytest.raises(TypeError, match="messages must be a list of messages such as"):
        plain_messages(messages)


@pytest.mark.fault("H4")
@pytest.mark.parametrize("message", ["hi", b"hi", None, 7, ["user", "hi"], Nothing(), Data, Pydantic], ids=repr)
def test_no_message(message: Any) -> None:
    with pytest.raises(TypeError, match=r"messages\[1\] must be a dict such as {'role': 'user'"):
        plain_messages([USER, message])


@pytest.mark.parametrize(
    "given", [ChatCompletionResponse(), ChatCompletionChoicesData()], ids=lambda one: type(one).__name__
)
def test_what_a_message_stands_in_is_none(given: Any) -> None:
    with pytest.raises(TypeError, match=rf"messages\[1\] is no message but a {type(given).__name__}; .*choices\[0\]"):
        plain_messages([USER, given])


@pytest.mark.fault("H4")
@pytest.mark.parametrize("data", [b"hi", bytearray(b"hi"), memoryview(b"hi")], ids=lambda data: type(data).__name__)
def test_bytes_are_no_text(data: Any) -> None:
    kind = type(data).__name__
    with pytest.raises(TypeError, match=rf"messages\[1\].content is {kind}; decode it to str first"):
        plain_messages([USER, {"role": "user", "content": data}])
    parts = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": data}}]
    with pytest.raises(TypeError, match=rf"messages\[0\].content\[1\].image_url.url is {kind}"):
        plain_messages([{"role": "user", "content": parts}])


def test_an_answer_goes_back_without_nulls() -> None:
    raw = b"""{"choices": [{"message": {"role": "assistant", "content": null, "reasoning": null, "tool_calls": [
        {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}]}"""
    (choice,) = msgspec.json.decode(raw, type=ChatCompletionResponse).choices
    sent = json.loads(encode_json({"messages": plain_messages([choice.message])}))
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert sent == {"messages": [{"role": "assistant", "tool_calls": [call]}]}


def test_an_answer_that_nobody_gave_goes_back_as_the_models() -> None:
    raw = b"""{"choices": [{"message": {"content": "hi"}}]}"""
    (choice,) = msgspec.json.decode(raw, type=ChatCompletionResponse).choices
    (plain,) = plain_messages([choice.message])
    assert json.loads(encode_json({"m": plain})) == {"m": {"role": "assistant", "content": "hi"}}


def test_no_tool_calls_are_none() -> None:
    message = ChatCompletionMessage(role="assistant", content="hi", tool_calls=[])
    (plain,) = plain_messages([message])
    assert json.loads(encode_json({"m": plain})) == {"m": {"role": "assistant", "content": "hi"}}
    assert message.tool_calls == []  # the caller's own is left alone


@pytest.mark.fault("H4")
def test_content_that_holds_itself() -> None:
    part: dict[str, Any] = {"type": "text", "text": "x"}
    part["more"] = [part]
    deep: Any = None
    for _ in range(100_000):
        deep = [deep]
    message: dict[str, Any] = {"role": "user", "content": []}
    message["content"].append(message)
    for content in ([part], message["content"], {"a": deep}):
        with pytest.raises(ValueError, match=r"messages\[1\]\.content is nested too deeply, or holds itself"):
            plain_messages([USER, {"role": "user", "content": content}])
