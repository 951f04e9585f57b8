"""The content of a message -> its text, thinking and other parts; an answer -> its text, or why it has none.

In: what a server put where a text belongs: a text, or a list of parts. Out: texts.
The rule: a form that is odd is read as far as it is known; no text is never taken for an empty one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeGuard, cast

if TYPE_CHECKING:
    from togetherpy.error import NoTextError
    from togetherpy.types.chat_completions import ChatCompletionResponse


def said(answer: ChatCompletionResponse) -> str:
    """The text of the first choice.

    Raises:
        NoTextError: there is none; or it is empty, and the answer says why.
    """
    choice = _first(answer)
    content = getattr(_message(choice), "content", None)
    if content is None:
        content = getattr(choice, "text", None)  # as completions have it
    text = "" if content is None else text_of(content)
    if text or (content is not None and not _reason(choice)):
        return text
    raise no_text(answer)


def no_text(answer: ChatCompletionResponse) -> NoTextError:
    """What is raised for an answer without a text."""
    from togetherpy.error import NoTextError

    choice = _first(answer)
    if choice is None:
        reason = "it has no choices"
    else:
        reason = _reason(choice) or f"its content is None, with finish_reason {choice.finish_reason}"
    error = NoTextError(f"The answer has no text: {reason}.")
    error.completion = answer
    return error


def _first(answer: ChatCompletionResponse) -> Any:
    choices = items(answer.choices)
    return choices[0] if choices else None


def _message(choice: Any) -> Any:
    return getattr(choice, "message", None)


def _reason(choice: Any) -> str:
    """What an answer without a text has instead, and where; empty when it does not say."""
    message = _message(choice)
    calls = items(getattr(message, "tool_calls", None))
    if calls:
        names = [getattr(getattr(call, "function", None), "name", None) for call in calls]
        called = ", ".join(name for name in names if isinstance(name, str)) or "a tool"
        return f"the model called {called}; the calls are in choices[0].message.tool_calls"
    if getattr(message, "refusal", None):
        return "the model refused; its words are in choices[0].message.refusal"
    finished = getattr(choice, "finish_reason", None)
    if finished == "length":
        return "it was cut before its text began; raise max_tokens"
    if finished == "content_filter":
        return "a content filter withheld it"
    if getattr(choice, "error", None):
        return "the server put an error in its place, which is in choices[0].error"
    return ""


def text_of(content: Any) -> str:
    """The text of a message's or a delta's content; servers that think send a list of parts."""
    if content.__class__ is str:
        return content
    return "".join(_texts(part) for part in parts_of(content) if part.get("type", "text") in _TEXT)


def reasoning_of(content: Any) -> str:
    """What the parts of a content say of the model's thinking."""
    if content.__class__ is str:
        return ""
    return "".join(_texts(part) for part in parts_of(content) if part.get("type") in _THINKING)


def other_parts(content: Any) -> list[Any]:
    """The parts of a content that are neither."""
    known = (*_TEXT, *_THINKING)
    return [part for part in items(content) if not isinstance(part, dict) or _kind(part) not in known]


def parts_of(content: Any) -> Iterator[dict[str, Any]]:
    """The parts that are objects."""
    for part in items(content):
        if isinstance(part, dict):
            yield cast("dict[str, Any]", part)


_TEXT = ("text", "output_text")
_THINKING = ("thinking", "reasoning", "thinking_delta")


def _kind(part: Any) -> Any:
    return part.get("type", "text")


def _texts(part: Any) -> str:
    """The text in a part, however deep: some put a list of texts into a thought."""
    if isinstance(part, str):
        return part
    if isinstance(part, list):
        return "".join(map(_texts, cast("list[object]", part)))
    if isinstance(part, dict):
        fields = cast("dict[str, Any]", part)
        return "".join(_texts(fields.get(name)) for name in ("text", "thinking", "reasoning", "summary", "content"))
    return ""


def items(value: Any) -> list[Any]:
    """`value` as a list: a lenient decode may have kept one thing where there should be a list of them."""
    if is_list(value):
        return value
    return [] if value is None else [value]


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether it is a list, of whatever."""
    return isinstance(cast(Any, value), list)
