"""What `parse()` adds to `create()`."""

import json
from typing import Any

import msgspec
import pytest

from togetherpy import BadRequestError
from togetherpy._chat import parsing
from togetherpy._chat.parsed_stream import AsyncParsedStream, ParsedStream
from togetherpy._core.encode import encode_json
from togetherpy.types.parsed import ParsedChatCompletion


class Lake(msgspec.Struct):
    name: str


def test_the_type_is_sent_as_a_schema() -> None:
    params = parsing.asking_for(Lake, {"model": "m"})
    assert json.loads(encode_json(params))["response_format"]["json_schema"]["name"] == "Lake"
    with pytest.raises(TypeError, match="response_type goes with create"):
        parsing.asking_for(Lake, {"response_type": dict})


def test_a_refused_schema_says_whose_it_is() -> None:
    error = BadRequestError("Invalid schema for response_format")
    error.status_code = 400
    with pytest.raises(BadRequestError) as raised, parsing.refusals_explained(Lake):
        raise error
    assert "Lake" in "".join([str(raised.value), *getattr(raised.value, "__notes__", [])])


def test_what_comes_back() -> None:
    raw = b'{"choices": [{"message": {"content": "{\\"name\\": \\"Kivu\\"}"}}]}'
    answer = msgspec.json.decode(raw, type=ParsedChatCompletion[Any])
    assert parsing.finisher(Lake, stream=False)(answer).choices[0].message.parsed == Lake("Kivu")
    assert parsing.endpoint_for(False, None).answer is not parsing.endpoint_for(True, None).answer


@pytest.mark.parametrize(("asynchronous", "kind"), [(False, ParsedStream), (True, AsyncParsedStream)])
def test_streams_of_the_right_kind(asynchronous: bool, kind: Any) -> None:
    class Old:
        _over = False

        def __init__(self) -> None:
            self._reader = self._body = None

    made = parsing.finisher(Lake, stream=True, asynchronous=asynchronous)(Old())
    made._over = True
    assert isinstance(made, kind)
