"""What `parse()` adds to `create()`; loaded with its first call.

In: the type that an answer is to be. Out: the request's part that says so, and the answer as that type.
The rule: how a call is made is the client's, and what a schema is is `_core.schema`'s.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from togetherpy._chat.arguments import check_names
from togetherpy._chat.parse import explain_refusal, fill
from togetherpy._typed.schema import response_format
from togetherpy.error import InvalidRequestError
from togetherpy.resources.chat import CHAT_COMPLETIONS
from togetherpy.types.parsed import ParsedChatCompletion

if TYPE_CHECKING:
    from togetherpy._core.wire import Endpoint

ENDPOINT: Endpoint = msgspec.structs.replace(CHAT_COMPLETIONS, response=msgspec.json.Decoder(ParsedChatCompletion[Any]))


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


def finish(answer: Any, to: Any, *, stream: bool, asynchronous: bool = False) -> Any:
    """What `parse` returns, from what `create` would have returned.

    Raises:
        ParseError: the text does not fit.
    """
    if not stream:
        return fill(answer, to)
    from togetherpy._chat.parsed_stream import AsyncParsedStream, ParsedStream

    return AsyncParsedStream[Any](answer, to) if asynchronous else ParsedStream[Any](answer, to)
