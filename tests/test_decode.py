"""JSON and events -> values or exceptions."""

from typing import Any

import msgspec
import pytest

from togetherpy import error as errors
from togetherpy._chat.facts import names_error
from togetherpy._core.config import Secret
from togetherpy._core.decode import decode_json, decode_odd_event
from togetherpy._core.sse import NamedEvent
from togetherpy._core.wire import Headers
from togetherpy.types.chat_completions import ChatCompletionChunk

CHUNK = msgspec.json.Decoder(ChatCompletionChunk)
HEADERS = Headers({"content-type": "application/json", "x-request-id": "r"})


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_json_is_remembered_with_its_value() -> None:
    value = decode_json(CHUNK, b'{"id": "x", "new": 1}')
    assert (value.id, value.model_extra) == ("x", {"new": 1})
    assert decode_json(msgspec.json.Decoder(dict[str, int]), b'{"a": 1}') == {"a": 1}


def test_json_that_does_not_fit_is_kept_as_it_came() -> None:
    assert decode_json(CHUNK, b'{"id": 5}').id == 5
    with pytest.raises(ValueError, match="no JSON object"):
        decode_json(CHUNK, b"[]")


def odd(data: bytes, secrets: tuple[Secret, ...] = ()) -> Any:
    return decode_odd_event(CHUNK, data, 200, HEADERS, secrets, names_error)


def event(data: bytes, name: str) -> NamedEvent:
    made = NamedEvent(data)
    made.event = name
    return made


@pytest.mark.fault("D9", "D11")
@pytest.mark.parametrize(
    ("data", "cls", "message"),
    [
        (b'{"error": {"message": "m", "code": 500}}', errors.InternalServerError, "named an error: m."),
        (b'{"error": "m"}', errors.APIStatusError, "named an error: m."),
        (b'{"object": "error", "message": "m", "code": 429}', errors.RateLimitError, "named an error: m."),
        (b'{"choices": [], "error": {"message": "m"}}', errors.APIStatusError, "named an error: m."),
        (event(b'{"message": "m"}', "error"), errors.APIStatusError, "named an error: m."),
        (event(b'{"choices": []}', "error"), errors.APIStatusError, 'named an error: {"choices": []}'),
        (event(b"gone", "error"), errors.APIStatusError, "named an error: gone"),
        (b'{"choices": [', errors.APIResponseError, "an event of the stream is not usable JSON"),
        (b"oops", errors.APIResponseError, ": 'oops'"),
        (b"null", errors.APIResponseError, "no JSON object but NoneType"),
        (b"\xff", errors.APIResponseError, "not usable JSON"),
        (event(b"gone", "other"), errors.APIResponseError, "not usable JSON"),
        (b'{"z": %s}' % nested(100_000), errors.APIResponseError, "not usable JSON"),
    ],
)
def test_events_that_are_errors(data: bytes, cls: type, message: str) -> None:
    made = odd(data)
    assert type(made) is cls
    assert message in str(made)
    assert made.request_id == "r"
    if cls is errors.APIResponseError:
        assert made.body == data[: 64 * 1024]


@pytest.mark.fault("D10")
def test_events_that_are_only_odd() -> None:
    assert type(odd(b"{}")) is ChatCompletionChunk
    assert odd(b'{"choices": null, "usage": null}').choices is None
    assert odd(event(b'{"choices": []}', "other")).choices == []
    assert odd(b'\xef\xbb\xbf{"id": "x"}').id == "x"


@pytest.mark.fault("G7")
def test_what_an_error_event_echoes_is_masked() -> None:
    secrets = (Secret("sk-secret"),)
    for data in (b'{"error": "key sk-secret"}', b"damaged sk-secret"):
        made = odd(data, secrets)
        assert "sk-secret" not in f"{made!s}{made.body!r}"
