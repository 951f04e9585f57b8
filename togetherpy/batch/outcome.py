"""What became of a row, as the cells of a table.

In: the body of an answer, or an exception. Out: answer, error, usage and attempts, which every engine can keep.
The rule: never an exception; of what was paid for the text is there, in the error if it does not fit.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from togetherpy._typed.decoding import decode_text, misfit, type_name
from togetherpy.batch.envelope import decode, failure_of

_MOST_SHOWN = 4_000
"""Characters of an answer that does not fit its type, in the error."""
USAGE = "prompt_tokens", "completion_tokens", "total_tokens"


class Outcome(msgspec.Struct, frozen=True):
    """The four cells that a row gets."""

    answer: Any = None
    error: str | None = None
    """None: it was answered. Else `code: message`."""
    usage: dict[str, int | None] | None = None
    """Tokens: prompt, completion, total."""
    attempts: int = 0
    """Times that it was sent; 0 for what the store had and what could not be sent."""


class _Message(msgspec.Struct):
    content: Any = None
    tool_calls: Any = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    finish_reason: Any = None


class _Body(msgspec.Struct):
    choices: list[_Choice]
    usage: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(_Body)


def answered(body: bytes, to: Any, attempts: int) -> Outcome:
    """The outcome of an answer; `to`: the type that its text is to be, or None."""
    try:
        said = decode(_decoder, body)
        choice = said.choices[0]
        text = _text(choice.message or _Message())
    except (ValueError, RecursionError, IndexError) as error:
        return Outcome(error=f"answer: it cannot be read: {error}: {_shown(body.decode(errors='replace'))}")
    usage = None if said.usage is None else {name: _count(said.usage.get(name)) for name in USAGE}
    if to is None or text is None:
        return Outcome(text, None, usage, attempts)
    try:
        return Outcome(_builtins(decode_text(to, text)), None, usage, attempts)
    except Exception as error:
        reason = misfit(error)
        cut = " (it was cut at max_tokens)" if choice.finish_reason == "length" else ""
        message = f"answer: it does not fit {type_name(to)}{cut}: {reason.reason}, at {reason.path}: {_shown(text)}"
        return Outcome(None, message, usage, attempts)


def failed(error: BaseException, attempts: int = 0) -> Outcome:
    """The outcome of a row without an answer."""
    failure = failure_of(error)
    message = f"{failure.code}: {failure.message}".encode(errors="replace").decode()  # tables keep UTF-8 only
    return Outcome(error=message, attempts=attempts)


def _text(message: _Message) -> str | None:
    """The text; where there is none, the tool calls as JSON."""
    content = message.content
    if isinstance(content, list):  # some servers send parts
        parts: list[Any] = cast(Any, content)
        content = "".join(map(_text_of, parts))
    if not content and message.tool_calls:
        return msgspec.json.encode(message.tool_calls).decode()
    return content if content is None or isinstance(content, str) else msgspec.json.encode(content).decode()


def _text_of(part: Any) -> str:
    text: Any = cast("dict[str, Any]", part).get("text") if isinstance(part, dict) else part
    return text if isinstance(text, str) else ""


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None


def _shown(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _builtins(value: Any) -> Any:
    """A value of the caller's type as dicts and lists, which a table can keep."""
    return msgspec.to_builtins(value, enc_hook=_dumped)


def _dumped(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json")
    raise NotImplementedError(type(value).__name__)
