"""What `parse()` adds to `create()`; loaded with its first call.

In: the type that an answer is to be. Out: the request's part that says so, and the answer as that type.
The rule: how a call is made is the client's, and what a schema is is `_core.schema`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from togetherpy._chat.arguments import check_names
from togetherpy._chat.facts import ChatAnswer
from togetherpy._chat.parse import explain_refusal, fill
from togetherpy._typed.schema import response_format
from togetherpy.error import InvalidRequestError
from togetherpy.resources.chat import completions as chat
from togetherpy.types.parsed import ParsedChatCompletion

if TYPE_CHECKING:
    from togetherpy._core.wire import Endpoint

_ENDPOINT: Endpoint[Any] = msgspec.structs.replace(
    chat.CHAT_COMPLETIONS, answer=ChatAnswer[ParsedChatCompletion[Any]](ParsedChatCompletion[Any])
)


def asking_for(to: Any, params: dict[str, Any]) -> dict[str, Any]:
    """`params` with the `response_format` that `to` makes.

    Raises:
        TypeError: `to` has no JSON schema, or there is another type beside it.
    """
    check_names("parse", params)
    if params.get("response_type") is not None:
        raise TypeError("parse() takes response_format=..., the type of the text; response_type goes with create()")
    params["response_format"] = response_format(to)
    return params


@contextmanager
def refusals_explained(to: Any) -> Generator[None, None, None]:
    """Around the call: a refused schema says whose it is."""
    try:
        yield
    except InvalidRequestError as error:
        explain_refusal(error, to)
        raise


def finisher(to: Any, *, stream: bool, asynchronous: bool = False) -> Callable[[Any], Any]:
    """What makes of what `create` would have returned what `parse` returns; it raises ParseError for a text that does
    not fit."""
    if not stream:
        return lambda answer: fill(answer, to)
    from togetherpy._chat.parsed_stream import AsyncParsedStream, ParsedStream

    kind: Any = AsyncParsedStream[Any] if asynchronous else ParsedStream[Any]
    return lambda answer: kind(answer, to)


def endpoint_for(stream: bool | None, n: int | None) -> Endpoint[Any]:
    """Where answers that are to be parsed come from."""
    return chat.endpoint_for(None, True, n) if stream else _ENDPOINT
