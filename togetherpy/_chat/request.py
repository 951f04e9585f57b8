"""The parameters of a chat completion, as they are sent.

In: what the user gave to `create`. Out: the same, ready to be encoded.
The rule: what is missing, or cannot be meant, raises TypeError that names it, before anything is sent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from togetherpy._chat.arguments import check_arguments
from togetherpy._core.caller import warn_caller
from togetherpy._core.encode import TOO_DEEP, plain_object
from togetherpy._core.names import require
from togetherpy.types._model import Model
from togetherpy.types.chat_completions import ChatCompletionMessage

_SUCH_AS = "{'role': 'user', 'content': '...'}"


def prepare(params: dict[str, Any], stream: bool | None, method: str = "create") -> dict[str, Any]:
    """The parameters as they are sent; complains of what is missing and warns of what does not go together."""
    check_arguments(method, params, stream)
    # What is not given, or nearly always right, costs no call of a function.
    if params.get("messages") is None or type(params.get("model")) is not str:
        require(method, params, "messages", "model")
    if "repetition_penalty" in params and _goes_against(params):
        warn_caller("repetition_penalty works against presence_penalty and frequency_penalty; use one kind only")
    params["messages"] = plain_messages(params["messages"])
    if "tools" in params and params["tools"] is not None:
        params["tools"] = _described(params["tools"])
    if "stop" in params and isinstance(params["stop"], str):
        params["stop"] = [params["stop"]]  # the API takes a list only
    if type(stream) is bool:
        params["stream"] = stream
    return params


def _goes_against(params: Mapping[str, Any]) -> bool:
    return bool(params["repetition_penalty"] and (params.get("presence_penalty") or params.get("frequency_penalty")))


def _described(tools: Any) -> Any:
    """`tools` with functions as the API wants tools described."""
    if callable(tools):
        raise TypeError("tools must be a list: tools=[function]")
    if not isinstance(tools, Iterable) or isinstance(tools, (str, bytes, Mapping, msgspec.Struct)):
        return cast(Any, tools)  # the server says what is wrong with it
    listed = list(cast("Iterable[object]", tools))
    if not any(map(callable, listed)):
        return listed
    from togetherpy.tools import definitions

    return definitions(listed)


def plain_messages(messages: Any) -> list[Any]:
    """`messages` as a list of JSON objects.

    Raises:
        TypeError: not a list of messages, or one with content that no message can have.
    """
    if messages.__class__ is not list:
        _refuse_no_list(messages)
    plain: list[Any] = [*messages]
    for index, message in enumerate(plain):
        # Nearly all are dicts with a text, and need no other look.
        if message.__class__ is not dict or message.get("content").__class__ is not str or "tool_calls" in message:
            plain[index] = _plain_message(message, index)
    return plain


def _refuse_no_list(messages: object) -> None:
    given = type(messages).__name__
    if isinstance(messages, (str, bytes, Mapping, msgspec.Struct)) or not isinstance(messages, Iterable):
        raise TypeError(f"messages must be a list of messages such as {_SUCH_AS}, not {given}")


def _plain_message(message: object, index: int) -> object:
    plain = plain_object(message)
    if isinstance(plain, dict):
        fields = cast("dict[str, Any]", plain)
        content = fields.get("content")
        if type(content) is not str:
            _check_content(content, f"messages[{index}].content")
        return _with_whole_calls(fields) if fields.get("tool_calls") else fields
    if isinstance(plain, ChatCompletionMessage):
        return _as_it_came(plain)
    if not isinstance(plain, msgspec.Struct):
        raise TypeError(
            f"messages[{index}] must be a dict such as {_SUCH_AS}, one of our message types, a dataclass or a pydantic "
            f"object, not {type(plain).__name__}"
        )
    if isinstance(plain, Model) and "role" not in plain.__struct_encode_fields__:
        raise TypeError(
            f"messages[{index}] is no message but a {type(plain).__name__}; that of an answer is "
            "response.choices[0].message"
        )
    return plain


def _as_it_came(message: ChatCompletionMessage) -> object:
    """A message of an answer, to go back: with the fields that our types do not name, for some servers want them."""
    simple = message.tool_calls is None and getattr(message, "parsed", None) is None and not message.model_extra
    if simple and message.role is not None:
        return message
    # What parse() made of the text is the caller's; the server has the text.
    plain = message.model_dump(exclude={"parsed"}, exclude_none=True)
    # No server takes a message that is nobody's, though some leave it open whose their answer is.
    fields = {"role": "assistant"} | {name: value for name, value in plain.items() if value is not None}
    if not message.tool_calls:
        # Together answers [] for "none", which servers of the same protocol refuse to take back.
        fields.pop("tool_calls", None)
    return _with_whole_calls(fields)


def _with_whole_calls(message: dict[str, Any]) -> dict[str, Any]:
    """`message` with tool calls as the API wants them: some servers send them with less than they take."""
    calls: Any = message.get("tool_calls")
    if not isinstance(calls, (list, tuple)):
        return message
    return message | {"tool_calls": [_whole_call(call) for call in cast("Sequence[object]", calls)]}


def _whole_call(call: object) -> object:
    given = call.to_dict() if isinstance(call, Model) else call
    if not isinstance(given, dict):
        return given
    fields: dict[str, Any] = {**cast("dict[str, Any]", given)}
    function: Any = fields.get("function")
    if isinstance(function, dict):
        arguments: Any = cast("dict[str, Any]", function).get("arguments")
        if arguments is None or arguments == "":
            arguments = "{}"
        elif isinstance(arguments, (dict, list)):
            with contextlib.suppress(TypeError, ValueError, RecursionError):  # what is wrong with it is said later
                arguments = msgspec.json.encode(arguments).decode()
        fields["function"] = {**cast("dict[str, Any]", function), "arguments": arguments}
    return {**fields, "type": fields.get("type") or "function"}


def _check_content(content: object, path: str) -> None:
    try:
        _refuse_bytes(content, path)
    except RecursionError:
        raise ValueError(f"{path} {TOO_DEEP}") from None


def _refuse_bytes(content: object, path: str) -> None:
    """msgspec would send bytes as base64, which no model is meant to read."""
    given = type(content).__name__
    if isinstance(content, (bytes, bytearray, memoryview)):
        raise TypeError(f"{path} is {given}; decode it to str first")
    if isinstance(content, (list, tuple)):
        for index, item in enumerate(cast("Sequence[object]", content)):
            _refuse_bytes(item, f"{path}[{index}]")
    elif isinstance(content, dict):
        for key, item in cast("dict[object, object]", content).items():
            _refuse_bytes(item, f"{path}.{key}")
