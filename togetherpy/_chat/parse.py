"""A whole answer -> the same with what its texts say, as values of the caller's own type.

In: a ParsedChatCompletion that has none yet, and the type. Out: the same, each choice's `message.parsed` set.
The rule: an answer that was paid for is not lost because its text does not fit: the exception has all of it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from togetherpy._typed.decoding import decode_text, misfit, type_name
from togetherpy.error import InvalidRequestError, ParseError
from togetherpy.types._model import carry, new
from togetherpy.types.chat_completions import ChatCompletionChoicesData, ChatCompletionMessage, ChatCompletionResponse
from togetherpy.types.parsed import ParsedChatCompletion, ParsedChoice, ParsedMessage

_MAX_SHOWN = 2_000
"""Characters of a schema that an exception's note shows."""


def fill(answer: ParsedChatCompletion[Any], to: Any) -> ParsedChatCompletion[Any]:
    """`answer` with every choice parsed; None where there is no text.

    Raises:
        ParseError: a text that is no `to`, the first one; the other choices are parsed nevertheless.
    """
    failure: ParseError | None = None
    for place, choice in enumerate(_choices(answer)):
        message = choice.message
        text: Any = message.content
        message.parsed = None
        cut = choice.finish_reason == "length"
        if text is None or (isinstance(text, str) and not text.strip()):
            if not cut:
                continue  # a tool call, or a refusal
            text = ""
        try:
            # Some servers send a list of parts; a lenient decode kept it.
            message.parsed = decode_text(to, text if isinstance(text, str) else _joined(text))
        except Exception as error:
            failure = failure or _failure(answer, place, text, to, error, cut=cut)
    if failure is not None:
        raise failure
    return answer


def _choices(answer: ParsedChatCompletion[Any]) -> list[ParsedChoice[Any]]:
    """The choices; what the server sent as null, and a lenient decode has kept so, is made to what the types say."""
    answer.choices = answer.choices or []
    for choice in answer.choices:
        choice.message = choice.message or ParsedMessage()
    return answer.choices


def _joined(content: Any) -> str:
    parts: list[Any] = [part.get("text") if hasattr(part, "get") else part for part in content]
    return "".join(part for part in parts if isinstance(part, str))


def _failure(
    answer: ParsedChatCompletion[Any], place: int, text: Any, to: Any, error: Exception, *, cut: bool
) -> ParseError:
    reason, path = misfit(error)
    if cut:
        why = "the answer was cut at max_tokens (finish_reason is 'length'); raise max_tokens"
    else:
        why = f"{reason}, at {path}"
    failure = ParseError(f"The answer does not fit {type_name(to)}: {why}. All of it is in .completion.")
    failure.text, failure.path, failure.choice = str(text), path, place
    failure.completion = answer
    failure.http_status, failure.maybe_billed, failure.request_id = 200, True, answer.id
    failure.__cause__ = error
    return failure


def parsed_from(answer: ChatCompletionResponse) -> ParsedChatCompletion[Any]:
    """The same answer as one whose choices can be parsed."""
    fields = msgspec.structs.asdict(answer)
    fields["choices"] = [_choice_from(choice) for choice in answer.choices or ()]
    cls: type[ParsedChatCompletion[Any]] = ParsedChatCompletion
    return carry(answer, new(cls, **fields))


def _choice_from(choice: ChatCompletionChoicesData) -> ParsedChoice[Any]:
    message = choice.message or ChatCompletionMessage()
    outer: type[ParsedChoice[Any]] = ParsedChoice
    inner: type[ParsedMessage[Any]] = ParsedMessage
    fields = msgspec.structs.asdict(choice)
    fields["message"] = carry(message, new(inner, **msgspec.structs.asdict(message)))
    return carry(choice, new(outer, **fields))


def explain_refusal(error: InvalidRequestError, to: Any) -> None:
    """Says of a refusal whose reason is the schema that it is, and whose schema it is."""
    said = error.message.lower()
    if error.status_code not in (400, 422) or not any(
        word in said for word in ("schema", "grammar", "response_format")
    ):
        return
    from togetherpy._typed.schema import strict_schema

    error.message = (
        f"{error.message} This is about the JSON schema made from {type_name(to)}: leave out of that type what the "
        "server does not support (patterns, bounds, recursion, unions, dicts are the usual ones), or use another model."
    )
    error.args = (error.message,)
    shown = msgspec.json.encode(strict_schema(to)).decode()
    error.add_note(f"The schema: {shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + '...'}")
