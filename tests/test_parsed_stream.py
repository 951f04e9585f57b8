"""Streams whose end is a value of the caller's own type."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from support.answers import DONE, SSE, chunk, chunked, event
from support.clients import CALL, KEY
from support.scripted import ScriptedServer, request, send

from togetherpy import ParseError, Together

Maker = Callable[..., Any]


class Lake(msgspec.Struct):
    name: str


def body(text: str) -> bytes:
    return SSE + chunked(event(chunk(text[:5])) + event(chunk(text[5:])) + event(chunk("", "stop")) + DONE)


def test_chunks_first_and_then_the_value() -> None:
    with (
        ScriptedServer([request, send(body('{"name": "Kivu"}'))]) as server,
        Together(api_key=KEY, base_url=server.base_url) as client,
    ):
        stream = client.chat.completions.parse(**CALL, response_format=Lake, stream=True)
        assert "".join(stream.text_deltas()) == '{"name": "Kivu"}'
        assert stream.get_final_response().choices[0].message.parsed == Lake("Kivu")


def test_text_that_does_not_fit() -> None:
    with (
        ScriptedServer([request, send(body('{"name": 5}'))]) as server,
        Together(api_key=KEY, base_url=server.base_url) as client,
        client.chat.completions.parse(**CALL, response_format=Lake, stream=True) as stream,
        pytest.raises(ParseError) as raised,
    ):
        stream.get_final_response()
    assert raised.value.completion.choices[0].message.content == '{"name": 5}'
